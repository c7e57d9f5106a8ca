"""Make calls with full truth: `python -m train.compose MATERIAL -o CALLS --calls 100`.

The recipe is that of the VADER challenge: a matted person over a room, as a noisy camera would
record it; a real person segmenter and its client's mask style; the blend with a virtual image;
H.264. People, rooms, virtual images, clients, scale, position, pace, light and compression are
drawn anew for every call, and a seed makes the same calls again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from train.compose.material import read_material
from train.compose.random_call import Composer
from train.compose.writer import write_call
from vader_rt.cli.exit_codes import exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = _parser().parse_args(argv)
    return exit_code("train.compose", lambda: _compose(args))


def _compose(args: argparse.Namespace) -> int:
    material = read_material(args.material)
    material = material.without(material.only(set(args.without)))
    material = material.only(set(args.only)) if args.only else material
    composer = Composer(
        material,
        args.segmenters or args.material / "segmenters",
        args.seed,
        recolored=args.recolored,
        resting=args.resting,
        generous=args.generous,
        clean=args.clean,
        overlaid=args.overlaid,
    )
    for index in range(args.start, args.start + args.calls):
        name, recipe, client, crf = composer.draw(index)
        options = {"frames": args.frames, "crf": crf, "seed": index}
        print(write_call(args.output, name, recipe, client, **options), flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m train.compose")
    add = parser.add_argument
    add("material", type=Path, help="folder with people/, rooms/ and virtual/")
    add("-o", "--output", type=Path, required=True, help="folder for the calls")
    add("--calls", type=int, default=10, help="how many (default 10)")
    add("--start", type=int, default=0, help="index of the first (default 0)")
    add("--frames", type=int, default=120, help="frames a call (default 120)")
    add("--seed", type=int, default=0)
    add("--recolored", type=float, default=0.5, help="share of recoloured people (default 0.5)")
    add("--resting", type=float, default=0.0, help="share of people who sit still (default 0)")
    add("--generous", type=float, default=0.0, help="share of clients that cut wide (default 0)")
    add("--clean", type=float, default=0.0, help="share of clients that hardly leak (default 0)")
    add("--overlaid", type=float, default=0.0, help="share of calls drawn over (default 0)")
    add("--segmenters", type=Path, help="folder with .tflite files")
    add("--only", nargs="+", default=[], help="names of material to use alone")
    add("--without", nargs="+", default=[], help="names of material to leave out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
