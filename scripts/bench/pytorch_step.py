#!/usr/bin/env python3
"""Times one training step of a relation network in PyTorch: what Relate is held against.

    python3 scripts/bench/pytorch_step.py --config sort-of-clevr-small --threads 1

Forward, backward and Adam on random data of the task's true shapes; needs torch and numpy. Prints a
line of JSON with the keys of `relate bench step --json`. The models are those of Santoro et al.
2017, appendices B to F, and the small Sort-of-CLEVR network that public implementations use.
"""
import argparse
import json
import resource
import statistics
import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


def perceptron(*widths, dropout=0.0):
    """Linear layers with ReLU between them, and dropout before the last."""
    layers = [nn.Linear(widths[0], widths[1])]
    for before, after in zip(widths[1:], widths[2:]):
        layers += [nn.ReLU(inplace=True), nn.Linear(before, after)]
    if dropout:
        layers.insert(-1, nn.Dropout(dropout))
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """Image [b, 3, h, w] to its objects [b, d * d, channels + 2]: cells and their coordinates."""

    def __init__(self, channels):
        super().__init__()
        layers = []
        for before, after in zip((3, *channels), channels):
            layers += [
                nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
        self.net = nn.Sequential(*layers)

    def forward(self, image):
        cells = self.net(image)
        batch, _, rows, columns = cells.shape
        y = torch.linspace(-1, 1, rows).view(1, 1, rows, 1).expand(batch, 1, rows, columns)
        x = torch.linspace(-1, 1, columns).view(1, 1, 1, columns).expand(batch, 1, rows, columns)
        return torch.cat([cells, y, x], dim=1).flatten(2).transpose(1, 2)


class RelationNetwork(nn.Module):
    """f(sum over all pairs of g(o_i, o_j, q)), equation 1."""

    def __init__(self, features, question, g, f, dropout):
        super().__init__()
        self.g = perceptron(2 * features + question, *g)
        self.f = perceptron(g[-1], *f, dropout=dropout)

    def forward(self, objects, question):
        batch, count, _ = objects.shape
        parts = [objects.unsqueeze(1), objects.unsqueeze(2)]
        if question is not None:
            parts.append(question[:, None, None])
        pairs = torch.cat([part.expand(batch, count, count, -1) for part in parts], dim=3)
        relations = functional.relu(self.g(pairs.flatten(1, 2)), inplace=True)
        return self.f(relations.sum(dim=1))


@dataclass
class Config:
    """The sizes of a model. The scene is an image, a list of objects or a story of sentences."""

    g: tuple
    f: tuple
    image: int = 0  # rows and columns of pixels
    channels: tuple = ()
    objects: tuple = ()  # how many, and numbers for each
    story: tuple = ()  # sentences, and words in each
    question_bits: int = 0
    question_words: int = 0
    vocabulary: int = 0
    embedding: int = 32
    state: int = 0
    both_ends: bool = False  # sentences are read from both ends
    context: int = 0  # numbers that an LSTM over the sentences adds to each
    dropout: float = 0.0
    binary_answers: bool = False
    blind: bool = False  # answers from the question alone


CONFIGS = {
    "sort-of-clevr-small": Config(
        image=75, channels=(24,) * 4, question_bits=11, g=(256,) * 4, f=(256, 256, 10)),
    "sort-of-clevr-paper": Config(
        image=75, channels=(32, 64, 128, 256), question_bits=11, g=(2000,) * 4,
        f=(2000, 1000, 500, 100, 10)),
    "sort-of-clevr-quick": Config(
        objects=(6, 10), question_bits=11, g=(128,) * 4, f=(128, 128, 10)),
    "clevr-pixels": Config(
        image=128, channels=(24,) * 4, question_words=30, vocabulary=90, state=128, g=(256,) * 4,
        f=(256, 256, 29), dropout=0.5),
    "clevr-state": Config(
        objects=(10, 18), question_words=30, vocabulary=90, state=256, g=(512,) * 4,
        f=(512, 1024, 29), dropout=0.02),
    "clevr-state-small": Config(
        objects=(10, 18), question_words=30, vocabulary=90, state=128, g=(256,) * 4,
        f=(256, 256, 29), dropout=0.02),
    "clevr-question": Config(
        objects=(10, 18), question_words=30, vocabulary=90, state=128, g=(256,), f=(256, 29),
        dropout=0.5, blind=True),
    "babi": Config(
        story=(20, 8), question_words=8, vocabulary=180, state=32, g=(256,) * 4, f=(256, 512, 159)),
    "babi-small": Config(
        story=(20, 8), question_words=8, vocabulary=180, state=32, g=(128,) * 3, f=(128, 128, 60)),
    "babi-best": Config(
        story=(40, 8), question_words=8, vocabulary=180, state=64, both_ends=True, context=64,
        g=(256,) * 4, f=(256, 512, 60)),
    "physical": Config(
        objects=(10, 35), g=(1000, 1000, 1000, 500), f=(500, 100, 100), binary_answers=True),
}


def last_state(lstm, words):
    """Word vectors [b, n, width] to the last hidden state of each direction, [b, states]."""
    _, (hidden, _) = lstm(words)
    return hidden.transpose(0, 1).flatten(1)


class Model(nn.Module):
    """A scene and a question to the logits of the answers; parts are called as docs/PARAMETERS.md
    calls them, so that weights of Relate's can be loaded."""

    def __init__(self, config):
        super().__init__()

        def lstm():
            return nn.LSTM(
                config.embedding, config.state, batch_first=True, bidirectional=config.both_ends)

        self.conv = Encoder(config.channels) if config.image else None
        self.embed = nn.Embedding(config.vocabulary, config.embedding) if config.state else None
        self.sent = lstm() if config.story else None
        state = config.state * (2 if config.both_ends else 1)
        self.story = nn.LSTM(state, config.context, batch_first=True) if config.context else None
        self.ques = lstm() if config.story else None
        self.lstm = lstm() if config.state and not config.story else None
        if config.image:
            features = config.channels[-1] + 2
        elif config.story:
            features = state + config.context + config.story[0]
        else:
            features = config.objects[1]
        question = state or config.question_bits
        self.mlp = None
        if config.blind:
            self.mlp = perceptron(question, *config.g, *config.f, dropout=config.dropout)
            return
        self.rn = RelationNetwork(features, question, config.g, config.f, config.dropout)

    def forward(self, scene, question):
        if self.conv:
            scene = self.conv(scene)
        elif self.sent:
            batch, count, _ = scene.shape
            states = last_state(self.sent, self.embed(scene.flatten(0, 1))).view(batch, count, -1)
            # Which sentence it is, one of `count`.
            positions = torch.eye(count, dtype=states.dtype).expand(batch, count, count)
            contexts = [self.story(states)[0]] if self.story else []
            scene = torch.cat([states, *contexts, positions], dim=2)
        reader = self.ques or self.lstm
        if reader:
            question = last_state(reader, self.embed(question))
        if self.mlp:
            return self.mlp(question)
        return self.rn(scene, question)


def load_weights(model, path):
    """Loads the float32 tensors of a safetensors file, under their names."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    model.load_state_dict({
        name: torch.frombuffer(data, dtype=torch.float32)[
            entry["data_offsets"][0] // 4:entry["data_offsets"][1] // 4].view(entry["shape"])
        for name, entry in header.items()})


def random_inputs(config, batch):
    if config.image:
        scene = torch.randn(batch, 3, config.image, config.image)
    elif config.story:
        scene = torch.randint(config.vocabulary, (batch, *config.story))
    else:
        scene = torch.randn(batch, *config.objects)
    question = None
    if config.question_words:
        question = torch.randint(config.vocabulary, (batch, config.question_words))
    elif config.question_bits:
        question = torch.randn(batch, config.question_bits)
    if config.binary_answers:
        target = torch.randint(2, (batch, config.f[-1])).float()
    else:
        target = torch.randint(config.f[-1], (batch,))
    return scene, question, target


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", choices=CONFIGS, required=True)
    parser.add_argument("--batch", type=int, default=64, help="samples of the mini-batch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--mode", choices=["eager", "compile"], default="eager")
    parser.add_argument("--weights", help="a safetensors file of weights; random ones unless said")
    parser.add_argument("--steps", type=int, default=5, help="steps that are timed")
    parser.add_argument("--warmup", type=int, default=2, help="steps before those")
    return parser.parse_args()


def main():
    options = parse_arguments()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    config = CONFIGS[options.config]
    model = Model(config)
    if options.weights:
        load_weights(model, options.weights)
    scene, question, target = random_inputs(config, options.batch)
    loss_of = functional.cross_entropy
    if config.binary_answers:
        loss_of = functional.binary_cross_entropy_with_logits
    # Trained weights are to stay what they are while they are timed.
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0 if options.weights else 1e-4, fused=True)
    forward = torch.compile(model) if options.mode == "compile" else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bf16"):
            loss = loss_of(forward(scene, question), target)
        loss.backward()
        optimizer.step()

    milliseconds = []
    for number in range(options.warmup + options.steps):
        start = time.perf_counter()
        step()
        if number >= options.warmup:
            milliseconds.append((time.perf_counter() - start) * 1000)
    median = statistics.median(milliseconds)
    print(json.dumps({
        "config": options.config,
        "batch": options.batch,
        "threads": options.threads,
        "precision": options.precision,
        "mode": options.mode,
        "ms_min": round(min(milliseconds), 2),
        "ms_median": round(median, 2),
        "samples_per_s": round(options.batch / median * 1000, 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))


main()
