#!/usr/bin/env python3
"""Times a training step in Relate and in PyTorch by turns; scripts/bench.sh runs this.

Needs nothing beside Python's own library: PyTorch has a Python of its own.
"""
import argparse
import atexit
import importlib.util
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".build" / "pytorch"
MISTAKE = 64

# The configs, and roughly the seconds of a step of 64 samples on one core: for how many steps to
# time, and for a first guess at the time left.
STEP_SECONDS = {
    "sort-of-clevr-small": 1, "sort-of-clevr-paper": 30, "sort-of-clevr-quick": 0.05,
    "clevr-pixels": 7, "clevr-state": 0.5, "clevr-state-small": 0.2, "clevr-question": 0.05,
    "babi": 0.6, "babi-small": 0.2, "babi-best": 2.5, "physical": 1.1,
}
# Those of the paper's sizes and of public re-implementations.
DEFAULT_CONFIGS = [
    config for config in STEP_SECONDS
    if config not in (
        "sort-of-clevr-quick", "clevr-state-small", "clevr-question", "babi-small", "babi-best")]
PRECISIONS = ["fp32", "bf16"]


def fail(sentence, code=1):
    print(f"Error: {sentence}", file=sys.stderr)
    raise SystemExit(code)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        fail(f"{message}. See scripts/bench.sh --help.", MISTAKE)


def parse_arguments():
    def positive(text):
        if not text.isdecimal() or int(text) == 0:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
        return int(text)

    def some_of(known):
        def names(text):
            unknown = [name for name in text.split() if name not in known]
            if unknown or not text.split():
                raise argparse.ArgumentTypeError(
                    f"{' '.join(unknown) or 'nothing'!r} is not among {' '.join(known)}")
            return list(dict.fromkeys(text.split()))
        return names

    parser = Parser(
        prog="scripts/bench.sh", allow_abbrev=False,
        description="Times a training step (forward, backward, Adam) in Relate and in PyTorch, by "
        "turns on the same cores, and prints their ratio.")
    add = parser.add_argument
    add("--configs", type=some_of(STEP_SECONDS), default=DEFAULT_CONFIGS, metavar='"A B"',
        help=f"of {', '.join(STEP_SECONDS)}; {', '.join(DEFAULT_CONFIGS)} unless said")
    add("--precisions", type=some_of(PRECISIONS), default=PRECISIONS, metavar='"A B"',
        help="of fp32, bf16; both unless said")
    add("--rounds", type=positive, default=3, metavar="N", help="turns of each (3)")
    add("--steps", type=positive, metavar="N",
        help="steps timed each turn (1 to 10, by the config), after 1 or 2 that are not")
    add("--weights", metavar="RUN",
        help="time with the weights of a run or published model, Relate on samples of its task; say "
        "with --configs which it is of")
    add("--batch", type=positive, default=64, metavar="N", help="samples of the mini-batch (64)")
    add("--threads", type=positive, default=1, metavar="N", help="threads, a core for each (1)")
    add("--engine", choices=["auto", "openblas", "onednn", "panels"], default="auto",
        help="what multiplies Relate's matrices (auto)")
    add("--compile", action="store_true",
        help="time torch.compile too and count the faster; slow to start, needs a C++ compiler")
    add("--memory", action="store_true", help="compare the peak memory of the processes too")
    add("--out", type=pathlib.Path, metavar="FILE", help="a new file for a line of JSON each turn")
    python = parser.add_mutually_exclusive_group()
    python.add_argument("--python", metavar="PATH", help="a Python that has torch")
    python.add_argument("--install-pytorch", action="store_true",
        help="install torch and numpy into .build/pytorch first (with pip, and so from where pip "
        "is told to; may be gigabytes); without --python what is there is used")
    options = parser.parse_args()
    if options.threads > len(os.sched_getaffinity(0)):
        parser.error(f"--threads {options.threads}: only {len(os.sched_getaffinity(0))} core(s) "
            "can be used here")
    if options.weights and len(options.configs) != 1:
        parser.error("--weights are of one model: name it with --configs")
    if options.out and options.out.exists():
        parser.error(f"--out {options.out} exists; name a new file")
    if options.out and not os.access(options.out.absolute().parent, os.W_OK):
        parser.error(f"--out {options.out} cannot be written; name a file in a directory of yours")
    return options


def run(command, otherwise):
    """Runs a command and shows what it says; if it fails, so does this, with a sentence."""
    try:
        subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError):
        fail(otherwise)


def pytorch_version(python):
    """The version of PyTorch that a Python has, or None."""
    try:
        asked = subprocess.run(
            [python, "-c", "import torch, numpy; print(torch.__version__)"],
            capture_output=True, text=True)
    except OSError:
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None


def find_pytorch(options):
    """A Python that has PyTorch, and PyTorch's version."""
    python = options.python or str(ENVIRONMENT / "bin" / "python")
    if options.install_pytorch:
        if not importlib.util.find_spec("ensurepip"):
            fail("this Python cannot make environments; install its package for that and run this "
                "again: apt-get install python3-venv")
        print(f"Installing PyTorch into {ENVIRONMENT}", file=sys.stderr)
        run([sys.executable, "-m", "venv", ENVIRONMENT],
            f"there is no environment in {ENVIRONMENT}; remove that directory and run this again.")
        run([python, "-m", "pip", "install", "--quiet", "torch", "numpy"],
            "pip could not install torch and numpy; see above, then run this again.")
    version = pytorch_version(python)
    if version:
        return python, version
    if options.python:
        fail(f"--python {python} is not a Python that can import torch and numpy.", MISTAKE)
    fail("there is no PyTorch to compare with. Say --python PATH with a Python that has torch and "
        "numpy, or --install-pytorch to install them into .build/pytorch.")


def build():
    """Builds Relate, and returns the path of `relate`."""
    print("Building (a minute or two the first time)", file=sys.stderr)
    swift = ["swift", "build", "--package-path", str(ROOT), "-c", "release"]
    run(swift + ["--product", "relate"], "the build failed; see above.")
    shown = subprocess.run(swift + ["--show-bin-path"], check=True, capture_output=True, text=True)
    return pathlib.Path(shown.stdout.strip()) / "relate"


def pin(count):
    """Keeps this process and those it starts to so many cores, whole ones if possible."""
    rank = {}
    taken = set()
    for core in sorted(os.sched_getaffinity(0)):
        path = pathlib.Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
        siblings = path.read_text() if path.exists() else core
        rank[core] = siblings in taken
        taken.add(siblings)
    os.sched_setaffinity(0, sorted(rank, key=rank.get)[:count])


def warn_if_busy(threads):
    load, cores = os.getloadavg()[0], os.cpu_count()
    if load + threads > cores + 0.5:
        print(f"Other programs keep this machine busy (load {load:.1f} on {cores} cores): the "
            "times will be worth little, and those on several threads least.", file=sys.stderr)


class Failure(Exception):
    """Why a program printed no result."""


def measure(command):
    """What a program that times a step prints; the program is gone afterwards, come what may."""
    # Compiling in a process of its own saves nothing on one core, and such processes may outlive
    # PyTorch's when that is killed.
    environment = os.environ | {"TORCHINDUCTOR_COMPILE_THREADS": "1"}
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment)
    try:
        output, errors = child.communicate()
    finally:
        child.kill()
        child.wait()
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        raise Failure(f"was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else ""))
    try:
        return json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        said = errors.strip().splitlines() or ["it said nothing"]
        raise Failure(f"ended with code {child.returncode}: {said[-1]}") from None


class Progress:
    """Says what is being measured, and about how long all that is left will take."""

    def __init__(self, guesses):
        self.guesses = guesses  # in the order of the measurements: (what it is, seconds)
        self.seen = {}
        self.number = 0

    def begin(self, round_):
        left = self.guesses[self.number:]
        slower = sum(self.seen.values()) / (
            sum({what: guess for what, guess in self.guesses if what in self.seen}.values()) or 1)
        seconds = sum(self.seen.get(what, guess * (slower or 1)) for what, guess in left)
        about = f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"
        self.number += 1
        print(f"[{self.number}/{len(self.guesses)}] about {about} left; {' '.join(left[0][0])}, "
            f"round {round_} ... ", end="", file=sys.stderr, flush=True)
        self.started = time.monotonic()

    def end(self, said):
        self.seen[self.guesses[self.number - 1][0]] = time.monotonic() - self.started
        print(said, file=sys.stderr, flush=True)

    def leave_out(self, count):
        del self.guesses[self.number:self.number + count]


def programs(options, relate, python, config, precision):
    """The commands that time a step, by name, and about how many seconds each takes."""
    seconds = STEP_SECONDS[config] * options.batch / 64 / options.threads
    steps = options.steps or max(1, min(10, round(6 / seconds)))
    warmup = 1 if seconds > 5 else 2
    common = ["--config", config, "--precision", precision, "--batch", str(options.batch),
        "--threads", str(options.threads), "--steps", str(steps), "--warmup", str(warmup)]
    pytorch = [python, str(ROOT / "scripts" / "bench" / "pytorch_step.py"), *common]
    timed = (steps + warmup) * seconds
    ours = [relate, "bench", "step", "--json", "--engine", options.engine, *common]
    if options.weights:
        ours = ours[:6] + ["--weights", options.weights, *common[2:]]
        pytorch += ["--weights", str(exported_weights(options, relate))]
    yield "Relate", ours, timed
    yield "PyTorch", [*pytorch, "--mode", "eager"], timed + 4
    if options.compile:
        yield "torch.compile", [*pytorch, "--mode", "compile"], timed + 60


def exported_weights(options, relate):
    """A safetensors file of the weights that are to be timed, made once."""
    path = pathlib.Path(tempfile.gettempdir()) / f"relate-weights-{os.getpid()}.safetensors"
    if not path.exists():
        atexit.register(path.unlink)
        run([relate, "export", options.weights, "--to", path],
            f"the weights of {options.weights} cannot be exported; see above.")
    return path


def compare(options, relate, python, results):
    """Measures by turns, into `results`: for each config and precision a pair for each round."""
    plan = [(config, precision, list(programs(options, relate, python, config, precision)))
        for config in options.configs for precision in options.precisions]
    progress = Progress([((config, precision, name), seconds)
        for config, precision, turn in plan for _ in range(options.rounds)
        for name, _, seconds in turn])
    failed = False
    for config, precision, turn in plan:
        # What follows an error is left out: it would only be the same error.
        left = options.rounds * len(turn)
        try:
            for number in range(1, options.rounds + 1):
                records = []
                for name, command, _ in turn:
                    left -= 1
                    progress.begin(f"{number} of {options.rounds}")
                    record = measure(command)
                    progress.end(f"{record['ms_median']} ms")
                    records.append(record)
                    if options.out:
                        with options.out.open("a") as file:
                            print(json.dumps(record | {"round": number}), file=file)
                    if record["parameters"] != records[0]["parameters"]:
                        raise Failure(f"has {record['parameters']} parameters, and Relate "
                            f"{records[0]['parameters']}: not the same model")
                fastest = min(records[1:], key=lambda record: record["ms_median"])
                results[config, precision].append((records[0], fastest))
        except Failure as failure:
            progress.end("failed")
            print(f"{config} {precision}: {name} {failure}", file=sys.stderr)
            progress.leave_out(left)
            failed = True
    return not failed


def quotients(pairs, key):
    """The medians of PyTorch and of Relate, and the median of their ratios with its range."""
    ratios = [theirs[key] / ours[key] for ours, theirs in pairs]
    return (statistics.median(theirs[key] for _, theirs in pairs),
        statistics.median(ours[key] for ours, _ in pairs),
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def show(options, version, results):
    if not results:
        return
    engines = sorted({ours["engine"] for pairs in results.values() for ours, _ in pairs})
    print(f"\nA training step of {options.batch} samples on {options.threads} core(s), medians of "
        f"up to {options.rounds} round(s).\nPyTorch {version}{' or compiled' * options.compile}; "
        f"Relate with {', '.join(engines)}.\n")
    line = f"{'config':<20} {'precision':<9} {'PyTorch ms':>11} {'Relate ms':>10}  "
    line += f"{'PyTorch / Relate':<21}"
    if options.memory:
        line += f" {'PyTorch MB':>11} {'Relate MB':>10}  PyTorch / Relate"
    print(line.rstrip())
    for (config, precision), pairs in results.items():
        theirs, ours, ratio = quotients(pairs, "ms_median")
        line = f"{config:<20} {precision:<9} {theirs:>11.1f} {ours:>10.1f}  {ratio:<21}"
        if options.memory:
            theirs, ours, ratio = quotients(pairs, "peak_rss_bytes")
            line += f" {theirs / 1e6:>11.0f} {ours / 1e6:>10.0f}  {ratio}"
        print(line.rstrip())


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    # Stopped in either way, this stops the program that is being measured.
    signal.signal(signal.SIGTERM, interrupt)
    options = parse_arguments()
    python, version = find_pytorch(options)
    warn_if_busy(options.threads)
    relate = build()
    pin(options.threads)
    results = defaultdict(list)
    try:
        complete = compare(options, str(relate), python, results)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        show(options, version, results)
        raise
    show(options, version, results)
    raise SystemExit(0 if complete else 1)


try:
    main()
except KeyboardInterrupt:
    raise SystemExit(130) from None
