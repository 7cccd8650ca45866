#!/usr/bin/env python3
"""Compares mvar with the public PyTorch code of VAR and MVAR on this machine, in turn, round by round.

    Benchmarks/compare.py --var VAR --mvar MVAR --python PYTHON --binary .build/release/mvar

VAR and MVAR are checkouts of their public repositories, PYTHON an interpreter that has torch. Everybody computes guided
d16 pictures of 256 pixels, with random weights, on the same threads. Each program runs in a process of its own that
stays alive; a round asks each of them once, one after another, so that whatever else the machine does disturbs all of
them. One round more than --rounds is run first, to warm up, and not counted. A peer that fails is a remark, and the
others go on; --json holds what was measured until then, however it ends. Prints Markdown; README.md beside this file
says what is compared and what is not.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys

import table
from rounds import (
    PEAKS, Failure, Process, add_options, check_options, conditions, environment, gathered, positive, run, say, words)

HERE = pathlib.Path(__file__).resolve().parent

PEER_PRECISIONS = [precision + how for how in ("", "-compiled") for precision in ("float32", "bfloat16", "float16")]

Contestant = collections.namedtuple("Contestant", "program precision")
# Of a training step.
Learner = collections.namedtuple("Learner", "program attention precision depth")


class Comparison:
    def __init__(self, arguments):
        self.arguments = arguments
        self.environment = environment(arguments.instruction_set)
        self.report = {
            **conditions(arguments), "device": arguments.device, "torch": None, "sample": [], "decoder": [],
            "attention": [], "natten": None, "train": [], "remarks": [], "not_run": [],
        }

    def run(self):
        """Measures all parts into the report."""
        if self.is_on_gpu():
            self.report["gpu"] = gpu()
        try:
            if "sample" in self.arguments.parts:
                for batch in self.arguments.batches:
                    self.samples(batch)
            if "decoder" in self.arguments.parts:
                self.decoders()
            if "attention" in self.arguments.parts:
                self.attentions()
            if "train" in self.arguments.parts:
                for batch in self.arguments.batches:
                    self.steps(batch)
        except KeyboardInterrupt:
            self.report["remarks"].append("It was ended before all was measured.")
            raise
        finally:
            self.report["load_average"][1] = os.getloadavg()[0]

    def is_on_gpu(self):
        return self.arguments.device != "cpu"

    def check_own(self):
        """Throws where figures of ours are missing: on a CPU a precision that it declines may be."""
        missing = [row for row in self.report["not_run"] if row["program"] == "mvar"]
        ran = any(row["program"] == "mvar" for row in self.report["sample"] + self.report["train"])
        if missing and (self.is_on_gpu() or not ran):
            raise Failure(f"mvar did not run: {missing[0]['reason']}")

    def samples(self, batch):
        """Pictures by everybody: for each contestant its seconds, round by round, and its memory."""
        peers = [Contestant(peer, precision) for peer in self.peers() for precision in self.arguments.peer_precisions]
        ours = [Contestant("mvar", precision) for precision in self.arguments.precisions]
        self.contest(
            "sample", batch, peers + ours, lambda contestant: self.start(contestant, batch),
            lambda answer: self.seconds(answer, batch))

    def steps(self, batch):
        """Steps of training, all processes at once in memory."""
        programs = [("mvar", "spatial-7"), ("mvar", "full")] + [("public-var", "full")] * bool(self.arguments.var)
        learners = [Learner(*program, self.train_precision(), self.arguments.train_depth) for program in programs]
        self.contest("train", batch, learners, lambda learner: self.start_training(learner, batch), self.step_seconds)

    def contest(self, part, batch, contestants, start, figures):
        """Asks everybody in turn, round by round. Whoever fails leaves; what it has done until then counts."""
        request = json.dumps({"part": part, "batch": batch})
        running = []
        with contextlib.ExitStack() as stack:
            try:
                for contestant in contestants:
                    say(f"{part}, batch {batch}: starting {' '.join(map(str, contestant))}")
                    with self.leaving_out(part, batch, contestant):
                        process = start(contestant)
                        stack.callback(process.end)
                        # A GPU's second batch is recorded or compiled, and only the third is what all others are.
                        for _ in range(3 if self.is_on_gpu() else 1):
                            self.note(process.ask(request))
                        running.append((contestant, process, []))
                racing = list(running)
                for number in range(self.arguments.rounds):
                    say(f"{part}, batch {batch}: round {number + 1} of {self.arguments.rounds}")
                    for entry in list(racing):
                        contestant, process, answers = entry
                        racing.remove(entry)
                        with self.leaving_out(part, batch, contestant):
                            answers.append(figures(process.ask(request)))
                            racing.append(entry)
            finally:
                self.report[part] += [
                    {**contestant._asdict(), "batch": batch, **gathered(answers)}
                    for contestant, _, answers in running if answers]

    @contextlib.contextmanager
    def leaving_out(self, part, batch, contestant):
        """A failure of one is no reason to end."""
        try:
            yield
        except (Failure, OSError) as failure:
            reason = str(failure)
            say(f"{part}, batch {batch}: {' '.join(map(str, contestant))} failed: {reason}")
            self.report["not_run"].append({**contestant._asdict(), "part": part, "batch": batch, "reason": reason})

    def start_training(self, learner, batch):
        if learner.program != "mvar":
            return self.start(Contestant(learner.program, learner.precision), batch, depth=learner.depth)
        command = [
            self.arguments.binary, "bench", "train", "--preset", f"d{learner.depth}", "--attention", learner.attention,
            "--batch", str(batch), "--threads", str(self.arguments.threads), "--device", self.arguments.device,
            "--precision", learner.precision, "--each-line", "--json", "-q"]
        return Process("mvar", command, self.environment)

    def attentions(self):
        """Ours beside LibTorch's and, on a GPU, NATTEN's."""
        say("attention")
        shape = []
        if self.is_on_gpu():
            # 64 times 16 heads, in halves.
            shape = ["--precision", "bfloat16", "--batch", "32", "--sides", "16,32,64"]
        answer = self.bench("attention", "--runs", str(self.arguments.rounds), *shape)
        self.note(answer)
        self.report["attention"] = answer["rows"]
        if self.is_on_gpu():
            say("attention: NATTEN")
            self.report["natten"] = self.natten()

    def natten(self):
        """What natten_attention.py says, or why it says nothing."""
        command = [self.arguments.python, str(HERE / "natten_attention.py")]
        try:
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
            return json.loads(done.stdout.strip().splitlines()[-1])
        except OSError as error:
            return {"error": str(error)}
        except (IndexError, ValueError):  # it died without an answer
            return {"error": (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]}

    def train_precision(self):
        return "bfloat16" if self.is_on_gpu() else "float32"

    def decoders(self):
        """The decoder by itself, float32, one picture: ours beside the public one, which VAR and MVAR share."""
        ours, theirs = [], []
        peer = (self.peers() or [None])[0]
        contestant = Contestant(peer, "float32")
        process = None
        with contextlib.ExitStack() as stack:
            if peer:
                with self.leaving_out("decoder", 1, contestant):
                    process = self.start(contestant, 1)
                    stack.callback(process.end)
            for number in range(self.arguments.rounds + 1):
                say(f"decoder: round {number} of {self.arguments.rounds}")
                # It warms up by itself.
                answer = self.bench("decoder", "--runs", "1")
                self.note(answer)
                ours.append({"seconds": answer["seconds_per_image"]})
                if process:
                    asked, process = process, None
                    with self.leaving_out("decoder", 1, contestant):
                        theirs.append({"seconds": asked.ask('{"part": "decoder", "batch": 1}')["seconds"]})
                        process = asked
        self.report["decoder"] = [
            {"program": program, **gathered(answers[1:])}
            for program, answers in (("mvar", ours), (peer, theirs)) if len(answers) > 1]

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
            remark = f"MVAR's attention to neighbours, {contestant.precision}: {ready['natten']}."
            if ready["natten"] and self.is_on_gpu() and remark not in self.report["remarks"]:
                self.report["remarks"].append(remark)
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
        figures = {"seconds": picture, "decoder_seconds": decoder}
        return figures | present(answer, "transformer_ceiling_share", *PEAKS)

    def step_seconds(self, answer):
        return {"seconds": answer.get("seconds_per_step", answer.get("seconds"))} | present(answer, *PEAKS)

    def note(self, answer):
        """What an answer of ours says about the machine."""
        for key, source in (("instruction_set", "instruction_set"), ("libtorch", "libtorch_version")):
            self.report[key] = answer.get(source, self.report[key])


def present(answer, *keys):
    """Those of an answer's figures that it has."""
    return {key: answer[key] for key in keys if answer.get(key) is not None}


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
    # Whoever has no more time for it ends it so, and gets what there is all the same.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    comparison = Comparison(arguments)
    try:
        comparison.run()
    finally:
        if arguments.json:
            text = json.dumps(comparison.report, indent=2) + "\n"
            pathlib.Path(arguments.json).write_text(text, encoding="utf-8")
    print(table.markdown(comparison.report))
    comparison.check_own()


if __name__ == "__main__":
    run(main)
