"""`img2img import-weights`: turn published weights into a run."""

import argparse

from img2img.cli.parser import Parser, path
from img2img.progress import say


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="img2img import-weights",
        description="Turn the weight files of pix2pixHD or pytorch-CycleGAN-and-pix2pix into a run. "
        "Sizes are read off the files; what they cannot tell is a flag, and is printed.",
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=path,
        help="latest_net_G.pth, and latest_net_D.pth, latest_net_E.pth if you have them",
    )
    parser.add_argument("--run", required=True, help="name (runs/NAME) or path of the new run")
    parser.add_argument("--overwrite", action="store_true", help="replace a run of that name")
    parser.add_argument(
        "--model", choices=["pix2pix", "pix2pixHD"], help="default: by the networks"
    )
    parser.add_argument("--input", choices=["labels", "image"], help="default: by the channels")
    parser.add_argument(
        "--boundary",
        action=argparse.BooleanOptionalAction,
        help="the last input channel is the boundary map; default: pix2pixHD yes",
    )
    parser.add_argument("--direction", choices=["AtoB", "BtoA"], default="AtoB")
    parser.add_argument("--palette", help="facades, cityscapes, camvid or a file")
    parser.add_argument(
        "--dropout", action=argparse.BooleanOptionalAction, default=True, help="of the U-Net"
    )
    parser.add_argument(
        "--norm",
        choices=["instance", "batch", "none"],
        help="that the networks were trained with; default: by the weights",
    )
    parser.add_argument(
        "--running-statistics",
        action="store_true",
        help="batch norms use their running statistics instead of each picture's own",
    )
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Imports and says what was read off and what was assumed."""
    a = parse(argv)
    from img2img.inference.importing import Unknowns, import_weights
    from img2img.runs.folder import last_checkpoint, run_path, typed
    from img2img.tasks import task_of

    unknowns = Unknowns(
        model=a.model,
        input=a.input,
        boundary=a.boundary,
        direction=a.direction,
        palette=a.palette,
        dropout=a.dropout,
        norm=a.norm,
        own_statistics=not a.running_statistics,
    )
    path = run_path(a.run)
    for line in import_weights(a.files, path, unknowns, overwrite=a.overwrite):
        say(line)
    checkpoint = last_checkpoint(path)
    task = task_of(checkpoint.meta["config"]["model"]["name"])
    command = task.next_steps(typed(path), checkpoint.spec, styles=False)["translate"]
    say(f"imported into {path}; translate with: {command}")
    return 0
