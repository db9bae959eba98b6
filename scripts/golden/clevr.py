#!/usr/bin/env python3
"""Golden values for the models of CLEVR: Tests/RelationNetworksTests/Golden/clevr.safetensors.

    python3 scripts/golden/clevr.py

Needs torch, numpy and safetensors. The cases are networks of the shape of our baselines, with random
weights and inputs, in the form of `relation_networks.py`: stacked attention over cells and over rows
(Yang and others, 2016), a perceptron over the feature map and the question, and one over the question
alone.
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from relation_networks import Encoder, perceptron, words


class Attention(nn.Module):
    """Layers that weigh objects by what is asked, and a perceptron over what was seen."""

    def __init__(self, features, width, hidden, f):
        super().__init__()
        self.objects = nn.Linear(features, width)
        self.layers = nn.ModuleList(
            nn.ModuleDict({
                "objects": nn.Linear(width, h, bias=False), "question": nn.Linear(width, h),
                "score": nn.Linear(h, 1, bias=False)})
            for h in hidden)
        self.f = perceptron(width, *f)

    def forward(self, objects, question):
        seen = torch.tanh(self.objects(objects))
        for layer in self.layers:
            hidden = torch.tanh(layer["objects"](seen) + layer["question"](question)[:, None])
            shares = layer["score"](hidden).softmax(1)
            question = question + (shares * seen).sum(1)
        return self.f(question)


class Model(nn.Module):
    """Pixels, rows or nothing, and questions of words; attention or a perceptron."""

    def __init__(self, vocabulary, channels=None, san=None, mlp=None):
        super().__init__()
        if channels:
            self.conv = Encoder(channels)
        self.embed = nn.Embedding(*vocabulary[:2])
        self.lstm = nn.LSTM(*vocabulary[1:], batch_first=True)
        if san:
            self.san = Attention(*san)
        else:
            self.mlp = perceptron(*mlp)

    def forward(self, things, question):
        state = self.lstm(self.embed(question))[0][:, -1]
        if hasattr(self, "san"):
            objects = self.conv(things, tagged=True) if hasattr(self, "conv") else things
            return self.san(objects, state)
        parts = [self.conv.net(things).flatten(1), state] if hasattr(self, "conv") else [state]
        return self.mlp(torch.cat(parts, dim=1))


def cases():
    vocabulary, channels, hidden, f = (15, 5, 7), [4, 5, 6, 8], [16, 12], [13, 12, 10]
    image, rows, question = torch.rand(3, 3, 32, 32), torch.randn(3, 4, 6), words(15, 3, 9)
    yield "pixels-attention", Model(vocabulary, channels, san=(10, 7, hidden, f)), image, question
    yield "state-attention", Model(vocabulary, san=(6, 7, hidden, f)), rows, question
    yield ("pixels-words-perceptron", Model(vocabulary, channels, mlp=[8 * 4 + 7] + hidden + f),
           image, question)
    yield "question-only", Model(vocabulary, mlp=[7] + hidden + f), rows, question


def main():
    torch.manual_seed(21)
    tensors = {}
    for name, model, things, question in cases():
        for parameter in model.parameters():
            if parameter.dim() == 1:  # so that no bias, scale or shift is at a special value
                nn.init.uniform_(parameter, 0.1, 0.6)
        entries = {f"weights.{key}": value.clone() for key, value in model.state_dict().items()
                   if not key.endswith("num_batches_tracked")}
        entries["inputs.image" if things.dim() == 4 else "inputs.objects"] = things.clone()
        logits = model(things, question)
        target = torch.randint(0, 10, (len(things),), dtype=torch.int32)
        loss = functional.cross_entropy(logits, target.long())
        loss.backward()
        entries |= {"inputs.question": question.clone(), "inputs.target": target,
                    "logits": logits, "loss": loss}
        entries |= {f"gradients.{key}": value.grad for key, value in model.named_parameters()}
        tensors |= {f"{name}/{key}": value.detach().contiguous() for key, value in entries.items()}
    tests = pathlib.Path(__file__).parents[2] / "Tests" / "RelationNetworksTests" / "Golden"
    save_file(tensors, tests / "clevr.safetensors")


main()
