"""What the stages of gpu.sh found, as one JSON and one page.

    python gpu_table.py FOLDER    writes FOLDER/gpu.json and FOLDER/gpu.md, and prints the page
"""

import json
import pathlib
import sys

import table


def read(folder):
    """The reports of comparisons by name, and of all else the status and the last lines."""
    reports = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
        if path.stem != "gpu"}
    runs = {}
    for path in sorted(folder.glob("*.status")):
        log = path.with_suffix(".log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        runs[path.stem] = {"status": int(path.read_text()), "last_lines": log[-12:]}
    return {"reports": reports, "runs": runs}


def page(found):
    lines = ["# Figures of a GPU", "", table.grid(
        ["run", "status", "last line"],
        [[f"`{name}`", run["status"], (run["last_lines"] or [""])[-1].replace("|", "/")]
         for name, run in found["runs"].items()])]
    for name, report in found["reports"].items():
        lines += ["", f"## {name}", "", table.markdown(report)]
    natten = found["runs"].get("natten")
    if natten:
        lines += ["", "## NATTEN", "", *natten["last_lines"]]
    return "\n".join(lines) + "\n"


def main():
    folder = pathlib.Path(sys.argv[1])
    found = read(folder)
    (folder / "gpu.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    text = page(found)
    (folder / "gpu.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
