#!/usr/bin/env python3
"""Draws the links that a model of dynamic physical systems saw, in a recorded walk or among balls.

    relate evaluate runs/NAME --data walk --predictions links.jsonl
    scripts/stick-figures.py links.jsonl --sequence 07_01 --out walk.svg
    scripts/stick-figures.py links.jsonl --sample 3 --out balls.svg

Blue: said and there. Red: said, but not there. Gray: there, but not said. Of a sequence each row is a
window of sixteen frames, of which every third is drawn; its groups of ten joints are put together.
"""
import argparse
import json
import sys

SIZE, STEP, MARGIN = 150, 3, 12
STYLES = {
    "right": 'stroke="#2060c0" stroke-width="3"',
    "wrong": 'stroke="#d03030" stroke-width="1.5"',
    "missed": 'stroke="#909090" stroke-width="2" stroke-dasharray="4 3"',
}


def read(path):
    with open(path) as file:
        samples = [json.loads(line) for line in file]
    if not samples or "places" not in samples[0]:
        sys.exit(f"{path} holds no links; evaluate a model of the task connections with --predictions")
    return samples


def figure(samples):
    """The places of all joints of a window, and how each pair of them was judged."""
    places, judged = {}, {}
    for sample in samples:
        for joint in sample["places"]:
            places[joint["name"]] = joint["path"]
        there = {frozenset(link[:2]) for link in sample["truth"]}
        # Two joints may be in several groups: they are said to be linked where any group says so.
        said = {frozenset(pair[:2]) for pair in sample["answer"] if (pair[2] + pair[3]) / 2 > 0.5}
        for pair in there | said:
            kind = "right" if pair in there & said else "wrong" if pair in said else "missed"
            if judged.get(pair) != "right":
                judged[pair] = kind
    return places, judged


def draw(figures):
    frames = range(0, 16, STEP)
    width, height = SIZE * len(frames) + 2 * MARGIN, SIZE * len(figures) + 2 * MARGIN
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}">', '<rect width="100%" height="100%" fill="white"/>']
    for row, (places, judged) in enumerate(figures):
        for column, frame in enumerate(frames):
            def at(name):
                x, y = places[name][frame]
                return (MARGIN + SIZE * (column + 0.5 + 0.48 * x), MARGIN + SIZE * (row + 0.5 - 0.48 * y))
            for kind in ("missed", "wrong", "right"):
                for pair in sorted((sorted(pair, key=str) for pair in judged if judged[pair] == kind), key=str):
                    (x1, y1), (x2, y2) = map(at, pair)
                    parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                                 f'stroke-linecap="round" {STYLES[kind]}/>')
            for name in sorted(places, key=str):
                x, y = at(name)
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    return "\n".join(parts + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("predictions")
    parser.add_argument("--sequence", help="a recorded motion; the first unless said")
    parser.add_argument("--sample", type=int, help="one sample by its number instead")
    parser.add_argument("--windows", type=int, default=4, help="how many windows of a sequence (4)")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    samples = read(options.predictions)
    if options.sample is not None:
        groups = [[sample] for sample in samples if sample["sample"] == options.sample]
    else:
        name = options.sequence or samples[0].get("sequence")
        starts = {}
        for sample in samples:
            if name is not None and sample.get("sequence") == name:
                starts.setdefault(sample["start"], []).append(sample)
        groups = [starts[start] for start in sorted(starts)][: options.windows]
    if not groups:
        known = sorted({sample["sequence"] for sample in samples if "sequence" in sample})
        sys.exit(f"there is nothing of it in {options.predictions}; "
                 + (f"sequences are {', '.join(known)}" if known else "say --sample N"))
    with open(options.out, "w") as file:
        file.write(draw([figure(group) for group in groups]))


main()
