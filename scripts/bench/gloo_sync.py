#!/usr/bin/env python3
"""What PyTorch's Gloo takes for what `relate bench sync` times.

Some processes of this machine hold a float32 gradient each, sum it over all of them and apply Adam, each to
values of its own, as DistributedDataParallel does. Prints one line of JSON with the names of
`relate bench sync --json`; gradient_GB_per_s counts each process's gradient once a step.

    python3 scripts/bench/gloo_sync.py --workers 4 --parameters 20005986 --steps 10
"""

import argparse
import json
import os
import socket
import statistics
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

WARM_UP = 2


def train(rank, options, port, results):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=options.workers)
    values = torch.nn.Parameter(torch.zeros(options.parameters))
    values.grad = torch.randn(options.parameters)
    adam = torch.optim.Adam([values], lr=1e-4)
    steps, sums = [], []
    for step in range(WARM_UP + options.steps):
        dist.barrier()
        start = time.perf_counter()
        dist.all_reduce(values.grad)
        summed = time.perf_counter()
        values.grad.div_(options.workers)
        adam.step()
        # A step is over when the slowest is done.
        dist.barrier()
        if step >= WARM_UP:
            steps.append((time.perf_counter() - start) * 1000)
            sums.append((summed - start) * 1000)
    if rank == 0:
        results.put((steps, sums))
    dist.destroy_process_group()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--parameters", type=int, default=364_402)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    context = mp.get_context("spawn")
    results = context.Queue()
    port = free_port()
    processes = [
        context.Process(target=train, args=(rank, options, port, results))
        for rank in range(options.workers)
    ]
    for process in processes:
        process.start()
    steps, sums = results.get()
    for process in processes:
        process.join()
    median = statistics.median(steps)
    print(
        json.dumps(
            {
                "workers": options.workers,
                "parameters": options.parameters,
                "ms_min": round(min(steps), 2),
                "ms_median": round(median, 2),
                "ms_allreduce_median": round(statistics.median(sums), 2),
                "gradient_GB_per_s": round(
                    options.workers * options.parameters * 4 / median / 1e6, 2
                ),
            }
        )
    )


if __name__ == "__main__":
    main()
