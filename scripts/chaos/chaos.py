# A run on real processes while faults happen to them, compared with an undisturbed one.

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time

from relay import Relay

FAULTS = {  # how often each happens, relative to the others
    "kill worker": 4,
    "leave": 3,
    "freeze worker": 4,
    "kill server": 1,
    "stop server": 1,
    "freeze server": 2,
    "break connections": 5,
    "cut to server": 3,
    "cut to worker": 3,
    "slow link": 4,
}


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/chaos.sh")
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--steps-per-minute", type=int, default=600)
    parser.add_argument("--every", type=float, default=0.4, help="seconds between faults")
    parser.add_argument("--audit", type=float, default=0)
    parser.add_argument("--only", choices=sorted({f.split()[0] for f in FAULTS}))
    parser.add_argument("--keep", help="a directory for the runs and logs, kept")
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def lines(path):
    try:
        with open(path) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


class Chaos:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.random = random.Random(options.seed)
        self.steps = max(50, int(options.minutes * options.steps_per_minute))
        self.experiment = [
            "sort-of-clevr", "--preset", "quick", "--replicas", "6", "--batch-size", "32",
            "--seed", str(options.seed), "--steps", str(self.steps), "--evaluate-every",
            str(max(25, self.steps // 8)), "--set", "images.training=200", "--set",
            "images.validation=40", "--set", "images.test=40"]
        self.run = folder + "/run"
        self.ports = free_ports(2)
        self.server, self.workers, self.relays = None, [], []
        self.counts, self.notes, self.frozen = {}, [], set()
        self.server_is_down = False
        self.done = False

    # Processes

    async def start(self, program, arguments, log):
        # Keys are made in the home directory when they are first needed.
        environment = dict(os.environ, HOME=self.folder)
        with open(f"{self.folder}/{log}.log", "ab") as output:
            return await asyncio.create_subprocess_exec(
                f"{self.options.bin}/{program}", *arguments, env=environment, cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output)

    async def start_server(self):
        begins = not os.path.exists(self.run + "/experiment.json")
        what = self.experiment + ["--run", self.run] if begins else [
            "--run", self.run, "--resume"]
        audit = ["--audit", str(self.options.audit)] if self.options.audit else []
        self.server = await self.start(
            "ParameterServer",
            what + ["--listen", f"127.0.0.1:{self.ports[0]}", "--data-port", str(self.ports[1]),
                    "--silence", "1", "--checkpoint-every", "2", "--wait", "60"] + audit,
            "server")

    async def start_worker(self, index):
        self.workers[index] = await self.start(
            "Worker", ["--server", f"{address(index)}:{self.ports[0]}"], f"worker-{index + 1}")

    async def reference(self):
        """The undisturbed run, in one process."""
        run = self.folder + "/reference"
        process = await self.start(
            "relate", ["train"] + self.experiment + ["--run", run, "--single-process"],
            "reference")
        if await process.wait() != 0:
            raise SystemExit(f"The undisturbed run failed: {self.folder}/reference.log")
        return run

    async def undisturbed_seconds(self):
        """How long the same processes take when nothing happens to them."""
        begun = time.monotonic()
        await self.begin()
        await self.server.wait()
        await self.end()
        shutil.rmtree(self.run)
        return time.monotonic() - begun

    async def begin(self):
        await self.start_server()
        self.workers = [None] * self.options.workers
        for index in range(self.options.workers):
            await self.start_worker(index)

    async def end(self):
        for process in self.workers + [self.server]:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
                try:
                    await asyncio.wait_for(process.wait(), 5)
                except asyncio.TimeoutError:
                    process.kill()
                    await process.wait()

    # What happens

    async def watch(self):
        """Starts again whatever has ended, until the run is complete."""
        while not self.done:
            await asyncio.sleep(0.05)
            for index, worker in enumerate(self.workers):
                if worker.returncode is not None:
                    await self.start_worker(index)
            code = self.server.returncode
            if code is None or self.server_is_down:
                continue
            if code == 0:
                self.done = True
            elif code in (130, -signal.SIGKILL):
                await self.start_server()
            else:
                self.notes.append(f"the server ended by itself, with code {code}")
                self.done = True

    async def have_faults(self, until):
        names = [name for name in FAULTS if self.options.only in (None, name.split()[0])]
        while not self.done and time.monotonic() < until:
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * self.options.every)
            name = self.random.choices(names, [FAULTS[name] for name in names])[0]
            index = self.random.randrange(self.options.workers)
            seconds = self.random.uniform(0.2, 3)
            if self.done or not lines(self.run + "/steps.jsonl"):
                continue
            if await self.have(name, index, seconds):
                self.counts[name] = self.counts.get(name, 0) + 1

    async def have(self, name, index, seconds):
        worker, relay = self.workers[index], self.relays[index]
        if name in ("kill worker", "leave"):
            kind = signal.SIGKILL if name == "kill worker" else signal.SIGTERM
            return send(worker, kind)
        if name == "freeze worker":
            return self.freeze(worker, seconds)
        if name == "freeze server":
            return self.freeze(self.server, seconds)
        if name in ("kill server", "stop server"):
            kind = signal.SIGKILL if name == "kill server" else signal.SIGTERM
            if not send(self.server, kind):
                return False
            self.server_is_down = True
            asyncio.ensure_future(self.later(seconds, self.allow_server))
            return True
        if name == "break connections":
            relay.break_connections()
            return True
        direction = relay.to_worker if name == "cut to worker" else relay.to_server
        if name == "slow link":
            relay.to_server.rate = relay.to_worker.rate = 1 << 20
            asyncio.ensure_future(self.later(seconds, lambda: self.quicken(relay)))
        else:
            direction.open.clear()
            asyncio.ensure_future(self.later(2 * seconds, direction.open.set))
        return True

    def freeze(self, process, seconds):
        if process in self.frozen or not send(process, signal.SIGSTOP):
            return False
        self.frozen.add(process)

        def thaw():
            self.frozen.discard(process)
            send(process, signal.SIGCONT)

        asyncio.ensure_future(self.later(seconds, thaw))
        return True

    def allow_server(self):
        self.server_is_down = False

    def quicken(self, relay):
        relay.to_server.rate = relay.to_worker.rate = None

    async def later(self, seconds, action):
        await asyncio.sleep(seconds)
        action()

    async def show_progress(self, begun):
        while not self.done:
            await asyncio.sleep(5)
            step = len(lines(self.run + "/steps.jsonl"))
            spent = time.monotonic() - begun
            left = f", about {spent * (self.steps - step) / step:.0f} s left" if step else ""
            count = sum(self.counts.values())
            print(f"{spent:4.0f} s: step {step} of {self.steps}, {count} faults{left}", flush=True)

    # The whole

    async def go(self):
        for index in range(self.options.workers):
            self.relays.append(Relay(address(index), "127.0.0.1", self.ports))
            await self.relays[-1].start()
        print("The undisturbed run, in one process and on the same processes", flush=True)
        reference = await self.reference()
        usual = await self.undisturbed_seconds()
        print(f"{self.steps} steps; undisturbed {usual:.0f} s. Now with faults.", flush=True)
        begun = time.monotonic()
        await self.begin()
        limit = begun + 60 * self.options.minutes
        others = [asyncio.ensure_future(task) for task in (
            self.have_faults(limit), self.show_progress(begun))]
        try:
            # What is left when the faults are over takes no longer than the run itself.
            await asyncio.wait_for(self.watch(), 60 * self.options.minutes + 2 * usual + 120)
        except asyncio.TimeoutError:
            self.notes.append("the run did not end")
        spent = time.monotonic() - begun
        self.done = True
        for task in others:
            task.cancel()
        for relay in self.relays:
            relay.to_server.open.set()
            relay.to_worker.open.set()
        await self.end()
        return self.verdict(reference, usual, spent)

    def verdict(self, reference, usual, spent):
        for file in ("steps.jsonl", "evaluations.jsonl"):
            mine, theirs = (facts(run, file) for run in (self.run, reference))
            if mine != theirs:
                self.notes.append(f"{file} differs from that of the undisturbed run")
        if summary(self.run) is None or summary(self.run) != summary(reference):
            self.notes.append("the summaries differ")
        count = sum(self.counts.values())
        lost = max(0, spent - usual)
        for name in sorted(self.counts):
            print(f"  {name:18} {self.counts[name]:4}")
        mean = f", {lost / count:.2f} s each" if count else ""
        print(f"{count} faults in {spent:.0f} s; {lost:.0f} s lost{mean}. "
              f"seed {self.options.seed}, {self.steps} steps, {self.options.workers} workers.")
        return count


def facts(run, file):
    """What of a run does not depend on time or on who computed it."""
    if file == "steps.jsonl":
        return [(line["step"], line["digest"]) for line in lines(f"{run}/{file}")]
    return sorted(json.dumps(line, sort_keys=True) for line in lines(f"{run}/{file}"))


def summary(run):
    try:
        with open(run + "/summary.json") as file:
            whole = json.load(file)
    except FileNotFoundError:
        return None
    return {key: whole[key] for key in whole if key != "seconds"}


def send(process, kind):
    if process is None or process.returncode is not None:
        return False
    process.send_signal(kind)
    return True


def address(index):
    return f"127.0.1.{index + 1}"


def free_ports(count):
    """Ports that nobody listens on, here and where the relays will."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def main():
    options = arguments()
    if options.minutes <= 0 or options.workers < 1 or options.workers > 200:
        raise SystemExit("--minutes must be positive, and --workers from 1 to 200.")
    if options.keep:
        os.makedirs(options.keep)
    folder = os.path.abspath(options.keep or tempfile.mkdtemp(prefix="relate-chaos-"))
    chaos = Chaos(options, folder)
    asyncio.run(chaos.go())
    if chaos.notes:
        print("FAILED: " + "; ".join(chaos.notes) + f". The logs are in {folder}; again: "
              f"scripts/chaos.sh --minutes {options.minutes:g} --seed {options.seed}")
        return 1
    print("Identical with the undisturbed run, to the last bit.")
    if not options.keep:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
