#!/usr/bin/env python3
"""What `relate parity` has to come to: Tests/EndToEndTests/Golden/parity.json.

    python3 scripts/golden/parity.py

Needs torch and safetensors. Weights and inputs are numbers that anybody can make from their names
and places (`number`), so that no file has to hold them; the test makes the same. Computed in double
precision. Of each gradient the file has the norm, and the product with the numbers `probe.NAME`.
"""
import json
import pathlib

import torch
from torch.nn import functional

from relation_networks import Model

BATCH, ANSWERS = 3, 10


def number(name, place):
    """A number from 0 to 1 of a place of a tensor."""
    x = 2166136261
    for byte in name.encode():
        x = (x ^ byte) * 16777619 & 0xFFFFFFFF
    x = x + place & 0xFFFFFFFF
    for _ in range(2):
        x = (x ^ x >> 16) * 0x45D9F3B & 0xFFFFFFFF
    return (x ^ x >> 16) / 2**32


def numbers(name, *shape):
    count = torch.Size(shape).numel()
    return torch.tensor([number(name, i) for i in range(count)], dtype=torch.float64).reshape(shape)


def weights(name, shape):
    """Rounded to float32, as a file holds them."""
    drawn = numbers(name, *shape)
    if len(shape) == 1:
        made = 0.05 + 0.2 * drawn
    else:
        made = (2 * drawn - 1) / torch.Size(shape[1:]).numel() ** 0.5
    return made.float().double()


def main():
    golden = {}
    for name, model, things in [
        ("sort-of-clevr-quick", Model(rn=(10, 11, [128] * 4, [128, 128, ANSWERS])),
         2 * numbers("objects", BATCH, 6, 10) - 1),
        ("sort-of-clevr-small", Model([24] * 4, rn=(26, 11, [256] * 4, [256, 256, ANSWERS])),
         numbers("image", BATCH, 3, 75, 75)),
    ]:
        model = model.double()
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                parameter.copy_(weights(key, parameter.shape))
        question = (numbers("question", BATCH, 11) > 0.5).double()
        target = (numbers("target", BATCH) * ANSWERS).long()
        torch.set_default_dtype(torch.float64)
        logits = model(things.float().double(), question)
        torch.set_default_dtype(torch.float32)
        loss = functional.cross_entropy(logits, target)
        loss.backward()
        golden[name] = {
            "loss": loss.item(), "logits": logits.flatten().tolist(),
            "gradients": {
                key: {"norm": parameter.grad.norm().item(),
                      "probe": (parameter.grad * (2 * numbers(f"probe.{key}", *parameter.shape) - 1))
                      .sum().item()}
                for key, parameter in model.named_parameters()},
        }
    folder = pathlib.Path(__file__).parents[2] / "Tests" / "EndToEndTests" / "Golden"
    folder.mkdir(exist_ok=True)
    (folder / "parity.json").write_text(json.dumps(golden, indent=1) + "\n")


main()
