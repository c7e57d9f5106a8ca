"""Make calls with full truth: `python -m train.compose MATERIAL -o CALLS --calls 100`.

The recipe is that of the VADER challenge: a matted person over a room, as a noisy camera would
record it; a real person segmenter and its client's mask style; the blend with a virtual image;
H.264. People, rooms, virtual images, clients, scale, position, pace, light and compression are
drawn anew for every call, and a seed makes the same calls again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from train.compose.material import read_material
from train.compose.random_call import Composer
from train.compose.writer import write_call
from vader_rt.errors import VaderError


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m train.compose")
    parser.add_argument("material", type=Path, help="folder with people/, rooms/ and virtual/")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the calls")
    parser.add_argument("--calls", type=int, default=10, help="how many (default 10)")
    parser.add_argument("--start", type=int, default=0, help="index of the first (default 0)")
    parser.add_argument("--frames", type=int, default=120, help="frames a call (default 120)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--recolored", type=float, default=0.5, help="share of recoloured people (default 0.5)"
    )
    parser.add_argument(
        "--resting", type=float, default=0.0, help="share of people who sit still (default 0)"
    )
    parser.add_argument(
        "--generous", type=float, default=0.0, help="share of clients that cut wide (default 0)"
    )
    parser.add_argument("--segmenters", type=Path, help="folder with .tflite files")
    parser.add_argument("--only", nargs="+", default=[], help="names of material to use alone")
    parser.add_argument("--without", nargs="+", default=[], help="names of material to leave out")
    return parser.parse_args()


def main() -> None:
    args = _parse()
    try:
        material = read_material(args.material)
        material = material.without(material.only(set(args.without)))
        material = material.only(set(args.only)) if args.only else material
        segmenters = args.segmenters or args.material / "segmenters"
        composer = Composer(
            material,
            segmenters,
            args.seed,
            recolored=args.recolored,
            resting=args.resting,
            generous=args.generous,
        )
        for index in range(args.start, args.start + args.calls):
            name, scene, client, crf = composer.draw(index)
            options = {"frames": args.frames, "crf": crf, "seed": index}
            print(write_call(args.output, name, scene, client, **options), flush=True)
    except VaderError as error:
        raise SystemExit(f"train.compose: {error}") from None


if __name__ == "__main__":
    main()
