#!/usr/bin/env python3
"""Golden values of an inner loop: Tests/NeuralNetworksTests/Golden/inner_loops.safetensors.

    python3 scripts/golden/inner_loops.py

Needs torch, numpy and safetensors. The loop is that of the Set Refiner Network (Huang and others, 2020):
five steps of gradient descent on a set, so that its encoding (a perceptron for each element, then every
feature sorted over the set and weighted by rank) comes near a target. The file holds

    parameters.<name>    the encoder's, named as in the state_dict
    set, target          where the loop begins, and the encoding it looks for
    result               where it ends, for the loop as it is and for the loop that is differentiated
    upstream             the outer loss is sum(result * upstream)
    gradients.<name>     of the outer loss, for every parameter, `set` and `target`

computed in double precision.
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

STEPS, RATE = 5, 0.1


class Encoder(nn.Module):
    def __init__(self, features, widths, elements):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(features, widths[0]), nn.Tanh(), nn.Linear(widths[0], widths[1]))
        self.ranks = nn.Parameter(torch.randn(elements, widths[1]))

    def forward(self, x):
        return (self.network(x).sort(1).values * self.ranks).sum(1)


def refine(encoder, x, target, recording):
    for _ in range(STEPS):
        x = x if recording else x.detach().requires_grad_()
        energy = ((encoder(x) - target) ** 2).sum()
        x = x - RATE * torch.autograd.grad(energy, x, create_graph=recording)[0]
    return x


def main():
    torch.manual_seed(4)
    encoder = Encoder(3, [6, 5], 4)
    x, target, upstream = torch.randn(3, 4, 3), torch.randn(3, 5), torch.randn(3, 4, 3)
    encoder, x, target, upstream = encoder.double(), x.double(), target.double(), upstream.double()
    x.requires_grad_()
    target.requires_grad_()
    result = refine(encoder, x, target, recording=True)
    assert torch.allclose(result, refine(encoder, x, target, recording=False), rtol=1e-12)
    assert (result - x).abs().max() > 0.3
    (result * upstream).sum().backward()
    tensors = {f"parameters.{name}": value for name, value in encoder.state_dict().items()}
    tensors |= {f"gradients.{name}": value.grad for name, value in encoder.named_parameters()}
    tensors |= {"set": x, "target": target, "result": result, "upstream": upstream,
                "gradients.set": x.grad, "gradients.target": target.grad}
    tests = pathlib.Path(__file__).parents[2] / "Tests" / "NeuralNetworksTests" / "Golden"
    save_file({key: value.detach().float().contiguous() for key, value in tensors.items()},
              tests / "inner_loops.safetensors")


main()
