#!/usr/bin/env python3
"""Golden values for the models: Tests/RelationNetworksTests/Golden/relation_networks.safetensors.

    python3 scripts/golden/relation_networks.py

Needs torch, numpy and safetensors. Each case is a small network of the shape of one of ours, with
random weights and inputs, run once in training mode. The file holds, under `<case>/`:

    weights.<name>       the state before the step, named as in the state_dict
    inputs.<name>        image or objects, question, target
    logits, loss
    gradients.<name>     of the loss, for every parameter
    statistics.<name>    running means and variances after the step; momentum is 1, so they are the
                         batch's own mean and unbiased variance
    evaluation.logits    of half the image, with those running statistics, for the models that have any
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional


class Encoder(nn.Module):
    """Image [b, 3, h, w] to the cells of the last feature map, [b, d * d, channels (+ 2)]."""

    def __init__(self, channels):
        super().__init__()
        stack = []
        for before, after in zip([3] + channels, channels):
            stack.append(nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1))
            stack.append(nn.BatchNorm2d(after, momentum=1.0))
            stack.append(nn.ReLU())
        self.net = nn.Sequential(*stack)

    def forward(self, image, tagged):
        cells = self.net(image)
        rows, columns = cells.shape[2:]
        if tagged:
            y = torch.linspace(-1, 1, rows).reshape(1, 1, rows, 1).expand(len(image), 1, rows, columns)
            x = torch.linspace(-1, 1, columns).expand(len(image), 1, rows, columns)
            cells = torch.cat([cells, y, x], dim=1)
        return cells.permute(0, 2, 3, 1).reshape(len(image), rows * columns, -1)


def perceptron(*widths, drops=False):
    """Linear layers with ReLU between them, numbered as nn.Sequential numbers them.

    With `drops` a dropout layer stands before the last; it counts, but drops nothing here.
    """
    layers = [nn.Linear(widths[0], widths[1])]
    for before, after in zip(widths[1:], widths[2:]):
        layers += [nn.ReLU(), nn.Linear(before, after)]
    if drops:
        layers.insert(-1, nn.Dropout(0.0))
    return nn.Sequential(*layers)


class Relation(nn.Module):
    """f(sum over all i, j of g(o_j, o_i, q)); g ends with a ReLU, f with a linear layer."""

    def __init__(self, features, question, g, f, drops=False):
        super().__init__()
        self.g = perceptron(2 * features + question, *g)
        self.f = perceptron(g[-1], *f, drops=drops)

    def forward(self, objects, question):
        count = objects.shape[1]
        total = 0
        for i in range(count):
            for j in range(count):
                parts = [objects[:, j], objects[:, i]] + ([] if question is None else [question])
                total = total + functional.relu(self.g(torch.cat(parts, dim=1)))
        return self.f(total)


class Model(nn.Module):
    """One of: pixels or objects or stories; questions of bits, of words or none; RN or MLP."""

    def __init__(self, channels=None, words=None, story=None, rn=None, mlp=None):
        super().__init__()
        if channels:
            self.conv = Encoder(channels)
        if words:
            vocabulary, width, hidden = words
            self.embed = nn.Embedding(vocabulary, width)
            if story:
                self.sent = nn.LSTM(width, hidden, batch_first=True)
                self.ques = nn.LSTM(width, hidden, batch_first=True)
            else:
                self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.has_words, self.is_story = bool(words), bool(story)
        if rn:
            self.rn = Relation(*rn)
        else:
            self.mlp = perceptron(*mlp)

    def last(self, lstm, words):
        return lstm(self.embed(words))[0][:, -1]

    def forward(self, things, question):
        if self.is_story:
            batch, sentences, words = things.shape
            states = self.last(self.sent, things.reshape(-1, words)).reshape(batch, sentences, -1)
            tags = torch.eye(sentences).expand(batch, sentences, sentences)
            return self.rn(torch.cat([states, tags], dim=2), self.last(self.ques, question))
        if self.has_words:
            question = self.last(self.lstm, question)
        if hasattr(self, "mlp"):
            if hasattr(self, "conv"):
                # The whole feature map, channels first: an MLP needs no coordinates.
                things = self.conv.net(things)
            return self.mlp(torch.cat([things.flatten(1), question], dim=1))
        if hasattr(self, "conv"):
            things = self.conv(things, tagged=True)
        return self.rn(things, question)


def bits(batch):
    question = torch.zeros(batch, 11)
    for row in question:
        row[torch.randint(0, 6, ())] = 1
        row[torch.randint(6, 8, ())] = 1
        row[torch.randint(8, 11, ())] = 1
    return question


def words(vocabulary, *shape):
    return torch.randint(0, vocabulary, shape, dtype=torch.int32)


def cases():
    channels, g, f = [4, 5, 6, 8], [16, 12, 16, 14], [13, 12, 10]
    yield "pixels-relation", Model(channels, rn=(10, 11, g, f)), torch.rand(3, 3, 75, 75), bits(3), 10
    mlp = [8 * 25 + 11] + g + f
    yield "pixels-perceptron", Model(channels, mlp=mlp), torch.rand(3, 3, 75, 75), bits(3), 10
    yield "state-relation", Model(rn=(10, 11, g, f)), torch.randn(4, 6, 10), bits(4), 10
    yield "state-perceptron", Model(mlp=[71] + g + f), torch.randn(4, 6, 10), bits(4), 10
    yield ("pixels-words", Model(channels, words=(15, 5, 7), rn=(10, 7, g, f)),
           torch.rand(2, 3, 32, 32), words(15, 2, 9), 10)
    yield ("state-words", Model(words=(15, 5, 7), rn=(6, 7, g, f, True)),
           torch.randn(3, 4, 6), words(15, 3, 9), 10)
    yield ("story", Model(words=(15, 5, 7), story=True, rn=(7 + 4, 7, g, f)),
           words(15, 3, 4, 6), words(15, 3, 5), 10)
    yield "no-question", Model(rn=(6, 0, g, f)), torch.randn(3, 5, 6), None, None


def main():
    torch.manual_seed(20)
    tensors = {}
    for name, model, things, question, answers in cases():
        for parameter in model.parameters():
            if parameter.dim() == 1:  # so that no bias, scale or shift is at a special value
                nn.init.uniform_(parameter, 0.1, 0.6)
        entries = {f"weights.{key}": value.clone() for key, value in model.state_dict().items()
                   if not key.endswith("num_batches_tracked")}
        entries["inputs.image" if things.dim() == 4 else "inputs.objects"] = things
        if question is not None:
            entries["inputs.question"] = question
        logits = model(things, question)
        if answers:
            target = torch.randint(0, answers, (len(things),), dtype=torch.int32)
            loss = functional.cross_entropy(logits, target.long())
        else:
            target = torch.randint(0, 2, logits.shape).float()
            loss = functional.binary_cross_entropy_with_logits(logits, target)
        loss.backward()
        entries |= {"inputs.target": target, "logits": logits, "loss": loss}
        entries |= {f"gradients.{key}": value.grad for key, value in model.named_parameters()}
        entries |= {f"statistics.{key}": value for key, value in model.state_dict().items()
                    if "running" in key}
        if any("running" in key for key in model.state_dict()):
            with torch.no_grad():
                entries["evaluation.logits"] = model.eval()(things / 2, question)
        tensors |= {f"{name}/{key}": value.detach().contiguous() for key, value in entries.items()}
    tests = pathlib.Path(__file__).parents[2] / "Tests" / "RelationNetworksTests" / "Golden"
    tests.mkdir(exist_ok=True)
    save_file(tensors, tests / "relation_networks.safetensors")


if __name__ == "__main__":
    main()
