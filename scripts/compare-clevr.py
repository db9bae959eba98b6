#!/usr/bin/env python3
"""Holds two folders of CLEVR questions against each other, in the published layout.

    relate generate clevr --out generated --set scenes.training=8500
    scripts/compare-clevr.py CLEVR_v1.0 generated

Prints what the second folder's questions have in common with the first one's: wordings (nouns and
relations are slots), words, the order of nouns in texts and programs, answers, kinds and sizes.
"""
import collections
import glob
import itertools
import json
import re
import sys

SIZES = dict(large="large", big="large", small="small", tiny="small")
COLORS = {c: c for c in "gray red blue green brown purple cyan yellow".split()}
MATERIALS = dict(rubber="rubber", matte="rubber", metal="metal", metallic="metal", shiny="metal")
SHAPES = dict(cube="cube", block="cube", sphere="sphere", ball="sphere", cylinder="cylinder",
              thing="", object="")
ADJECTIVES = {**SIZES, **COLORS, **MATERIALS}
NOUNS = {**SHAPES, **{word + "s": shape for word, shape in SHAPES.items()}}
RELATION = r"in front of|behind|(?:to the |on the )?(?:left|right)(?: side)? of"


def questions(folder):
    files = sorted(glob.glob(f"{folder}/questions/CLEVR_*_questions.json"))
    if not files:
        sys.exit(f"{folder}: there is no questions/CLEVR_*_questions.json")
    return [q for f in files for q in json.load(open(f))["questions"] if "program" in q]


def function(step):
    return step.get("function") or step["type"]


def arguments(step):
    return step.get("value_inputs") or step.get("side_inputs") or []


def tokens(text):
    return re.findall(r"[a-z]+|[;?]", re.sub(RELATION, "REL", text).replace("REL", "rel").lower())


def wording(text):
    """The question with N for nouns, NS for their plurals, and rel for relations."""
    words = []
    for word in tokens(text):
        noun = "NS" if word.endswith("s") else "N"
        if word in NOUNS:
            while words and words[-1] == "adjective":
                words.pop()
            words.append(noun)
        else:
            words.append("adjective" if word in ADJECTIVES else word)
    return " ".join(words)


def nouns(text):
    """What each noun of the text says, in the order of the text."""
    found, said = [], []
    for word in tokens(re.sub(r"([Hh]ow) big", r"\1", text)):
        if word in ADJECTIVES:
            said.append(ADJECTIVES[word])
        elif word in NOUNS or word == "anything":
            found.append(frozenset(said + [s for s in [NOUNS.get(word)] if s]))
            said = []
    return found


def descriptions(program):
    """What is filtered of each set, in the order of the program."""
    root, said = {}, {}
    for number, step in enumerate(program):
        name = function(step)
        if name in ("scene", "relate", "union", "intersect") or name.startswith("same"):
            root[number], said[number] = number, []
        elif name.startswith("filter"):
            root[number] = root[step["inputs"][0]]
            said[root[number]] += arguments(step)
    return [frozenset(values) for values in said.values()]


def kind(question):
    name = function(question["program"][-1])
    if name in ("equal_integer", "less_than", "greater_than"):
        return "compare numbers"
    return name.split("_")[0]


def orders(questions):
    """For each family and wording's beginning, in which orders nouns may follow the program."""
    possible = {}
    for question in questions:
        text, program = nouns(question["question"]), descriptions(question["program"])
        key = (question.get("question_family_index"), len(text),
               question["question"].split()[0], ";" in question["question"])
        fitting = {order for order in itertools.permutations(range(len(program)), len(text))
                   if [program[i] for i in order] == text}
        possible[key] = possible.get(key, fitting) & fitting
    return possible


def share(values):
    counts = collections.Counter(values)
    total = sum(counts.values())
    return {name: f"{count / total:.2%}" for name, count in sorted(counts.items())}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    first, second = (questions(folder) for folder in sys.argv[1:])
    wordings = [collections.Counter((q.get("question_family_index"), wording(q["question"]))
                                    for q in side) for side in (first, second)]
    for a, b, text in [(0, 1, "the second folder has"), (1, 0, "the first folder has")]:
        known = sum(n for w, n in wordings[a].items() if w in wordings[b])
        print(f"of {len(wordings[a])} wordings {text} "
              f"{len(set(wordings[a]) & set(wordings[b]))}, of the questions "
              f"{known / sum(wordings[a].values()):.2%}")
    words = [{w for q in side for w in tokens(q["question"])} - {";", "?", "rel"}
             for side in (first, second)]
    print("words that only one has:", sorted(words[0] ^ words[1]) or "none")
    a, b = orders(first), orders(second)
    both = [key for key in a if key in b]
    print(f"of {len(both)} kinds of questions, those whose nouns come in another order:",
          [key for key in both if a[key] != b[key]] or "none")
    for name, side in [("first", first), ("second", second)]:
        families = collections.Counter(q.get("question_family_index") for q in side)
        mean = len(side) / len(families)
        print(f"\n{name}: {len(side)} questions, "
              f"{sum(len(q['question'].split()) for q in side) / len(side):.2f} words and "
              f"{sum(len(q['program']) for q in side) / len(side):.2f} functions each")
        print("families:", len(families), "with", f"{min(families.values()) / mean:.2f}", "to",
              f"{max(families.values()) / mean:.2f} of the mean")
        print("kinds:", share(kind(q) for q in side))
        print("answers:", share(q["answer"] for q in side))


main()
