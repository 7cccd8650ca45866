"""Programs that are measured in turn, and what both comparisons need besides."""

import argparse
import contextlib
import datetime
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile

# LibTorch's (which mvar follows too), MKL's and oneDNN's names for it.
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"}

# The largest memory of a process, on a GPU that of its tensors; and what its allocator held there at most.
PEAKS = ("peak_memory_mib", "peak_reserved_memory_mib")


class Failure(Exception):
    """One line for the user."""


class Process:
    """A program that answers lines with JSON objects."""

    def __init__(self, name, command, environment):
        self.name = name
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)

    def ask(self, request):
        """Sends a line and waits for the answer."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        return self.listen()

    def listen(self):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": self.last_words()}
        if "error" in answer:
            raise Failure(answer["error"])
        return answer

    def last_words(self):
        status = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"{self.name} ended with status {status}"

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.errors.close()


def gathered(answers):
    """The rounds of one contestant, and what they say together."""
    rounds = [answer["seconds"] for answer in answers]
    result = {"seconds": median(rounds), "seconds_min": min(rounds), "seconds_max": max(rounds), "rounds": rounds}
    if "decoder_seconds" in answers[0]:
        result["decoder_seconds"] = median([answer["decoder_seconds"] for answer in answers])
    if "transformer_ceiling_share" in answers[0]:
        result["transformer_ceiling_share"] = median([answer["transformer_ceiling_share"] for answer in answers])
    for peak in PEAKS:
        if peak in answers[0]:
            result[peak] = max(answer[peak] for answer in answers)
    return result


def median(values):
    values = sorted(values)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def script():
    return os.path.basename(sys.argv[0]).removesuffix(".py")


def environment(instruction_set):
    """For the programs: ours, and torch's with its libraries."""
    return {**os.environ, **(AVX2 if instruction_set == "avx2" else {})}


def conditions(arguments):
    """What figures mean nothing without, as far as it is known before."""
    return {
        "date": datetime.date.today().isoformat(),
        "command": shlex.join([f"Benchmarks/{script()}.py"] + sys.argv[1:]),
        "processor": processor(),
        "instruction_set": None,  # as mvar says
        "threads": arguments.threads,
        "libtorch": None,
        "rounds": arguments.rounds,
        "load_average": [os.getloadavg()[0], None],  # before, after
    }


def add_options(parser):
    """Those of both comparisons."""
    parser.add_argument("--binary", required=True, help="ours, as .build/release/mvar")
    parser.add_argument("--instruction-set", choices=["best", "avx2"], default="best", help="avx2 keeps all to AVX2")
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--json", metavar="FILE", help="everything that was measured")


def check_options(arguments):
    """What can be seen to be wrong before minutes of measuring."""
    if not os.access(arguments.binary, os.X_OK) or os.path.isdir(arguments.binary):
        raise Failure(f"--binary {arguments.binary} is no program; `make build` makes .build/release/mvar")
    arguments.binary = os.path.abspath(arguments.binary)
    if arguments.json and not os.path.isdir(os.path.dirname(os.path.abspath(arguments.json))):
        raise Failure(f"--json {arguments.json}: its folder does not exist")


def run(body):
    """Runs a script: a failure is one line and status 1."""
    try:
        body()
    except Failure as failure:
        sys.exit(f"{script()}: {failure}")
    except OSError as error:
        sys.exit(f"{script()}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{script()}: interrupted")


def processor():
    with contextlib.suppress(OSError):
        for line in open("/proc/cpuinfo", encoding="utf-8"):
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def say(text):
    print(f"{script()}: {text}", file=sys.stderr, flush=True)


def words(choices=None):
    """Reads values with commas between."""

    def read(text):
        values = text.split(",")
        wrong = [value for value in values if not value or (choices and value not in choices)]
        if wrong:
            raise argparse.ArgumentTypeError(f"'{wrong[0]}' is none of {', '.join(choices or ['a name'])}")
        return values

    return read


def positive(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return int(text)
