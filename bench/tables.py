"""Write the tables of the documentation from committed figures: `python -m bench.tables [--check]`.

A table stands between the lines `<!-- table: NAME -->` and `<!-- end -->` of a Markdown file. What
is between them is written anew from the JSON files in `docs/figures`; `--check` only looks, and
ends with 1 if a table is out of date.

`dev.json` and `dev_given.json` are what `python -m train.evaluate --json` writes, without and with
`--given`. Means and medians are computed here.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean, median

from bench.markdown import Columns, Row, number, read, table, text
from bench.roofline_tables import roofline, roofline_devices, roofline_diagram
from vader_rt.cli.exit_codes import exit_code
from vader_rt.doctor.tolerance import TOLERANCES
from vader_rt.errors import InputError
from vader_rt.io.files import write_text

ROOT = Path(__file__).parent.parent
Calls = dict[str, dict[str, float]]
"""Figures by call and column."""

_BLOCK = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_START = "<!-- table:"

SPEED: Columns = {
    "call": lambda row: _duration(row["frames"] / row["fps"]),
    "whole job": lambda row: f"{row['seconds']:.0f} s",
    "first picture": lambda row: f"{row['first_picture_seconds']:.0f} s",
    "decoding alone": lambda row: f"{row['decode_seconds']:.1f} s",
    "the seed's way": lambda row: _duration(row["seed_seconds"]),
    "memory": lambda row: f"{row['peak_rss_mb']} MB",
}
"""Columns of the benchmark of whole calls."""
SUMMARY = {
    "ours": "VADER-RT",
    "given": "VADER-RT, the virtual image given",
    "seed": "the seed's network, which copies pixels",
    "virtual": "the virtual background itself",
    "copy": "copying with the true masks",
    "unmix": "un-mixing with the true masks",
    "unmix_v": "un-mixing with the true masks and the true virtual image",
}
"""Columns of the evaluation that the README compares, and what it calls them."""
DEV = (
    *("ours", "artifact", "given", "voted", "copied", "unmixed", "seed", "copy", "unmix"),
    *("unmix_v", "virtual", "precision", "coverage", "shown", "s/frame"),
)
"""Order of the columns of the evaluation; others follow them."""
CLIENT_COLUMNS = ("ours", "copy", "unmix")
PRECISIONS = {
    "fp32": "fp32 in ONNX Runtime, against torch",
    "fp16": "fp16, every tensor rounded",
    "int8": "int8",
}


def summary(figures: Path) -> str:
    """Mean and median of what is compared, over all evaluation calls."""
    calls = _calls(figures)
    known = _columns(calls)
    rows = [
        {"what": name, "values": [row[column] for row in calls.values() if column in row]}
        for column, name in SUMMARY.items()
        if column in known
    ]
    columns = {
        "": lambda row: row["what"],
        "mean": lambda row: f"{fmean(row['values']):.3f}",
        "median": lambda row: f"{median(row['values']):.3f}",
    }
    return table(columns, rows)


def dev(figures: Path) -> str:
    """Every column of every evaluation call, with mean and median."""
    calls = _calls(figures)
    known = _columns(calls)
    shown = [c for c in DEV if c in known] + [c for c in known if c not in DEV]
    averages = {
        f"**{name}**": _average(calls.values(), shown, average)
        for name, average in (("mean", fmean), ("median", median))
    }
    rows = [{"call": name, **row} for name, row in (calls | averages).items()]
    return table({"call": text("call"), **{c: number(c) for c in shown}}, rows)


def clients(figures: Path) -> str:
    """Means by the client's person segmenter, the last part of a call's name."""
    groups: dict[str, list[dict[str, float]]] = {}
    for name, row in _calls(figures).items():
        groups.setdefault(name.rpartition("_")[2], []).append(row)
    rows = [
        {"client": client, "calls": len(group), **_average(group, CLIENT_COLUMNS, fmean)}
        for client, group in sorted(groups.items())
    ]
    columns = {"client": text("client"), "calls": text("calls")}
    return table(columns | {c: number(c) for c in CLIENT_COLUMNS}, rows)


def ablation(figures: Path) -> str:
    """What happens without a part."""
    columns = {
        "": text("what"),
        "mean": number("mean"),
        "median": number("median"),
        "claimed": lambda row: f"{100 * row['claimed']:.2f} %",
        "right of it": lambda row: f"{row['right']:.2f}",
    }
    return table(columns, read(figures / "ablation.json"))


def int8(figures: Path) -> str:
    """What INT8 costs and gains, by model and CPU."""
    columns = {
        "model": text("model"),
        "on": text("cpu"),
        "weights": lambda row: f"{row['weight_bits']} bits",
        "fp32": lambda row: f"{row['fp32_ms']:.1f} ms",
        "int8": lambda row: f"{row['int8_ms']:.1f} ms",
        "error by min-max, entropy, percentile": lambda row: _least_bold(row["errors"]),
        "score": lambda row: f"{row['reference_score']:.4f} → {row['score']:.4f}",
        "verdict": text("verdict"),
    }
    return table(columns, read(figures / "int8.json"))


def int8_cpus(figures: Path) -> str:
    """What the CPU changes: the largest difference of matte and leak from fp32."""
    columns = {
        "weights": lambda row: f"{row['weight_bits']} bits",
        "with VNNI": lambda row: ", ".join(f"{x:.3f}" for x in row["with_vnni"]),
        "without": lambda row: ", ".join(f"{x:.3f}" for x in row["without"]),
    }
    return table(columns, read(figures / "int8_cpus.json"))


def tolerances(_: Path) -> str:
    """What an export may differ by: the program's own limits, not figures."""
    rows = [{"what": PRECISIONS[name], **vars(limit)} for name, limit in TOLERANCES.items()]
    columns = {
        "": text("what"),
        "largest difference": lambda row: f"{row['largest']:g}",
        "mean": lambda row: f"{row['mean']:.5f}".rstrip("0"),
        "IoU of leak > 0.5": lambda row: f"{row['iou']:g}",
        "score lost": lambda row: f"{row['score']:g}",
    }
    return table(columns, rows)


def speed(figures: Path) -> str:
    """How long calls take, and how much memory, beside what decoding them takes."""
    size = {"size": lambda row: "×".join(str(side) for side in row["size_wh"])}
    call, *rest = SPEED.items()
    return _speed(figures, {call[0]: call[1], **size, **dict(rest)}, (720, 1080))


def speed_720p(figures: Path) -> str:
    """The same of calls of 1280×720 alone."""
    return _speed(figures, SPEED, (720,))


def _speed(figures: Path, columns: Columns, heights: Sequence[int]) -> str:
    found = read(figures / "speed.json")
    rows = [r for r in found["calls"] if r["engine"] == "onnx-cpu" and r["size_wh"][1] in heights]
    runtime = found["versions"]["onnxruntime"]
    where = f"*On {found['cpus']} CPUs ({found['cpu']}), ONNX Runtime {runtime}.*"
    return f"{table(columns, rows)}\n\n{where}"


def budget(figures: Path) -> str:
    """What a budget of frames, another size or precision of the network costs and gains."""
    columns = {
        "network": lambda row: f"{'×'.join(map(str, row['size_wh']))}, {row['precision']}",
        "frames": lambda row: str(row["frames"] or "all"),
        "a call": lambda row: f"{row['seconds']:.1f} s",
        "score": lambda row: f"{row['score']:.4f}",
        "against all frames": lambda row: f"{row['change']:+.4f}",
        "the call that loses most": lambda row: f"{row['worst']:+.4f}",
    }
    return table(columns, read(figures / "budget.json")["rows"])


TABLES: dict[str, Callable[[Path], str]] = {
    table.__name__: table
    for table in (
        *(summary, dev, clients, ablation, int8, int8_cpus, tolerances),
        *(speed, speed_720p, budget, roofline_diagram, roofline, roofline_devices),
    )
}


def outdated(root: Path = ROOT) -> dict[Path, str]:
    """The documents with a table that is not as the figures say, and what they should hold.

    Raises:
        InputError: a table has no end or a name that is unknown, or its figures cannot be read.
    """
    documents = [root / "README.md", root / "runtime" / "vader_rt" / "models" / "README.md"]
    documents += sorted((root / "docs").glob("*.md"))
    held = {path: path.read_text(encoding="utf-8") for path in documents if path.is_file()}
    fresh = {path: _filled(path, old, root / "docs" / "figures") for path, old in held.items()}
    return {path: new for path, new in fresh.items() if new != held[path]}


def _filled(path: Path, held: str, figures: Path) -> str:
    if held.count(_START) != len(_BLOCK.findall(held)):
        raise InputError(f"{path}: a line `{_START} NAME -->` has no `<!-- end -->` after it")

    def fill(block: re.Match[str]) -> str:
        start, name, end = block.groups()
        if name not in TABLES:
            raise InputError(f"{path}: unknown table {name!r}; known: {', '.join(TABLES)}")
        return f"{start}{TABLES[name](figures)}\n{end}"

    return _BLOCK.sub(fill, held)


def _duration(seconds: float) -> str:
    """Seconds, or minutes where there are many."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _calls(figures: Path) -> Calls:
    """The evaluation; `given` is what the run with the true virtual images scored."""
    calls: Calls = read(figures / "dev.json")
    with_image = figures / "dev_given.json"
    if with_image.is_file():
        for name, row in read(with_image).items():
            calls.get(name, {})["given"] = row["ours"]
    return calls


def _columns(calls: Calls) -> list[str]:
    return list(dict.fromkeys(column for row in calls.values() for column in row))


def _average(
    rows: Iterable[Row], columns: Sequence[str], average: Callable[[list[float]], float]
) -> dict[str, float]:
    """Of each column that any row has, over those rows."""
    rows = list(rows)
    values = {column: [row[column] for row in rows if column in row] for column in columns}
    return {column: average(found) for column, found in values.items() if found}


def _least_bold(values: Sequence[float]) -> str:
    least = min(values)
    return ", ".join(f"**{v:.4f}**" if v == least else f"{v:.4f}" for v in values)


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.tables")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of date")
    args = parser.parse_args(argv)
    return exit_code("bench.tables", lambda: _run(root, check=args.check))


def _run(root: Path, *, check: bool) -> int:
    stale = outdated(root)
    for path, fresh in stale.items():
        if check:
            print(f"{path}: out of date; run `python -m bench.tables`", file=sys.stderr)
        else:
            write_text(path, fresh)
            print(path)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
