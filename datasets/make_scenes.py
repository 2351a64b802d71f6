"""Writes the built-in street scenes to disk, in the folder layout of Cityscapes and pix2pixHD.

python datasets/make_scenes.py --out data/scenes --train 2000 --val 24

These, the defaults, are about 130 MB.
"""

import argparse
import json
import sys

import cv2
import numpy as np
from tqdm import tqdm

from img2img.cli.parser import path
from img2img.data.scenes import CLASSES, STYLES, VAL_OFFSET, Scene, draw_scene
from img2img.errors import DataError, UserError
from img2img.fields.files import write_image


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--train", type=int, default=2000, metavar="N", help="training scenes (%(default)s)"
    )
    parser.add_argument(
        "--val", type=int, default=24, metavar="N", help="held-out scenes (%(default)s)"
    )
    parser.add_argument("--height", type=int, default=128)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0, help="another seed, other scenes")
    parser.add_argument("--overwrite", action="store_true", help="replace files already in DIR")
    args = parser.parse_args(argv)
    for name in ("train", "val", "seed"):
        if getattr(args, name) < 0:
            parser.error(f"--{name} must be 0 or more, not {getattr(args, name)}")
    return args


def style_names(scene: Scene) -> dict[str, str]:
    """The style's name of every instance id in the scene."""
    classes = {key: CLASSES[key // 1000 if key >= 1000 else key].name for key in scene.styles}
    return {str(key): STYLES[classes[key]][index].name for key, index in scene.styles.items()}


def size_of(scene: Scene) -> int:
    """Bytes of a scene's three files."""
    arrays = (scene.label, scene.instance.astype(np.uint16), scene.image)
    return sum(len(cv2.imencode(".png", array)[1]) for array in arrays)


def write_scenes(args: argparse.Namespace) -> None:
    """Writes both splits, the classes and the styles.

    Raises:
        UserError: the folder is in use or cannot be written, or no scene has such a size.
    """
    draw = {"seed": args.seed, "height": args.height, "width": args.width}
    sample = draw_scene(0, **draw)  # a size that does not work leaves no folder behind
    if args.out.is_dir() and any(args.out.iterdir()) and not args.overwrite:
        raise DataError(f"{args.out}: not empty; choose another --out, or add --overwrite")
    megabytes = round(size_of(sample) * (args.train + args.val) / 1e6)
    print(
        f"{args.out}: writing {args.train} + {args.val} scenes of {args.width}x{args.height}, "
        f"about {max(1, megabytes)} MB; --train N writes fewer",
        flush=True,  # before the progress bar, which goes another way
    )
    styles: dict[str, dict[str, dict[str, str]]] = {}
    for split, count, first in (("train", args.train, 0), ("val", args.val, VAL_OFFSET)):
        styles[split] = {}
        for part in ("label", "inst", "img"):
            (args.out / f"{split}_{part}").mkdir(parents=True, exist_ok=True)
        for number in tqdm(range(count), desc=split, disable=None):  # None: no bar in a log file
            name, scene = f"scene_{number:05}", draw_scene(first + number, **draw)
            instance = scene.instance.astype(np.uint16)
            write_image(args.out / f"{split}_label" / f"{name}_labelIds.png", scene.label)
            write_image(args.out / f"{split}_inst" / f"{name}_instanceIds.png", instance)
            write_image(args.out / f"{split}_img" / f"{name}_img.png", scene.image)
            styles[split][name] = style_names(scene)
    palette = ("{} {} {} {}".format(*known.colour, known.name) for known in CLASSES)
    (args.out / "classes.txt").write_text("".join(f"{known.name}\n" for known in CLASSES))
    (args.out / "palette.txt").write_text("".join(f"{line}\n" for line in palette))
    (args.out / "styles.json").write_text(json.dumps(styles, indent=1) + "\n")
    print(f"{args.out}: done; train on it with img2img train --data {args.out}")


def main(argv: list[str] | None = None) -> int:
    try:
        write_scenes(parse(argv))
    except (UserError, OSError) as error:
        print(f"make_scenes: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
