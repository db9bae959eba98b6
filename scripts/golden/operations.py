#!/usr/bin/env python3
"""Writes what PyTorch makes of the operations that layers are made of, for the tests to compare with.

    python3 scripts/golden/operations.py > Tests/AutodiffTests/Golden/operations.json

For every case of the same name in the tests' catalogue: inputs, the value of the operation, the gradients
of sum(value * weights), and the gradients of sum(gradients * directions), that is of second order.
"""
import json
import torch
import torch.nn.functional as F


def long_short_term_memory(x, wi, wh, bi, bh, lengths, backwards):
    """PyTorch's own LSTM, one sequence at a time, so that no packing can hide a mistake."""
    outputs = torch.zeros(x.shape[0], x.shape[1], wh.shape[1], dtype=x.dtype)
    last = torch.zeros(x.shape[0], 1, wh.shape[1], dtype=x.dtype)
    for i, length in enumerate(lengths):
        if length == 0:
            continue
        steps = x[i, :length].flip(0) if backwards else x[i, :length]
        state = torch.zeros(1, 1, wh.shape[1], dtype=x.dtype)
        result, hidden, _ = torch._VF.lstm(
            steps.unsqueeze(0), (state, state), [wi, wh, bi, bh], True, 1, 0.0, False, False, True)
        result = result[0].flip(0) if backwards else result[0]
        outputs[i, :length] = result
        last[i] = hidden[0]
    return torch.cat([outputs, last], 1)


def relation(objects, question, *layers, counts=None):
    """Equation 1 of the paper as it reads: every pair concatenated."""
    sums = []
    for i in range(objects.shape[0]):
        o = objects[i, : counts[i]] if counts else objects[i]
        n = o.shape[0]
        pairs = torch.cat([o.unsqueeze(0).expand(n, n, -1), o.unsqueeze(1).expand(n, n, -1)], 2)
        if question is not None:
            pairs = torch.cat([pairs, question[i].view(1, 1, -1).expand(n, n, -1)], 2)
        for weight, bias in zip(layers[::2], layers[1::2]):
            pairs = F.relu(F.linear(pairs, weight, bias))
        sums.append(pairs.sum((0, 1)))
    return torch.stack(sums)


LSTM = [(3, 4, 2), (12, 2), (12, 3), (12,), (12,)]
RELATION = [(3, 4, 3), (3, 2), (6, 8), (6,), (5, 6), (5,), (4, 5), (4,)]
RANKS = torch.tensor([1.0, 2, 3, 4, 5], dtype=torch.float64).view(5, 1)

CASES = {
    "leaky relu": ([(9,)], lambda x: F.leaky_relu(x, 0.2) * x),
    "tanh": ([(6,)], torch.tanh),
    "sigmoid": ([(6,)], torch.sigmoid),
    "affine": ([(2, 3, 4), (5, 4), (5,)], lambda x, w, b: F.linear(x, w, b).tanh()),
    "matrix product, both transposed": ([(2, 4, 3), (2, 5, 4)], lambda a, b: a.mT @ b.mT),
    "softmax, first axis": ([(3, 4)], lambda x: x.softmax(0)),
    "log softmax": ([(3, 4)], lambda x: x.log_softmax(1)),
    "cross-entropy": ([(3, 4)], lambda x: F.cross_entropy(x, torch.tensor([2, 0, 3]))),
    "binary cross-entropy": (
        [(3, 4), (3, 4)], lambda x, t: F.binary_cross_entropy_with_logits(x, t.sigmoid())),
    "maximum": ([(3, 5, 2)], lambda x: (x * 2).max(1).values ** 3),
    "gather along": ([(2, 3, 2)], lambda x: x.gather(
        1, torch.tensor([[[0, 2], [1, 1]], [[2, 0], [0, 1]]])) ** 2),
    "sorted": ([(2, 5, 3)], lambda x: x.sort(1, descending=True).values ** 2 * RANKS),
    "convolution": ([(2, 3, 7, 6), (4, 3, 3, 3), (4,)],
                    lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1) ** 2),
    "transposed convolution": (
        [(2, 3, 3, 4), (3, 2, 3, 3), (2,)],
        lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1) ** 2),
    "batch normalisation": ([(3, 2, 3, 2), (2,), (2,)],
                            lambda x, s, o: F.batch_norm(x, None, None, s, o, training=True)),
    "batch normalisation, given statistics": (
        [(3, 2, 2, 2), (2,), (2,)],
        lambda x, s, o: F.batch_norm(x, torch.tensor([0.1, -0.3], dtype=x.dtype),
                                     torch.tensor([0.5, 2], dtype=x.dtype), s, o) ** 2),
    "layer normalisation": ([(3, 5), (5,), (5,)], lambda x, s, o: F.layer_norm(x, (5,), s, o)),
    "lstm": (LSTM, lambda *x: long_short_term_memory(*x, [4, 2, 3], False)),
    "lstm, reversed, an empty sequence":
        (LSTM, lambda *x: long_short_term_memory(*x, [2, 0, 4], True)),
    "relation": (RELATION, relation),
    "relation, ragged": (RELATION, lambda *x: relation(*x, counts=[2, 0, 4])),
    "relation, one layer, no question":
        ([(2, 3, 2), (4, 4), (4,)], lambda o, w, b: relation(o, None, w, b)),
}


def flat(tensors):
    """Shapes and scalars, to the precision of single floats."""
    return [dict(shape=list(t.shape), scalars=[float(f"{x:.9g}") for x in t.flatten().tolist()])
            for t in tensors]


def main():
    generator = torch.Generator().manual_seed(0)
    draw = lambda shape: torch.randn(shape, generator=generator).double()
    golden = {}
    for name, (shapes, operation) in CASES.items():
        inputs = [draw(s).requires_grad_() for s in shapes]
        value = operation(*inputs)
        weights = draw(value.shape)
        first = torch.autograd.grad((value * weights).sum(), inputs, create_graph=True)
        directions = [draw(s) for s in shapes]
        projection = sum((g * v).sum() for g, v in zip(first, directions))
        second = torch.autograd.grad(projection, inputs, allow_unused=True)
        second = [torch.zeros(s) if g is None else g for g, s in zip(second, shapes)]
        golden[name] = dict(
            inputs=flat(inputs), value=flat([value])[0], weights=flat([weights])[0],
            directions=flat(directions), gradients=flat(first), second=flat(second))
    print(json.dumps(golden, separators=(",", ":")))


main()
