#!/usr/bin/env python3
"""Draws how a run learnt: its training loss and a metric on the validation split, by its parts.

    scripts/curves.py runs/NAME --out curves.svg

Reads experiment.json, steps.jsonl and evaluations.jsonl of the run's directory. Needs matplotlib.
"""

import argparse
import json
import pathlib
import sys


def lines(path):
    """The records of a file of JSON lines; a last line that was cut off is left out."""
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return


def mean_losses(steps, interval):
    """The last step of each interval, and the mean loss of the steps in it."""
    for start in range(0, len(steps) - interval + 1, interval):
        part = steps[start : start + interval]
        yield part[-1]["step"], sum(step["loss"] for step in part) / interval


def leaves(metrics, root):
    """The paths at or below a root that nothing lies below of."""
    paths = [path for path in metrics if path == root or path.startswith(root + "/")]
    return [path for path in paths if not any(other.startswith(path + "/") for other in paths)]


def draw(run, out, metric):
    import matplotlib

    matplotlib.use("svg")
    # The same run always gives the same file.
    matplotlib.rcParams["svg.hashsalt"] = "relate"
    from matplotlib import pyplot

    experiment = json.loads((run / "experiment.json").read_text())["experiment"]
    samples = experiment["replicas"] * experiment["batchSize"] / 1e6
    steps = list(lines(run / "steps.jsonl"))
    evaluations = [e for e in lines(run / "evaluations.jsonl") if e["split"] == "validation"]
    if not evaluations:
        sys.exit(f"curves.py: {run} has no evaluation yet; wait for the first, or --evaluate-every 100")
    losses = list(mean_losses(steps, max(1, experiment["evaluationInterval"] // 2)))

    figure, (top, bottom) = pyplot.subplots(2, 1, sharex=True, figsize=(8, 7))
    top.plot([step * samples for step, _ in losses], [loss for _, loss in losses], color="black")
    top.set_ylabel("training loss")
    top.set_ylim(0, 1)
    paths = leaves(evaluations[0]["metrics"], metric)
    if not paths:
        sys.exit(f"curves.py: {run} has no metric {metric}; it has "
                 + ", ".join(sorted(evaluations[0]["metrics"])))
    for path in paths:
        points = [(e["step"] * samples, e["metrics"][path]) for e in evaluations if path in e["metrics"]]
        bottom.plot(*zip(*points), label=path.removeprefix(metric + "/"), linewidth=1)
    bottom.set_ylabel(f"validation {metric}")
    if metric == "accuracy":
        bottom.set_ylim(0, 1)
    bottom.set_xlabel("million samples")
    bottom.legend(loc="lower right", ncols=2)
    for axes in (top, bottom):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path, help="the run's directory")
    parser.add_argument("--metric", default="accuracy", help="what of the evaluations to draw (accuracy)")
    parser.add_argument("--out", required=True, help="the picture to write (SVG)")
    arguments = parser.parse_args()
    try:
        draw(arguments.run, arguments.out, arguments.metric)
    except ImportError:
        sys.exit("curves.py: matplotlib is missing; install it with: python3 -m pip install matplotlib")
    except OSError as error:
        sys.exit(f"curves.py: {error.filename} cannot be read or written: {error.strerror}")


if __name__ == "__main__":
    main()
