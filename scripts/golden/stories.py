#!/usr/bin/env python3
"""Golden values for models of stories: Tests/RelationNetworksTests/Golden/stories.safetensors.

    python3 scripts/golden/stories.py

Needs torch and safetensors. As relation_networks.py, for what the paper's own model of bAbI has
not: sentences read from both ends, and in their context by an LSTM that goes through the story,
from its beginning or from its end.
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from relation_networks import Relation, words

VOCABULARY, WIDTH, HIDDEN, CONTEXT, SENTENCES, ANSWERS = 15, 5, 7, 6, 4, 10


class Stories(nn.Module):
    """A relation network over the sentences of a story, each with its context and its place."""

    def __init__(self, both_ends, context, backwards):
        super().__init__()
        self.backwards = backwards
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.sent = nn.LSTM(WIDTH, HIDDEN, batch_first=True, bidirectional=both_ends)
        state = 2 * HIDDEN if both_ends else HIDDEN
        if context:
            # The names of a layer that reads from the end are those of PyTorch's second direction.
            self.story = nn.LSTM(state, CONTEXT, batch_first=True, bidirectional=backwards)
        self.ques = nn.LSTM(WIDTH, HIDDEN, batch_first=True, bidirectional=both_ends)
        features = state + (CONTEXT if context else 0) + SENTENCES
        self.rn = Relation(features, state, [16, 12, 16, 14], [13, 12, ANSWERS])

    def last(self, lstm, sentences):
        return lstm(self.embed(sentences))[1][0].transpose(0, 1).flatten(1)

    def forward(self, story, question):
        batch, count, length = story.shape
        states = self.last(self.sent, story.reshape(-1, length)).reshape(batch, count, -1)
        parts = [states]
        if hasattr(self, "story"):
            parts.append(self.story(states)[0][:, :, -CONTEXT:])
        parts.append(torch.eye(count).expand(batch, count, count))
        return self.rn(torch.cat(parts, dim=2), self.last(self.ques, question))


def main():
    torch.manual_seed(21)
    tensors = {}
    for name, both_ends, context, backwards in [
        ("both-ends", True, False, False), ("context", False, True, False),
        ("both-ends-context", True, True, True),
    ]:
        model = Stories(both_ends, context, backwards)
        for parameter in model.parameters():
            if parameter.dim() == 1:
                nn.init.uniform_(parameter, 0.1, 0.6)
        story, question = words(VOCABULARY, 3, SENTENCES, 6), words(VOCABULARY, 3, 5)
        target = torch.randint(0, ANSWERS, (3,), dtype=torch.int32)
        logits = model(story, question)
        loss = functional.cross_entropy(logits, target.long())
        loss.backward()
        entries = {"inputs.objects": story, "inputs.question": question, "inputs.target": target,
                   "logits": logits, "loss": loss}
        for key, parameter in model.named_parameters():
            # Of a layer that reads from the end alone, PyTorch has the other direction as well.
            if parameter.grad is not None and not (
                    backwards and key.startswith("story.") and not key.endswith("_reverse")):
                entries |= {f"weights.{key}": parameter, f"gradients.{key}": parameter.grad}
        tensors |= {f"{name}/{key}": value.detach().contiguous() for key, value in entries.items()}
    tests = pathlib.Path(__file__).parents[2] / "Tests" / "RelationNetworksTests" / "Golden"
    save_file(tensors, tests / "stories.safetensors")


if __name__ == "__main__":
    main()
