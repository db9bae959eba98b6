#!/usr/bin/env python3
"""Writes what PyTorch computes, for Tests/NeuralNetworksTests to compare with.

    python3 scripts/golden/networks.py Tests/NeuralNetworksTests/Golden

Needs torch and safetensors. The files are committed; run this again only to add a case.
"""
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file

tensors = {}


def record(case, module, *inputs, call=None, trains=True):
    """Values, and gradients of sum(output * upstream), of one layer."""
    module.train(trains)
    # Norms begin with ones and zeros, which would hide a mistake.
    for parameter in module.parameters():
        if parameter.dim() == 1:
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            tensors[f"{case}/parameters/layer.{name}"] = value.clone()
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in inputs]
    output = (call or module)(*inputs)
    upstream = torch.randn_like(output)
    (output * upstream).sum().backward()
    for name, buffer in module.named_buffers():
        if trains and name.startswith("running_"):
            tensors[f"{case}/after/{name}"] = buffer.clone()
    tensors[f"{case}/input"] = inputs[0].detach()
    tensors[f"{case}/output"] = output.detach()
    tensors[f"{case}/upstream"] = upstream
    for name, parameter in module.named_parameters():
        tensors[f"{case}/gradients/layer.{name}"] = parameter.grad
    if inputs[0].grad is not None:
        tensors[f"{case}/gradient"] = inputs[0].grad


def batch_statistics(case, x):
    axes = [axis for axis in range(x.dim()) if axis != 1]
    tensors[f"{case}/mean"] = x.mean(axes)
    tensors[f"{case}/variance"] = x.var(axes, unbiased=True)


def last_hidden(lstm, lengths):
    """The hidden state after each sequence's own last element, directions side by side."""
    def call(x):
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False)
        return torch.cat(list(lstm(packed)[1][0]), 1)
    return call


def layers():
    record("linear", nn.Linear(5, 3), torch.randn(4, 5))
    record("linear-3d", nn.Linear(5, 3), torch.randn(2, 3, 5))
    perceptron = nn.Sequential(
        nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    record("perceptron", perceptron, torch.randn(7, 6))
    dropping = nn.Sequential(
        nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2))
    record("perceptron-dropout", dropping, torch.randn(7, 6), trains=False)
    record("convolution", nn.Conv2d(3, 4, 3, stride=2, padding=1), torch.randn(2, 3, 7, 6))
    record("convolution-plain", nn.Conv2d(2, 3, 2, bias=False), torch.randn(2, 2, 4, 4))
    record(
        "transposed", nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1, output_padding=1),
        torch.randn(2, 3, 4, 3))
    x = torch.randn(3, 2, 4, 4) * 2 + 1
    batch_statistics("batch-norm", x)
    record("batch-norm", nn.BatchNorm2d(2), x)
    x = torch.randn(6, 3) * 2 + 1
    batch_statistics("batch-norm-1d", x)
    record("batch-norm-1d", nn.BatchNorm1d(3), x)
    running = nn.BatchNorm2d(2)
    running.running_mean.add_(torch.tensor([0.5, -0.25]))
    running.running_var.mul_(torch.tensor([2.0, 0.5]))
    record("batch-norm-running", running, torch.randn(3, 2, 4, 4), trains=False)
    record("layer-norm", nn.LayerNorm(6), torch.randn(4, 3, 6) * 2 + 1)
    record("embedding", nn.Embedding(5, 3), torch.tensor([[0, 4, 4], [2, 1, 0]]))
    lstm = nn.LSTM(3, 4, batch_first=True)
    record("lstm", lstm, torch.randn(4, 5, 3), call=last_hidden(lstm, [5, 2, 1, 3]))
    both = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    record("lstm-both", both, torch.randn(4, 5, 3), call=last_hidden(both, [5, 2, 1, 3]))


def training():
    """Ten steps of Adam on one batch."""
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    x, y = torch.randn(6, 4), torch.tensor([0, 1, 2, 2, 1, 0])
    for name, value in net.state_dict().items():
        tensors[f"training/parameters/layer.{name}"] = value.clone()
    tensors["training/input"], tensors["training/labels"] = x, y
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    tensors["training/losses"] = torch.stack(losses)


def optimizers():
    parameters = torch.randn(37)
    gradients = torch.randn(10, 37) * torch.logspace(-6, 3, 37)
    tensors["adam/initial"], tensors["adam/gradients"] = parameters.clone(), gradients
    parameters.requires_grad_()
    optimizer = torch.optim.Adam([parameters], lr=1e-3)
    trace = []
    for gradient in gradients:
        parameters.grad = gradient.clone()
        optimizer.step()
        trace.append(parameters.detach().clone())
    tensors["adam/parameters"] = torch.stack(trace)
    tensors["adam/first"] = optimizer.state[parameters]["exp_avg"]
    tensors["adam/second"] = optimizer.state[parameters]["exp_avg_sq"]
    for name, scale in [("large", 10.0), ("small", 0.01)]:
        x = torch.zeros(300, requires_grad=True)
        x.grad = torch.randn(300) * scale
        tensors[f"clipping/{name}/gradient"] = x.grad.clone()
        tensors[f"clipping/{name}/norm"] = torch.nn.utils.clip_grad_norm_([x], 2.5)
        tensors[f"clipping/{name}/clipped"] = x.grad


def formats(folder):
    """Files that Python's safetensors writes: one of every type, and one to be matched exactly."""
    save_file({
        "float32": torch.tensor([[1.5, -2.25, 2**-127], [float("inf"), 0.1, -0.0]]),
        "float64": torch.tensor([0.1, -1e300, 2.5], dtype=torch.float64),
        "float16": torch.tensor([1.5, 65504, 6e-8], dtype=torch.float16),
        "brain16": torch.tensor([1.5, -3e38, 0.1], dtype=torch.bfloat16),
        "int64": torch.tensor([-(2**63), 7, 2**63 - 1]),
        "int32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        "int16": torch.tensor([-300], dtype=torch.int16),
        "int8": torch.tensor([-128, 127], dtype=torch.int8),
        "uint8": torch.tensor([[0], [255]], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(4.0),
        "empty": torch.zeros(0, 3),
    }, folder / "types.safetensors", metadata={"format": "pt", "note": "a \"quoted\"\n\u00fc\u2028"})
    save_numpy({
        "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
        "a.bias": np.array([-1.5], dtype=np.float32),
        "step": np.array([123456789012], dtype=np.int64),
        "labels": np.array([[3, -4]], dtype=np.int32),
        "bytes": np.array([1, 2, 255], dtype=np.uint8),
        "nothing": np.zeros((0, 2), dtype=np.float32),
        "naïve \"name\"\t\x01": np.array(2.5, dtype=np.float32),
    }, folder / "exact.safetensors", metadata={"note": "a \"quoted\"\n\u00fc\u2028 \\ /"})


def main():
    folder = Path(sys.argv[1])
    torch.manual_seed(1)
    torch.set_num_threads(1)
    layers()
    training()
    optimizers()
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, folder / "pytorch.safetensors")
    formats(folder)


main()
