#!/usr/bin/env python3
"""Golden values of models of CLUTRR and of set refinement: Tests/RelationNetworksTests/Golden/clutrr.safetensors.

    python3 scripts/golden/clutrr.py

Needs torch and safetensors. Whole models, small: LSTMs in both directions on top of one another, read sentence by
sentence and as a whole; a relation network over the sentences as they are (rn), over a set refined by
Algorithm 1 of Huang and others (srn), over one refined as the authors' program does, with momentum and a first set
that is a constant (srn-detached), and with refined weights of its pairs (grn). What a set of pairs sums up
to (relations), pooled by rank, for sets of unequal sizes, too (ragged). A relation network over rows that are refined
(objects). Everything is differentiated to the parameters.
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from relation_networks import Relation, words

WORDS, WIDTH, HIDDEN, SENTENCES, SIZE, ANSWERS = 45, 6, 5, 3, 20, 7
STEPS = 3


class FSPool(nn.Module):
    """Every feature is sorted from its largest value down, and weighted by rank."""

    def __init__(self, features, pieces=20):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, pieces + 1))
        self.pieces = pieces

    def ranks(self, count):
        place = torch.arange(count, dtype=torch.float64) / max(count - 1, 1) * self.pieces
        ends = torch.arange(self.pieces + 1, dtype=torch.float64)
        return (1 - (place[:, None] - ends).abs()).clamp(min=0).to(self.weight) @ self.weight.T

    def forward(self, x, counts=None):
        if counts is None:
            return (x.sort(1, descending=True).values * self.ranks(x.shape[1])).sum(1)
        return torch.stack([self(x[i:i + 1, :count])[0] for i, count in enumerate(counts)])


class Elements(nn.Module):
    def __init__(self, features, widths):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(features, widths[0]), nn.ReLU(), nn.Linear(widths[0], widths[1]))
        self.pool = FSPool(widths[1])

    def forward(self, x):
        return self.pool(self.mlp(x) / x.shape[1])


class Relations(nn.Module):
    def __init__(self, features, widths):
        super().__init__()
        self.g = nn.Sequential(
            nn.Linear(2 * features, widths[0]), nn.ReLU(), nn.Linear(widths[0], widths[1]), nn.ReLU())
        self.pool = FSPool(widths[1])

    def forward(self, x):
        batch, count, width = x.shape
        pairs = torch.cat([x[:, :, None].expand(batch, count, count, width),
                           x[:, None].expand(batch, count, count, width)], 3)
        return self.pool(self.g(pairs).flatten(1, 2) / count ** 2)


class Graph(nn.Module):
    def __init__(self, features, widths):
        super().__init__()
        for number, (inputs, width) in enumerate(zip([features] + widths, widths)):
            layer = nn.Module()
            layer.own, layer.others = nn.Linear(inputs, width), nn.Linear(inputs, width)
            self.add_module(str(number), layer)

    def forward(self, nodes, weights):
        layers = list(self.children())
        for number, layer in enumerate(layers):
            nodes = layer.own(nodes) + weights @ layer.others(nodes) / nodes.shape[1]
            nodes = nodes.relu() if number < len(layers) - 1 else nodes
        return nodes.mean(1)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, WIDTH)
        self.lstm = nn.LSTM(WIDTH, HIDDEN, num_layers=2, batch_first=True, bidirectional=True)

    def forward(self, sentences):
        states, (last, _) = self.lstm(self.embed(sentences))
        return states, last[-2:].transpose(0, 1).flatten(1)


def refine(start, target, summary, rate, momentum=0, detached=False):
    """Where a set is after some inner steps, and the inner loss before each of them."""
    x, velocity, losses = start.detach().requires_grad_() if detached else start, 0, []
    for _ in range(STEPS):
        x = x if x.requires_grad else x.requires_grad_()
        distances = ((summary(x) - target) ** 2).sum(1)
        losses.append(distances.mean())
        slope = torch.autograd.grad(distances.sum(), x, create_graph=True)[0]
        velocity = momentum * velocity + slope
        x = x - rate * velocity
    return x, losses


class Objects(nn.Module):
    """A relation network over four objects that are refined until they sum up to z."""

    def __init__(self):
        super().__init__()
        self.rn = Relation(6, 11, [9, 8], [11, ANSWERS])
        self.refiner = nn.Module()
        self.refiner.summary, self.refiner.target = Elements(6, [12, 6]), nn.Linear(24, 6)

    def forward(self, objects, question):
        refined, losses = refine(
            objects, self.refiner.target(objects.flatten(1)), self.refiner.summary, rate=20.0)
        assert losses[-1] < 0.9 * losses[0], losses
        return self.rn(refined, question)


class Kinship(nn.Module):
    def __init__(self, kind, rate, momentum, detached):
        super().__init__()
        self.kind, self.rate, self.momentum, self.detached = kind, rate, momentum, detached
        width = 2 * HIDDEN
        self.encoder = Encoder()
        self.rn = Relation(width, 2 * width, [9, 8], [11, ANSWERS])
        if kind != "rn":
            self.refiner = nn.Module()
            self.refiner.summary = (Elements if kind == "srn" else Graph)(width, [12, 6])
            self.refiner.target = nn.Linear(width, 6)

    def weighted(self, objects, weights, question):
        batch, count, width = objects.shape
        pairs = torch.cat([objects[:, :, None].expand(-1, count, count, -1),
                           objects[:, None].expand(-1, count, count, -1),
                           question[:, None, None].expand(-1, count, count, -1)], 3)
        return self.rn.f((self.rn.g(pairs).relu() * weights[..., None]).sum((1, 2)))

    def refine(self, start, target, summary):
        x, self.losses = refine(start, target, summary, self.rate, self.momentum, self.detached)
        return x

    def forward(self, sentences, text, mentions):
        batch, count, length = sentences.shape
        states, last = self.encoder(sentences.flatten(0, 1))
        objects, last = (x.reshape(batch, count, -1) for x in (states.mean(1), last))
        read = self.encoder(text)[0]
        question = torch.cat([read[torch.arange(batch), mentions[:, i].long()] for i in (0, 1)], 1)
        if self.kind == "rn":
            return self.rn(objects, question)
        target = self.refiner.target(last.mean(1))
        objects = functional.pad(objects, (0, 0, 0, SIZE - count))
        if self.kind == "srn":
            return self.rn(self.refine(objects, target, self.refiner.summary), question)
        weights = self.refine(torch.ones(batch, SIZE, SIZE).to(objects), target,
                              lambda weights: self.refiner.summary(objects, weights))
        return self.weighted(objects, weights, question)


def models(tensors):
    for name, kind, rate, momentum, detached in [
        ("rn", "rn", 0, 0, False), ("srn", "srn", 200.0, 0, False),
        ("srn-detached", "srn", 100.0, 0.5, True), ("grn", "grn", 500.0, 0, False),
    ]:
        model = Kinship(kind, rate, momentum, detached).double()
        sentences, text = words(WORDS, 3, SENTENCES, 6), words(WORDS, 3, 11)
        mentions = torch.randint(0, 11, (3, 2), dtype=torch.int32)
        target = torch.randint(0, ANSWERS, (3,), dtype=torch.int32)
        logits = model(sentences, text, mentions)
        loss = functional.cross_entropy(logits, target.long())
        loss.backward()
        entries = {"inputs.sentences": sentences, "inputs.text": text, "inputs.mentions": mentions,
                   "inputs.target": target, "logits": logits, "loss": loss}
        if kind != "rn":
            entries["losses"] = torch.stack(model.losses)
            losses = entries["losses"].tolist()
            assert losses[-1] < 0.9 * losses[0], losses
        for key, parameter in model.named_parameters():
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            entries |= {f"weights.{key}": parameter, f"gradients.{key}": gradient}
        tensors |= {f"{name}/{key}": value for key, value in entries.items()}


def objects(tensors):
    model = Objects().double()
    objects, question = torch.randn(3, 4, 6).double(), torch.randint(0, 2, (3, 11)).double()
    target = torch.randint(0, ANSWERS, (3,), dtype=torch.int32)
    logits = model(objects, question)
    loss = functional.cross_entropy(logits, target.long())
    loss.backward()
    entries = {"inputs.objects": objects, "inputs.question": question, "inputs.target": target,
               "logits": logits, "loss": loss}
    for key, parameter in model.named_parameters():
        entries |= {f"weights.{key}": parameter, f"gradients.{key}": parameter.grad}
    tensors |= {f"objects/{key}": value for key, value in entries.items()}


def summaries(tensors):
    x = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(3, 6, dtype=torch.float64)
    for name, module, run in [
        ("relations", Relations(5, [8, 6]), lambda module: module(x)),
        ("elements", Elements(5, [8, 6]), lambda module: module(x)),
        ("ragged", FSPool(5), lambda module: module(x, [3, 1, 4])),
    ]:
        x.grad = None
        module = module.double()
        result = run(module)
        (result * upstream[:, :result.shape[1]]).sum().backward()
        entries = {"input": x, "result": result, "upstream": upstream[:, :result.shape[1]],
                   "gradients.input": x.grad.clone()}
        for key, parameter in module.named_parameters():
            entries |= {f"weights.{key}": parameter, f"gradients.{key}": parameter.grad}
        tensors |= {f"{name}/{key}": value for key, value in entries.items()}


def main():
    torch.manual_seed(31)
    tensors = {}
    models(tensors)
    summaries(tensors)
    objects(tensors)
    tests = pathlib.Path(__file__).parents[2] / "Tests" / "RelationNetworksTests" / "Golden"
    save_file({key: (value.detach().float() if value.is_floating_point() else value).contiguous()
               for key, value in tensors.items()}, tests / "clutrr.safetensors")


if __name__ == "__main__":
    main()
