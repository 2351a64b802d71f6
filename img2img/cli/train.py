"""`img2img train`: train a model."""

import argparse

from img2img.cli.parser import Parser, path

# Flags that are settings of the config under another name.
FLAGS = {
    "data": (
        "data.path",
        "folder with the pairs or pictures, a CSV, idx files; without it the built-in street scenes",
    ),
    "layout": ("data.layout", "force a folder layout instead of recognising it"),
    "direction": ("data.direction", "which half or folder is the input: AtoB or BtoA"),
    "val_fraction": ("data.val_fraction", "share of the pairs to validate on, without a val split"),
    "ignore_id": ("data.ignore_id", "label id that means 'no class'"),
    "palette": ("data.palette", "colour-coded labels: facades, cityscapes, camvid or a file"),
    "vgg_weights": ("model.vgg_weights", "file with VGG19 or VGG16 weights"),
    "init_from": ("training.init_from", "start from this run's weights, as far as they fit"),
    "seed": ("training.seed", "seed of weights, data order and augmentation"),
    "max_steps": ("training.max_steps", "stop after so many steps"),
    "max_time": ("training.max_time", "stop after so many minutes"),
    "precision": ("training.precision", "auto, fp32, bf16 or fp16"),
    "device": ("training.device", "auto, cpu, cuda or mps"),
}

# As in `img2img.models.MODELS`, which is not imported for a help text.
NAMES = [
    "pix2pix",
    "pix2pixHD",
    "gan",
    "dcgan",
    "cgan",
    "acgan",
    "infogan",
    "lsgan",
    "wgan",
    "wgan_gp",
    "wgan_div",
    "fgan",
    "began",
    "semi_supervised",
]

EPILOG = """examples:
  img2img train --model pix2pixHD                          the built-in data
  img2img train --model pix2pixHD --data my_pairs --run first
  img2img train --model dcgan --data my_pictures data.resize=64
  img2img train --config facades training.lr=1e-4
  img2img train --resume first --max-steps 20000
  img2img train --model pix2pixHD --data my_pairs --dry-run    what it would do and need
  img2img train --model pix2pixHD --data my_pairs --fit 8GB

Any setting of the config can be given as key=value; --print-config shows them all."""


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="img2img train",
        description="Train a model on pairs of pictures, or on pictures alone.",
        epilog=EPILOG,
        settings=("model", "data", "training"),
    )
    parser.add_argument("--model", help=f"one of {', '.join(NAMES)}")
    parser.add_argument(
        "--config", type=path, help="YAML file, or a name in configs/, such as facades"
    )
    parser.add_argument("--run", help="name (runs/NAME) or path of the run")
    parser.add_argument("--overwrite", action="store_true", help="replace a run of that name")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="RUN",
        help="go on with a run; without RUN the newest",
    )
    parser.add_argument(
        "--low-memory",
        action="store_true",
        help="compute activations twice instead of storing them",
    )
    parser.add_argument("--compile", action="store_true", help="compile the networks first")
    parser.add_argument(
        "--print-config", action="store_true", help="print all settings, explained, and stop"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be trained and what memory it needs, write nothing, and stop",
    )
    parser.add_argument(
        "--fit",
        nargs="?",
        const="",
        metavar="SIZE",
        help="choose batch, accumulation, activation checkpointing and crop so that the training "
        "fits into SIZE, as 8GB; without SIZE into the memory that is free now",
    )
    for flag, (_, text) in FLAGS.items():
        parser.add_argument(f"--{flag.replace('_', '-')}", help=text)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="any setting")
    arguments = parser.parse_intermixed_args(argv)
    for flag in ("resume", "fit"):
        value = getattr(arguments, flag)
        if value and "=" in value:  # `--resume key=value` names no run, `--fit key=value` no size
            arguments.overrides.insert(0, value)
            setattr(arguments, flag, "")
    return arguments


def main(argv: list[str]) -> int:
    """Parses, trains or forecasts, says where everything lies."""
    arguments = parse(argv)
    from img2img.config import load_config, parse_overrides
    from img2img.errors import ConfigError
    from img2img.manual import commented_yaml
    from img2img.models import OPTIONS
    from img2img.training.session import Session

    given = {FLAGS[k][0]: v for k, v in vars(arguments).items() if k in FLAGS and v is not None}
    if arguments.model:
        given["model.name"] = arguments.model
    if arguments.compile:
        given["training.compile"] = True
    if arguments.low_memory:
        given["training.activation_checkpointing"] = True
    given |= parse_overrides(arguments.overrides)
    if arguments.resume is not None:
        if arguments.config or arguments.overwrite:
            raise ConfigError(
                "--resume goes on with a run under its own config: leave out --config and --overwrite"
            )
        if arguments.fit is not None:
            raise ConfigError(
                "--fit chooses settings that a run keeps: --resume can only save memory by "
                "--low-memory"
            )
        if arguments.resume and arguments.run:
            raise ConfigError(
                f"--resume {arguments.resume} and --run {arguments.run}: name one run"
            )
        session = Session.resumed(arguments.resume or arguments.run, given)
    else:
        config = load_config(
            OPTIONS,
            path=arguments.config,
            overrides=given,
            need_model=not arguments.print_config,
        )
        if arguments.print_config:  # before any folder of that name is looked at
            print(commented_yaml(config, OPTIONS), end="")
            return 0
        session = Session.new(config, arguments.run, overwrite=arguments.overwrite)
    if arguments.print_config:
        print(commented_yaml(session.config, OPTIONS), end="")
        return 0
    if arguments.dry_run:
        return session.dry_run(fit=arguments.fit)
    return session.train(fit=arguments.fit)
