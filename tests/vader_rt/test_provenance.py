"""Where a result comes from."""

from __future__ import annotations

import json
from pathlib import Path

from vader_rt.provenance import cpu_name, ffmpeg_versions, host


def test_the_cpu_is_named(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: a b\n")
    assert cpu_name(cpuinfo) == "Some CPU @ 2 GHz"
    assert cpu_name(tmp_path / "none")


def test_the_host_is_told_in_json() -> None:
    found = json.loads(json.dumps(host(gpu=True)))
    assert found["cpus"] >= 1
    assert found["memory_bytes"] > 1 << 28
    assert "libavcodec" in ffmpeg_versions()
