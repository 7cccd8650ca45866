"""The tables of a comparison in Markdown, beside what was aimed at.

    python table.py FILE…    prints those of files that compare.py --json wrote
"""

import json
import math
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
        parts.append(
            gpu_attention(report["attention"], report.get("natten") or {}) if on_gpu(report) else
            attention(report["attention"]))
    if report.get("train"):
        parts.append(training(report["train"], on_gpu(report)))
    parts += report.get("remarks", [])
    for missing in report["not_run"]:
        what = ", ".join(
            [NAMES[missing["program"]], *(missing[key] for key in ("attention", "precision") if key in missing)])
        parts.append(f"Not run to its end: {what}, batch {missing['batch']}: {missing['reason']}")
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
    peaks = peak_columns(rows)
    return grid(
        ["program", "precision", "batch", "s a picture", "least", "most", "of it decoder", *peaks],
        [
            [
                NAMES[row["program"]], row["precision"], row["batch"], seconds(row["seconds"]),
                seconds(row["seconds_min"]), seconds(row["seconds_max"]), seconds(row["decoder_seconds"]),
                *(mebibytes(row.get(key)) for key in peaks.values()),
            ]
            for row in rows
        ])


def peak_columns(rows):
    """Headings and keys: on a GPU tensors' memory, and what the allocator held for them."""
    columns = {"peak MiB": "peak_memory_mib", "reserved MiB": "peak_reserved_memory_mib"}
    return {heading: key for heading, key in columns.items() if any(key in row for row in rows)}


def mebibytes(value):
    return "" if value is None else f"{value:.0f}"


def times(ours, peer, key):
    """How many times as much a peer needs, where both are known."""
    return f"{peer[key] / ours[key]:.2f}" if ours.get(key) and peer.get(key) else ""


def seconds(value):
    return f"{value:.2f}" if value >= 0.2 else f"{value:.4f}"


def memories(rows):
    """How many times as much memory each peer takes on a GPU, and what share of its products' rate we have."""
    lines = []
    for ours in rows:
        if ours["program"] != "mvar":
            continue
        name = f"batch {ours['batch']}, {ours['precision']}"
        share = ours.get("transformer_ceiling_share")
        if share is not None:
            goals = ["35%", "55%"] if ours["batch"] == 64 else ["", ""]
            lines.append([name, "the rate of a product, transformer", f"{100 * share:.0f}%", "", *goals])
        for peer in rows:
            if peer["program"] != "mvar" and peer["batch"] == ours["batch"]:
                is_eager_var = peer["program"] == "public-var" and "compiled" not in peer["precision"]
                pair = {32: (3.5, 5), 64: (4.5, 6)}.get(ours["batch"]) if is_eager_var else None
                lines.append([
                    name, f"{NAMES[peer['program']]}, {peer['precision']}, memory",
                    times(ours, peer, "peak_memory_mib"), times(ours, peer, "peak_reserved_memory_mib"), *goal(pair)])
    return grid(["mvar", "against", "", "reserved", "must", "aim"], lines)


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


def attention(rows):
    return grid(
        ["map, 7 x 7 neighbours", "pass", "mvar, ms", "LibTorch, all tokens, ms", "times as fast", "must", "aim"],
        [
            [
                f"{row['height']} x {row['width']}", row["pass"], f"{1000 * row['seconds']:.2f}",
                f"{1000 * row['dense_seconds']:.2f}", f"{row['dense_seconds'] / row['seconds']:.1f}",
                *goal(ATTENTION_GOALS.get((row["height"], row["pass"]))),
            ]
            for row in rows
        ])


def gpu_attention(rows, natten):
    """Beside LibTorch's attention to all tokens, NATTEN's (forwards only), and the better of them."""
    theirs = {row["side"]: row for row in natten.get("rows", [])}
    lines = []
    for row in rows:
        near = theirs.get(row["height"], {}) if row["pass"] == "forward" else {}
        # It was measured twice: in our process and in NATTEN's.
        peers = {"SDPA, all tokens": min(row["dense_seconds"], near.get("dense_ms", math.inf) / 1000)}
        if "natten_ms" in near:
            peers[f"{natten['natten']}, {near['backend']}"] = near["natten_ms"] / 1000
        best = min(peers, key=peers.get)
        for name, its in peers.items():
            pair = None
            if row["pass"] == "forward":
                # At 16 x 16 whatever is best, at 64 x 64 SDPA.
                pair = {16: (1.3, 2) if name == best else None, 64: (10, 20) if name.startswith("SDPA") else None}.get(
                    row["height"])
            lines.append([
                f"{row['height']} x {row['width']}", row["pass"], f"{1000 * row['seconds']:.3f}",
                name + (" (the better)" if name == best and len(peers) > 1 else ""), f"{1000 * its:.3f}",
                f"{its / row['seconds']:.2f}", *goal(pair)])
    text = grid(
        ["map, 7 x 7 neighbours", "pass", "mvar, ms", "against", "its ms", "times as fast", "must", "aim"], lines)
    missing = [natten["error"]] if "error" in natten else [
        f"{row['side']} x {row['side']}, {name}: {error}"
        for row in natten.get("rows", []) for name, error in row.get("errors", {}).items()]
    return "\n\n".join([text] + [f"NATTEN was not run: {reason}" for reason in missing])


def training(rows, is_on_gpu=False):
    """Everybody's steps, and how much less ours take than VAR's."""
    lines = []
    peaks = peak_columns(rows)
    for row in rows:
        ratios = [""] * 6
        var = next((peer for peer in rows if peer["program"] != "mvar" and peer["batch"] == row["batch"]), None)
        if row["program"] == "mvar" and var:
            has_goals = is_on_gpu and row["attention"] == "spatial-7"
            ratios = [
                times(row, var, "seconds"), *goal((1.6, 2.5) if has_goals else None),
                times(row, var, "peak_memory_mib"), *goal((1.7, 3) if has_goals else None)]
        lines.append([
            f"{NAMES[row['program']]} d{row['depth']}, {row['attention']}", row["batch"], seconds(row["seconds"]),
            seconds(row["seconds_min"]), *(mebibytes(row.get(key)) for key in peaks.values()), *ratios])
    return grid(
        [f"training step, {rows[0].get('precision', 'float32')}", "batch", "s a step", "least", *peaks,
         "times as fast as VAR's", "must", "aim", "times as small", "must", "aim"], lines)


def losses(result):
    """What precisions lose, as `mvar bench precision` measures it."""
    def decibels(value):
        return "the same" if value is None else f"{value:.1f}"

    return grid(
        [f"against float32: {result.get('model', '')}", "tokens", "logits", "pictures, dB", "decoder, dB"],
        [
            [
                row["precision"], f"{100 * row['token_agreement']:.2f}%", f"{row['logit_error']:.1e}",
                decibels(row["picture_psnr"]), decibels(row["decoder_psnr"]),
            ]
            for row in result["rows"]
        ])


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
