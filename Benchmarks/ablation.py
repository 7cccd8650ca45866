#!/usr/bin/env python3
"""What each of mvar's savings is worth: pictures with all of them, and with one after another left out, in turn.

    Benchmarks/ablation.py --binary .build/release/mvar

Guided d16 pictures of 256 pixels with random weights. Each variant runs in a process of its own that stays alive; a
round asks each of them once, and one round more than --rounds is run first, to warm up. Prints Markdown.
"""

import argparse
import contextlib
import json
import os
import pathlib

import table
from rounds import Process, add_options, check_options, conditions, environment, gathered, positive, run, say, words

# What is said of it, and the options of `mvar bench sample` by which it is left out.
VARIANTS = [
    ("with all of them", []),
    ("neighbourhood attention: masked dense attention instead", ["--without", "attention"]),
    ("attention within a scale: `full` instead, with keys and values kept", ["--attention", "full"]),
    ("fast decoder: direct convolutions instead", ["--without", "convolution"]),
    ("linear layers: LibTorch's instead", ["--without", "linear"]),
    ("freed memory kept: given back instead", ["--without", "memory"]),
    ("without all of these", ["--without", "attention,convolution,linear,memory", "--attention", "full"]),
]


def measure(arguments):
    report = conditions(arguments) | {"batch": arguments.batch, "variants": []}
    variants = [(f"{name}, {precision}", ["--precision", precision, *options])
                for precision in arguments.precisions
                for name, options in (VARIANTS if precision == "float32" else VARIANTS[:1])]
    base = [
        arguments.binary, "bench", "sample", "--preset", "d16", "--batch", str(arguments.batch), "--threads",
        str(arguments.threads), "--each-line", "--json", "-q"]
    with contextlib.ExitStack() as stack:
        rows = []
        for name, options in variants:
            say(f"starting: {name}")
            process = Process(name, base + options, environment(arguments.instruction_set))
            stack.callback(process.end)
            first = process.ask("")
            report["instruction_set"], report["libtorch"] = first["instruction_set"], first["libtorch_version"]
            rows.append((name, process, []))
        for number in range(arguments.rounds):
            say(f"round {number + 1} of {arguments.rounds}")
            for _, process, answers in rows:
                answer = process.ask("")
                answers.append({"seconds": answer["seconds_per_image"], **answer})
    for name, _, answers in rows:
        report["variants"].append({
            "name": name, "kv_cache_allocated_mib": answers[0]["kv_cache_allocated_mib"], **gathered(answers)})
    report["load_average"][1] = os.getloadavg()[0]
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--batch", type=positive, default=1)
    parser.add_argument(
        "--precisions", type=words(), default=["float32"], metavar="float32,…",
        help="others than float32 are run with all savings")
    arguments = parser.parse_args()
    check_options(arguments)
    report = measure(arguments)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(table.conditions(report), table.ablation(report["variants"]), sep="\n\n")


if __name__ == "__main__":
    run(main)
