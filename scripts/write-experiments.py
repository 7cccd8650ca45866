#!/usr/bin/env python3
"""Writes what the runs of train-default-model.sh found: curves, sheets of samples, tables and the runs' own records to
docs/experiments, and the models to models/.

    scripts/write-experiments.py RUNS

The best model, by its loss on held-out pictures, goes to models/default, the one with the pattern `full` to models/full.
Their cards are written by hand.
"""

import argparse
import json
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMES = ["full", "scale", "spatial-7", "spatial-7-from-full"]
COLORS = ["#555555", "#0072b2", "#d55e00", "#009e73"]  # told apart by the colour-blind (Okabe and Ito)
SEED = 1


class Run:
    def __init__(self, folder):
        self.folder = folder
        report = folder / "report.json"
        if not report.is_file():
            raise SystemExit(f"{folder} is not finished: it has no report.json. Run train-default-model.sh again.")
        self.report = json.loads(report.read_text())
        self.settings = json.loads((folder / "run.json").read_text())
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        # Every step waits for its pictures, and no measurement does; a step of float16 can lack the gradient's norm.
        self.steps = [line for line in lines if "wait" in line]
        self.measured = [line for line in lines if "wait" not in line]

    def series(self, key):
        return [(line["step"], line[key]) for line in self.measured if line.get(key) is not None]

    @property
    def best(self):
        return min(self.measured, key=lambda line: line["loss"])


def chart(path, title, unit, series):
    """A line chart as SVG: `series` is a list of (name, colour, [(x, y)])."""
    width, height, left, top, bottom = 720, 400, 60, 40, 50
    points = [point for _, _, line in series for point in line]
    low_x, high_x = min(x for x, _ in points), max(x for x, _ in points)
    values = sorted(y for _, y in points)
    low_y, high_y = values[0], values[-1]
    # Where a loss falls, the first measurements would leave no room for the others.
    if all(line[0][1] > line[-1][1] for _, _, line in series):
        high_y = values[round(0.97 * (len(values) - 1))]
    pad = 0.05 * (high_y - low_y or 1)
    low_y, high_y = low_y - pad, high_y + pad

    def place(x, y):
        return (left + (x - low_x) / ((high_x - low_x) or 1) * (width - left - 20),
                top + (high_y - min(y, high_y)) / (high_y - low_y) * (height - top - bottom))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>', f'<text x="{left}" y="20" font-size="15">{title}</text>']
    for tick in range(6):
        y = low_y + (high_y - low_y) * tick / 5
        x = low_x + (high_x - low_x) * tick / 5
        (_, row), (column, _) = place(low_x, y), place(x, low_y)
        parts.append(f'<path d="M{left} {row:.1f}H{width - 20}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{row + 4:.1f}" text-anchor="end">{y:.2f}</text>')
        parts.append(f'<text x="{column:.1f}" y="{height - bottom + 18}" text-anchor="middle">{x:.0f}</text>')
    parts.append(f'<text x="{width - 20}" y="20" text-anchor="end">{unit}, by step</text>')
    for index, (name, color, line) in enumerate(series):
        path_data = "L".join("{:.1f} {:.1f}".format(*place(x, y)) for x, y in line)
        parts.append(f'<path d="M{path_data}" fill="none" stroke="{color}" stroke-width="2"/>')
        column = left + index * 150
        parts.append(f'<path d="M{column} {height - 14}h24" stroke="{color}" stroke-width="3"/>')
        parts.append(f'<text x="{column + 30}" y="{height - 10}">{name}</text>')
    path.write_text("\n".join(parts + ["</svg>"]) + "\n", encoding="utf-8")


def without_folders(value):
    """Paths of one machine as names of files."""
    if isinstance(value, dict):
        return {key: without_folders(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_folders(part) for part in value]
    return pathlib.Path(value).name if isinstance(value, str) and value.startswith("/") else value


def grid(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def tables(tokenizer, runs):
    last = tokenizer.measured[-1]
    scales = sorted(int(key.split("_")[1]) for key in last if key.startswith("usage_"))
    sides = tokenizer.settings.get("training", tokenizer.settings)["tokenizer"]["schedule"]
    yield "tokenizer", grid(
        ["steps", "minutes", "PSNR, dB", "SSIM", "codes used", *(f"{side}²" for side in sides)],
        [[f"{last['step']:,}", f"{last['seconds'] / 60:.0f}", f"{last['psnr']:.2f}", f"{last['ssim']:.3f}",
          f"{100 * last['usage']:.0f}%",
          *(f"{100 * last[f'usage_{scale}']:.0f}%" for scale in scales)]])
    yield "models", grid(
        ["", "steps", "minutes", "best loss", "at step", *(f"{side}²" for side in sides), "class right"],
        [[f"`{run.folder.name}`", f"{run.steps[-1]['step']:,}", f"{run.steps[-1]['seconds'] / 60:.0f}",
          f"{run.best['loss']:.4f}", f"{run.best['step']:,}", *(f"{run.best[f'loss_{scale}']:.3f}" for scale in scales),
          f"{100 * run.report['accuracy']:.1f}%"] for run in runs])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=pathlib.Path)
    parser.add_argument("--mvar", default=str(ROOT / ".build/release/mvar"))
    arguments = parser.parse_args()
    tokenizer = Run(arguments.runs / "tokenizer")
    runs = [Run(arguments.runs / name) for name in NAMES]
    pages = ROOT / "docs/experiments"
    pages.mkdir(parents=True, exist_ok=True)
    chart(pages / "tokenizer.svg", "Tokenizer: reconstructions of held-out pictures", "PSNR, dB",
          [("PSNR", COLORS[1], tokenizer.series("psnr"))])
    chart(pages / "loss.svg", "Loss on held-out pictures", "nats a token",
          [(run.folder.name, color, run.series("loss")) for run, color in zip(runs, COLORS)])
    chart(pages / "learning.svg", "Loss while learning", "nats a token, means of five reports",
          [(run.folder.name, color, [
              (group[-1]["step"], sum(line["loss"] for line in group) / len(group))
              for group in (run.steps[start:start + 5] for start in range(0, len(run.steps) - 4, 5))])
           for run, color in zip(runs, COLORS)])
    # What they learned with and what was measured: from these files all curves can be drawn again.
    for run in [tokenizer, *runs]:
        record = pages / "runs" / run.folder.name
        record.mkdir(parents=True, exist_ok=True)
        shutil.copy(run.folder / "metrics.jsonl", record)
        for file in ("run.json", "report.json"):
            content = without_folders(json.loads((run.folder / file).read_text()))
            (record / file).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for run in runs:
        classes = range(len(run.report["confusion"]))
        # A square, so that each class has a column.
        subprocess.run(
            [arguments.mvar, "sample", "--model", run.folder / "model", "--class", ",".join(map(str, classes)), "--count",
             str(len(classes) ** 2), "--seed", str(SEED), "--grid", "-o", pages / f"{run.folder.name}.png"], check=True)
    best = min(runs, key=lambda run: run.best["loss"])
    for name, run in (("default", best), ("full", runs[0])):
        (ROOT / "models" / name).mkdir(exist_ok=True)
        for file in ("config.json", "model.safetensors"):
            shutil.copy(run.folder / "model" / file, ROOT / "models" / name / file)
    # All have the same tokenizer, which the repository keeps once: in models/full it is a link, and whoever copies that
    # folder alone has to follow it (cp -L).
    shutil.copy(best.folder / "model" / "tokenizer.safetensors", ROOT / "models" / "default")
    link = ROOT / "models" / "full" / "tokenizer.safetensors"
    link.unlink(missing_ok=True)
    link.symlink_to("../default/tokenizer.safetensors")
    for name, text in tables(tokenizer, runs):
        print(f"{name}\n\n{text}\n")
    print(f"The best is {best.folder.name}; it is models/default now.")


if __name__ == "__main__":
    main()
