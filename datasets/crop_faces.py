"""Cuts the faces out of a folder of pictures, for training on them.

python datasets/crop_faces.py photos --out data/faces --cascade haarcascade_frontalface_default.xml

The same command goes on where it was interrupted. data/faces/faces.jsonl says what became of every
picture.
"""

import argparse
import os
import sys

from img2img.cli.parser import path
from img2img.data.faces.cropping import NO_FACE, TOO_SMALL, Cut, crop_faces
from img2img.errors import UserError, counted

MAX_MARGIN = 10
SHOWN = 5  # unreadable files that are named


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=path, help="pictures, also in subfolders")
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--cascade",
        type=path,
        metavar="XML",
        help="a Haar or LBP cascade file of OpenCV (its own frontal face, where it comes with files)",
    )
    parser.add_argument(
        "--size", type=int, default=Cut.size, help="side of the results in pixels (%(default)s)"
    )
    parser.add_argument(
        "--margin",
        type=float,
        default=Cut.margin,
        help="added on each side, as a share of the face (%(default)s)",
    )
    parser.add_argument(
        "--min-face",
        type=int,
        default=Cut.least,
        metavar="PIXELS",
        help="least side of a face (%(default)s)",
    )
    parser.add_argument("--largest", action="store_true", help="one face a picture, the largest")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes"
    )
    parser.add_argument("--overwrite", action="store_true", help="begin anew in DIR")
    args = parser.parse_args(argv)
    for option, least in (("size", 1), ("min-face", 1), ("workers", 1)):
        value = getattr(args, option.replace("-", "_"))
        if value < least:
            parser.error(f"--{option} must be {least} or more, not {value}")
    if not 0 <= args.margin <= MAX_MARGIN:
        parser.error(f"--margin must be from 0 to {MAX_MARGIN}, not {args.margin}")
    return args


def run(args: argparse.Namespace) -> None:
    """Crops, and says what came of it."""
    cut = Cut(args.size, args.margin, args.min_face, args.largest)
    found = crop_faces(
        args.folder,
        args.out,
        cascade=args.cascade,
        cut=cut,
        workers=args.workers,
        overwrite=args.overwrite,
    )
    plain = (NO_FACE, TOO_SMALL)
    unread = {name: why for name, why in found.skipped.items() if why not in plain}
    for why in list(unread.values())[:SHOWN]:
        print(f"left out: {why}", file=sys.stderr)
    if len(unread) > SHOWN:
        print(f"left out: {len(unread) - SHOWN} more, see faces.jsonl", file=sys.stderr)
    if found.others:
        print(found.others.said(), file=sys.stderr)
    none, small = (list(found.skipped.values()).count(why) for why in plain)
    if not found.faces:
        print(
            f"no face was found: --min-face is {args.min_face} pixels, and the cascade is of upright "
            "frontal faces where it is OpenCV's usual one",
            file=sys.stderr,
        )
    before = f" ({found.done_before} of them before)" if found.done_before else ""
    print(
        f"{args.out}: {counted(found.faces, 'face')} of {counted(found.pictures, 'picture')}{before}; "
        f"{none} without a face, {small} smaller than --min-face, {len(unread)} unreadable"
    )


def main(argv: list[str] | None = None) -> int:
    try:
        run(parse(argv))
    except (UserError, OSError) as error:
        print(f"crop_faces: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
