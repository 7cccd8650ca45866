"""What the stages of gpu.sh found, as one JSON and one page.

    python gpu_table.py FOLDER    writes FOLDER/gpu.json and FOLDER/gpu.md, and prints the page
"""

import json
import pathlib
import sys

import table


def read(folder):
    """The reports of comparisons by name, and of all else the status, the last lines and the result."""
    reports = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
        if path.stem != "gpu"}
    runs = {}
    for path in sorted(folder.glob("*.status")):
        log = path.with_suffix(".log").read_text(encoding="utf-8", errors="replace").strip()
        status = path.read_text().strip()
        runs[path.stem] = {
            "status": int(status) if status.isdigit() else status, "last_lines": log.splitlines()[-12:],
            "result": result(log)}
    return {"reports": reports, "runs": runs}


def result(log):
    """What a command printed with --json; None of others."""
    try:
        return json.loads(log)
    except ValueError:
        return None


def page(found):
    runs = found["runs"]
    lines = ["# Figures of a GPU", "", table.grid(
        ["run", "status", "last line"], [[f"`{name}`", run["status"], summary(run)] for name, run in runs.items()])]
    for name, report in found["reports"].items():
        lines += ["", f"## {name}", "", table.markdown(report)]
        without = (runs.get(f"{name}-without-graph") or {}).get("result")
        if without:
            lines += ["", graph(report, without)]
    losses = (runs.get("losses") or {}).get("result")
    if losses:
        lines += ["", "## losses", "", table.losses(losses)]
    return "\n".join(lines) + "\n"


def summary(run):
    """The last line, unless that is the end of a table or of a result, which stand below."""
    line = (run["last_lines"] or [""])[-1]
    return "" if run["result"] is not None or line.startswith("|") else line.replace("|", "/")


def graph(report, without):
    """What the CUDA graph is worth."""
    before = without["seconds_per_image"]
    text = f"Without a CUDA graph, {without['precision']}: {table.seconds(before)} s a picture"
    for row in report["sample"]:
        if row["program"] == "mvar" and row["precision"] == without["precision"]:
            text += f", {before / row['seconds']:.2f} times as long"
    return text + "."


def main():
    folder = pathlib.Path(sys.argv[1])
    found = read(folder)
    (folder / "gpu.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    text = page(found)
    (folder / "gpu.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
