"""The tables of a comparison in Markdown, beside what was aimed at.

    python table.py FILE…    prints those of files that compare.py --json wrote
"""

import json
import sys

NAMES = {"mvar": "mvar", "public-var": "VAR", "public-mvar": "MVAR"}


def markdown(report):
    """All tables of a report."""
    parts = [conditions(report)]
    if report["sample"]:
        parts += [speeds(report), pictures(report["sample"])]
        if on_gpu(report):
            parts.append(memories(report["sample"]))
    if report["decoder"]:
        parts.append(decoder(report["decoder"]))
    if report["attention"]:
        parts.append(attention(report["attention"], GPU_ATTENTION_GOALS if on_gpu(report) else ATTENTION_GOALS))
    if report.get("train"):
        parts.append(training(report["train"]))
    parts += report.get("remarks", [])
    for missing in report["not_run"]:
        parts.append(f"Not run: {NAMES[missing['program']]}, {missing['precision']}, batch {missing['batch']}: {missing['reason']}")
    return "\n\n".join(parts)


def on_gpu(report):
    return report.get("device", "cpu") != "cpu"


def conditions(report):
    peers = f", peers' torch {report['torch']}" if report.get("torch") else ""
    device = f"{report['device']}: {report.get('gpu')}; " if on_gpu(report) else ""
    return (
        f"{device}{report['processor']}, {report['instruction_set']}, {counted(report['threads'], 'thread')}; LibTorch "
        f"{report['libtorch']}{peers}; {report['date']}, "
        f"{counted(report['rounds'], 'round')}, load average {report['load_average'][0]:.1f} before, "
        f"{report['load_average'][1]:.1f} after.\n\n"
        f"    {report['command']}")


def pictures(rows):
    """Everybody's seconds and memory."""
    return grid(
        ["program", "precision", "batch", "s a picture", "least", "most", "of it decoder", "peak MiB"],
        [
            [
                NAMES[row["program"]], row["precision"], row["batch"], seconds(row["seconds"]),
                seconds(row["seconds_min"]), seconds(row["seconds_max"]), seconds(row["decoder_seconds"]),
                f"{row['peak_memory_mib']:.0f}",
            ]
            for row in rows
        ])


def seconds(value):
    return f"{value:.2f}" if value >= 0.2 else f"{value:.4f}"


def memories(rows):
    """How many times as much memory each peer takes on a GPU, and what share of its products' rate we have."""
    lines = []
    for ours in rows:
        if ours["program"] != "mvar":
            continue
        share = ours.get("transformer_ceiling_share")
        if share is not None:
            lines.append([
                f"batch {ours['batch']}, {ours['precision']}", "the rate of a product, transformer", f"{100 * share:.0f}%",
                *(("35%", "55%") if ours["batch"] == 64 else ("", ""))])
        for peer in rows:
            if peer["program"] != "mvar" and peer["batch"] == ours["batch"]:
                lines.append([
                    f"batch {ours['batch']}, {ours['precision']}", f"{NAMES[peer['program']]}, {peer['precision']}, memory",
                    f"{peer['peak_memory_mib'] / ours['peak_memory_mib']:.2f}",
                    *goal({32: (3.5, 5), 64: (4.5, 6)}.get(ours["batch"]) if peer["program"] == "public-var" else None)])
    return grid(["mvar", "against", "", "must", "aim"], lines)


def speeds(report):
    """How many times as fast as each peer."""
    rows = []
    for ours in report["sample"]:
        for peer in report["sample"]:
            if ours["program"] != "mvar" or peer["program"] == "mvar" or ours["batch"] != peer["batch"]:
                continue
            rows.append([
                f"batch {ours['batch']}, {ours['precision']}", f"{NAMES[peer['program']]}, {peer['precision']}",
                f"{peer['seconds'] / ours['seconds']:.2f}", f"{peer['seconds_min'] / ours['seconds_min']:.2f}",
                *goal(
                    gpu_speed_goal(ours, peer) if on_gpu(report) else
                    speed_goal(report["instruction_set"], ours, peer)),
            ])
    return grid(["mvar", "against", "times as fast", "by least times", "must", "aim"], rows)


def speed_goal(instruction_set, ours, peer):
    """(must, aim) for a pair of rows, where there is one."""
    batch, precision, name = ours["batch"], ours["precision"], peer["program"]
    if instruction_set == "avx2" and peer["precision"] == "float32":
        kind = "float32" if precision == "float32" else "less"
        return {
            (1, "float32", "public-var"): (1.6, 2.2),
            (1, "float32", "public-mvar"): (1.5, 2.0),
            (1, "less", "public-var"): (2.1, 3.0),
            (1, "less", "public-mvar"): (2.0, 2.7),
            (4, "float32", "public-var"): (1.45, 2.0),
            (4, "less", "public-var"): (1.9, 2.8),
        }.get((batch, kind, name))
    if instruction_set == "avx512+bf16" and batch == 1 and precision != "float32":
        if peer["precision"] == "float32":
            return (3.8, 6.0)
        if precision == "bfloat16":
            return (1.5, 2.0)
    return None


def gpu_speed_goal(ours, peer):
    """(must, aim) on an H100 or H200, beside VAR."""
    if peer["program"] != "public-var" or ours["precision"] == "float32" or peer["precision"] == "float32":
        return None
    if ours["batch"] == 1:
        return (3, 6) if "compiled" not in peer["precision"] else None
    return (1.3, 2) if "compiled" in peer["precision"] else (2.5, 5)


def decoder(rows):
    ours = rows[0]
    lines = [["mvar", f"{ours['seconds']:.3f}", f"{ours['seconds_min']:.3f}", "", "", ""]]
    for peer in rows[1:]:
        lines.append([
            "public", f"{peer['seconds']:.3f}", f"{peer['seconds_min']:.3f}",
            f"{peer['seconds'] / ours['seconds']:.2f}", *goal((2.6, 3.5)),
        ])
    return grid(["decoder, float32", "s a picture", "least", "mvar: times as fast", "must", "aim"], lines)


ATTENTION_GOALS = {
    (16, "forward"): (2.5, 4), (32, "forward"): (6, 12), (64, "forward"): (20, 45), (16, "backward"): (2, 3),
    (64, "backward"): (15, 40),
}
GPU_ATTENTION_GOALS = {(16, "forward"): (1.3, 2), (64, "forward"): (10, 20)}


def attention(rows, goals):
    return grid(
        ["map, 7 x 7 neighbours", "pass", "mvar, ms", "LibTorch, all tokens, ms", "times as fast", "must", "aim"],
        [
            [
                f"{row['height']} x {row['width']}", row["pass"], f"{1000 * row['seconds']:.2f}",
                f"{1000 * row['dense_seconds']:.2f}", f"{row['dense_seconds'] / row['seconds']:.1f}",
                *goal(goals.get((row["height"], row["pass"]))),
            ]
            for row in rows
        ])


def training(rows):
    """Everybody's steps, and the first of ours, in groups of scales, beside the others."""
    lines = []
    for row in rows:
        first = next(other for other in rows if other["batch"] == row["batch"])
        lines.append([
            f"{NAMES[row['program']]} d{row['depth']}, {row['attention']}", row["batch"], seconds(row["seconds"]),
            seconds(row["seconds_min"]), f"{row['peak_memory_mib']:.0f}", f"{row['seconds'] / first['seconds']:.2f}",
            f"{row['peak_memory_mib'] / first['peak_memory_mib']:.2f}",
        ])
    return grid(
        [f"training step, {rows[0].get('precision', 'float32')}", "batch", "s a step", "least", "peak MiB", "times as long", "times as large"], lines)


def ablation(variants):
    """Each variant beside the first, which has all savings."""
    whole = variants[0]
    return grid(
        ["left out", "s a picture", "least", "times as long", "of it decoder", "peak MiB", "keys and values, MiB"],
        [
            [
                row["name"], f"{row['seconds']:.2f}", f"{row['seconds_min']:.2f}",
                f"{row['seconds'] / whole['seconds']:.2f}", f"{row['decoder_seconds']:.2f}",
                f"{row['peak_memory_mib']:.0f}", f"{row['kv_cache_allocated_mib']:.0f}",
            ]
            for row in variants
        ])


def goal(pair):
    return [f"{value:g}" for value in pair] if pair else ["", ""]


def counted(number, what):
    return f"{number} {what}" + ("" if number == 1 else "s")


def grid(header, rows):
    """A table, the first column to the left and figures to the right."""
    lines = [header, [":--"] + ["--:"] * (len(header) - 1)] + rows
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            print(markdown(json.load(file)), end="\n\n")
