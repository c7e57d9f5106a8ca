"""The tables and the diagram of `docs/gpu_roofline.md`, of what `bench.roofline` writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.markdown import Row, read, table, text


def roofline_diagram(figures: Path) -> str:
    """The stages of the GPU path as Mermaid; thick arrows go from one processor to the other."""
    found = read(figures / "roofline.json")
    on = {stage["name"].partition(",")[0]: stage["place"] for stage in found["stages"]}
    names = list(dict.fromkeys(name for arrow in found["arrows"] for name in arrow[:2]))
    lines = []
    for start, end, moved, per in found["arrows"]:
        arrow = "-->" if on.get(start, "CPU") == on.get(end, "CPU") else "==>"
        text = f"{moved / 1e6:.2f} MB{'' if per == 'frame' else ' once'}"
        ends = (f's{names.index(name)}["{name}, {on.get(name, "CPU")}"]' for name in (start, end))
        lines.append(f'    {next(ends)} {arrow}|"{text}"| {next(ends)}')
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"])


def roofline(figures: Path) -> str:
    """Bytes, operations and, by device, microseconds of every stage; then those of every thread."""
    found = read(figures / "roofline.json")
    columns = {
        "stage": text("name"),
        "on": text("place"),
        "MB": lambda row: _between(row, "bytes_least", "bytes_most", 1e-6, 2),
        "10⁶ operations": lambda row: f"{row['operations'] / 1e6:.1f}",
        "part of": lambda row: f"`{row['timed']}`",
        **{device["name"]: _microseconds(device["name"]) for device in found["devices"]},
    }
    rows = [{k: v for k, v in row.items() if v is not None} for row in found["stages"]]
    rows += [{"name": f"**thread: {row['thread']}**", **row} for row in found["threads"]]
    return table(columns, rows)


def roofline_devices(figures: Path) -> str:
    """The peaks that the times are of."""
    columns = {
        "": text("name"),
        "memory, GB/s": lambda row: f"{row['memory'] / 1e9:g}",
        "fp32, tf32, fp16, int8, 10¹²/s": lambda row: ", ".join(
            f"{row[kind] / 1e12:.1f}" for kind in ("fp32", "tf32", "fp16", "int8")
        ),
        "link, GB/s": lambda row: f"{row['link'] / 1e9:.1f}",
        "CPU: GB/s, 10⁹/s": lambda row: (
            f"{row['cpu']['memory'] / 1e9:g}, {row['cpu']['fp32'] / 1e9:.0f}"
        ),
        "source": text("source"),
    }
    return table(columns, read(figures / "roofline.json")["devices"])


def _between(row: Row, least: str, most: str, unit: float, digits: int) -> str:
    """The least figure and the most, if there is one."""
    figures = (row[least], row[most]) if most in row else (row[least],)
    return "–".join(f"{figure * unit:.{digits}f}" for figure in figures)


def _microseconds(device: str) -> Callable[[Row], str]:
    """A star where operations bound the least."""

    def cell(row: Row) -> str:
        times = row["times"][device]
        star = "*" if times.get("bound") == "operations" else ""
        return star + _between(times, "least", "most", 1, 0)

    return cell
