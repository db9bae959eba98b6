#!/usr/bin/env python3
"""Golden values for the perceptrons of dynamic physical systems:
Tests/RelationNetworksTests/Golden/physical.safetensors.

    python3 scripts/golden/physical.py

Needs torch and safetensors. Under `connections/` and `counting/` the file holds the weights, the rows
and targets, and PyTorch's logits, loss and gradients.
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from relation_networks import perceptron

BALLS, FEATURES, BATCH = 10, 35, 3


class Baseline(nn.Module):
    """All rows at once through the layers of g and f."""

    def __init__(self, answers):
        super().__init__()
        self.mlp = perceptron(BALLS * FEATURES, 14, 12, 11, answers)

    def forward(self, rows):
        return self.mlp(rows.flatten(1))


def main():
    torch.manual_seed(21)
    tensors = {}
    for name, answers in [("connections", BALLS * BALLS), ("counting", BALLS)]:
        model, rows = Baseline(answers), torch.randn(BATCH, BALLS, FEATURES)
        logits = model(rows)
        if name == "connections":
            target = torch.randint(0, 2, logits.shape).float()
            loss = functional.binary_cross_entropy_with_logits(logits, target)
        else:
            target = torch.randint(0, answers, (BATCH,), dtype=torch.int32)
            loss = functional.cross_entropy(logits, target.long())
        loss.backward()
        entries = {"inputs.objects": rows, "inputs.target": target, "logits": logits, "loss": loss}
        entries |= {f"weights.{key}": value for key, value in model.named_parameters()}
        entries |= {f"gradients.{key}": value.grad for key, value in model.named_parameters()}
        tensors |= {f"{name}/{key}": value.detach().clone() for key, value in entries.items()}
    folder = pathlib.Path(__file__).parents[2] / "Tests" / "RelationNetworksTests" / "Golden"
    save_file(tensors, folder / "physical.safetensors")


main()
