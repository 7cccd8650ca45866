#!/usr/bin/env python3
"""Compares mvar with the public PyTorch code of VAR and MVAR on this machine, in turn, round by round.

    Benchmarks/compare.py --var VAR --mvar MVAR --python PYTHON --binary .build/release/mvar

VAR and MVAR are checkouts of their public repositories, PYTHON an interpreter that has torch. Everybody computes guided
d16 pictures of 256 pixels, with random weights, on the same threads. Each program runs in a process of its own that
stays alive; a round asks each of them once, one after another, so that whatever else the machine does disturbs all of
them. One round more than --rounds is run first, to warm up, and not counted. Prints Markdown; README.md beside this
file says what is compared and what is not.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

import table
from rounds import (
    Failure, Process, add_options, check_options, conditions, environment, gathered, positive, run, say, words)

HERE = pathlib.Path(__file__).resolve().parent

PEER_PRECISIONS = [precision + how for how in ("", "-compiled") for precision in ("float32", "bfloat16", "float16")]

Contestant = collections.namedtuple("Contestant", "program precision")


class Comparison:
    def __init__(self, arguments):
        self.arguments = arguments
        self.environment = environment(arguments.instruction_set)
        self.report = {
            **conditions(arguments), "device": arguments.device, "torch": None, "sample": [], "decoder": [],
            "attention": [], "train": [], "not_run": [],
        }

    def run(self):
        if self.arguments.device != "cpu":
            self.report["gpu"] = gpu()
        if "sample" in self.arguments.parts:
            for batch in self.arguments.batches:
                self.report["sample"] += self.samples(batch)
        if "decoder" in self.arguments.parts:
            self.report["decoder"] = self.decoders()
        if "attention" in self.arguments.parts:
            say("attention")
            answer = self.bench("attention", "--runs", str(self.arguments.rounds), *self.attention_shape())
            self.note(answer)
            self.report["attention"] = answer["rows"]
        if "train" in self.arguments.parts:
            for batch in self.arguments.batches:
                self.report["train"] += self.steps(batch)
        self.report["load_average"][1] = os.getloadavg()[0]
        return self.report

    def attention_shape(self):
        """On a GPU halves, and 64 times 16 heads."""
        if self.arguments.device == "cpu":
            return []
        return ["--precision", "bfloat16", "--batch", "32", "--sides", "16,32,64"]

    def samples(self, batch):
        """Pictures by everybody: for each contestant its seconds, round by round, and its memory."""
        peers = [Contestant(peer, precision) for peer in self.peers() for precision in self.arguments.peer_precisions]
        ours = [Contestant("mvar", precision) for precision in self.arguments.precisions]
        request = json.dumps({"part": "sample", "batch": batch})
        with contextlib.ExitStack() as stack:
            processes = []
            for contestant in peers + ours:
                say(f"batch {batch}: starting {table.NAMES[contestant.program]}, {contestant.precision}")
                process = self.start(contestant, batch)
                stack.callback(process.end)
                # A precision that this machine declines is no reason to end.
                try:
                    first = process.ask(request)
                    # A GPU's second batch is recorded or compiled, and only the third is what all others are.
                    for _ in range(0 if self.arguments.device == "cpu" else 2):
                        process.ask(request)
                except Failure as failure:
                    if contestant.program != "mvar" and self.arguments.device == "cpu":
                        raise
                    self.report["not_run"].append({**contestant._asdict(), "batch": batch, "reason": str(failure)})
                    continue
                self.note(first)
                processes.append((contestant, process, []))
            for number in range(self.arguments.rounds):
                say(f"batch {batch}: round {number + 1} of {self.arguments.rounds}")
                for _, process, answers in processes:
                    answers.append(self.seconds(process.ask(request), batch))
            return [
                {**contestant._asdict(), "batch": batch, **gathered(answers)}
                for contestant, _, answers in processes
            ]

    def steps(self, batch):
        """Steps of training, all processes at once in memory."""
        request = json.dumps({"part": "train", "batch": batch})
        with contextlib.ExitStack() as stack:
            processes = []
            for program, attention in [("mvar", "spatial-7"), ("mvar", "full")] + [("public-var", "full")] * bool(
                    self.arguments.var):
                say(f"train, batch {batch}: starting {table.NAMES[program]}, {attention}")
                process = self.start_training(program, attention, batch)
                stack.callback(process.end)
                self.note(process.ask(request))
                contestant = {
                    "program": program, "attention": attention, "precision": self.train_precision(),
                    "depth": self.arguments.train_depth, "batch": batch}
                processes.append((contestant, process, []))
            for number in range(self.arguments.rounds):
                say(f"train, batch {batch}: round {number + 1} of {self.arguments.rounds}")
                for _, process, answers in processes:
                    answer = process.ask(request)
                    answers.append({
                        "seconds": answer.get("seconds_per_step", answer.get("seconds")),
                        "peak_memory_mib": answer["peak_memory_mib"]})
            return [{**contestant, **gathered(answers)} for contestant, _, answers in processes]

    def start_training(self, program, attention, batch):
        if program != "mvar":
            return self.start(Contestant(program, self.train_precision()), batch, depth=self.arguments.train_depth)
        command = [
            self.arguments.binary, "bench", "train", "--preset", f"d{self.arguments.train_depth}", "--attention",
            attention, "--batch", str(batch), "--threads", str(self.arguments.threads), "--device", self.arguments.device,
            "--precision", self.train_precision(), "--each-line", "--json", "-q"]
        return Process("mvar", command, self.environment)

    def train_precision(self):
        return "float32" if self.arguments.device == "cpu" else "bfloat16"

    def decoders(self):
        """The decoder by itself, float32, one picture: ours beside the public one, which VAR and MVAR share."""
        ours, theirs = [], []
        peer = (self.peers() or [None])[0]
        process = self.start(Contestant(peer, "float32"), 1) if peer else None
        with contextlib.ExitStack() as stack:
            if process:
                stack.callback(process.end)
            for number in range(self.arguments.rounds + 1):
                say(f"decoder: round {number} of {self.arguments.rounds}")
                # It warms up by itself.
                answer = self.bench("decoder", "--runs", "1")
                self.note(answer)
                ours.append({"seconds": answer["seconds_per_image"]})
                if process:
                    theirs.append({"seconds": process.ask('{"part": "decoder", "batch": 1}')["seconds"]})
        results = [{"program": "mvar", **gathered(ours[1:])}]
        return results + ([{"program": peer, **gathered(theirs[1:])}] if peer else [])

    def peers(self):
        return [name for name in ("public-var", "public-mvar") if self.checkout(name)]

    def checkout(self, peer):
        return self.arguments.var if peer == "public-var" else self.arguments.mvar

    def start(self, contestant, batch, depth=16):
        threads = str(self.arguments.threads)
        if contestant.program == "mvar":
            command = [
                self.arguments.binary, "bench", "sample", "--preset", "d16", "--attention", "spatial-7", "--batch",
                str(batch), "--precision", contestant.precision, "--threads", threads, "--device",
                self.arguments.device, "--each-line", "--json", "-q"]
            return Process("mvar", command, self.environment)
        kind = contestant.program.removeprefix("public-")
        command = [
            self.arguments.python, str(HERE / "peer.py"), kind, self.checkout(contestant.program), "--threads", threads,
            "--depth", str(depth), "--device", self.arguments.device]
        precision, _, compiled = contestant.precision.partition("-")
        if precision != "float32":
            command += ["--autocast", precision]
        if compiled:
            command.append("--compile")
        process = Process(table.NAMES[contestant.program], command, self.environment)
        try:
            ready = process.listen()
            self.report["torch"] = ready["torch"]
            if ready["stands_in"] and self.arguments.device != "cpu":
                self.report["remarks"] = ["NATTEN is not installed: MVAR's attention is dense, with a mask."]
        except Failure:
            process.end()
            raise
        return process

    def bench(self, part, *options):
        """One run of `mvar bench`, to its end."""
        command = [
            self.arguments.binary, "bench", part, "--threads", str(self.arguments.threads), "--device",
            self.arguments.device, "--json", "-q", *options]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(done.stderr.strip() or f"{shlex.join(command)} ended with status {done.returncode}")
        return json.loads(done.stdout)

    def seconds(self, answer, batch):
        """An answer of either kind: seconds for one picture, memory for the process."""
        if "seconds_per_image" in answer:
            picture, decoder = answer["seconds_per_image"], answer["decoder_seconds"]
        else:
            picture, decoder = answer["seconds"] / batch, answer["decoder_seconds"] / batch
        figures = {"seconds": picture, "decoder_seconds": decoder, "peak_memory_mib": answer["peak_memory_mib"]}
        if "transformer_ceiling_share" in answer:
            figures["transformer_ceiling_share"] = answer["transformer_ceiling_share"]
        return figures

    def note(self, answer):
        """What an answer of ours says about the machine."""
        for key, source in (("instruction_set", "instruction_set"), ("libtorch", "libtorch_version")):
            self.report[key] = answer.get(source, self.report[key])


def gpu():
    """Its name, and how fast it may be and was allowed to be."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,clocks.max.sm,power.limit", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--var", help="a checkout of VAR's public code")
    parser.add_argument("--mvar", help="a checkout of MVAR's public code")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with torch (default: this one)")
    parser.add_argument(
        "--parts", type=words(["sample", "decoder", "attention", "train"]), default=["sample", "decoder", "attention"],
        metavar="sample,decoder,attention,train")
    parser.add_argument(
        "--batches", type=lambda text: [positive(part) for part in text.split(",")], default=[1, 4], metavar="1,4")
    parser.add_argument(
        "--train-depth", type=positive, default=8, metavar="N", help="of the model that learns (default: 8)")
    parser.add_argument(
        "--precisions", type=words(), default=["float32"], metavar="float32,…", help="ours, as mvar names them")
    parser.add_argument(
        "--peer-precisions", type=words(PEER_PRECISIONS), default=["float32"], metavar="float32,bfloat16,…",
        help="halves are torch.autocast's, -compiled is torch.compile: " + ", ".join(PEER_PRECISIONS))
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N, for everybody")
    add_options(parser)
    return parser.parse_args()


def check(arguments):
    """What can be seen to be wrong before minutes of measuring."""
    check_options(arguments)
    for option, model in (("var", "var.py"), ("mvar", "mvar.py")):
        checkout = getattr(arguments, option)
        if checkout and not (pathlib.Path(checkout) / "models" / model).is_file():
            raise Failure(f"--{option} {checkout} is no checkout of {option.upper()}: it has no models/{model}")
    if (arguments.var or arguments.mvar) and set(arguments.parts) & {"sample", "decoder", "train"}:
        try:
            found = subprocess.run([arguments.python, "-c", "import torch"], capture_output=True, text=True)
        except OSError as error:
            raise Failure(f"--python {arguments.python} cannot be run: {error.strerror}")
        if found.returncode != 0:
            raise Failure(f"--python {arguments.python} cannot import torch; name an interpreter that can")


def main():
    arguments = parse()
    check(arguments)
    report = Comparison(arguments).run()
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(table.markdown(report))


if __name__ == "__main__":
    run(main)
