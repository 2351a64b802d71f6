"""`img2img check-data`: is a data set all right?"""

import argparse
from pathlib import Path

from img2img.cli.parser import Parser, path
from img2img.cli.train import FLAGS
from img2img.progress import say

EPILOG = """examples:
  img2img check-data my_pairs
  img2img check-data my_pairs --ignore-id 255 --out report
  img2img check-data facades --palette facades --direction BtoA

Any setting of the data can be given as key=value, as for training. The exit code is 2 where a
training would stop, else 0."""

SHARED = {
    key: FLAGS[key] for key in ["layout", "direction", "val_fraction", "ignore_id", "palette"]
}


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="img2img check-data",
        description="Look at all pairs of a data set: what is there, what is wrong, what to set. "
        "Writes a page with pictures.",
        epilog=EPILOG,
        settings=("data",),
    )
    parser.add_argument("data", metavar="DIR", help="folder with the pairs, or a CSV")
    parser.add_argument("--config", type=path, help="YAML file, or a name in configs/")
    parser.add_argument("--out", type=path, help="folder of the report; default: data_check")
    for flag, (_, text) in SHARED.items():
        parser.add_argument(f"--{flag.replace('_', '-')}", help=text)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="any setting of the data")
    return parser.parse_intermixed_args(argv)


def main(argv: list[str]) -> int:
    """Checks, writes the page, says what was found: exit code 2 where a training would stop."""
    arguments = parse(argv)
    from img2img.checking.check import check_data
    from img2img.checking.page import write_page
    from img2img.checking.words import conclusion, said
    from img2img.config import load_config, parse_overrides
    from img2img.errors import DataError
    from img2img.models import OPTIONS

    given = {SHARED[k][0]: v for k, v in vars(arguments).items() if k in SHARED and v is not None}
    given |= {"data.path": arguments.data} | parse_overrides(arguments.overrides)
    config = load_config(OPTIONS, path=arguments.config, overrides=given, need_model=False)
    out = arguments.out or _beside(arguments.data)
    try:
        out.mkdir(parents=True, exist_ok=True)
        report = check_data(config.data, out)
        page = write_page(report)
    except OSError as error:
        raise DataError(f"{out}: the report cannot be written ({error.strerror})") from error
    for line in said(report):
        say(line)
    say(conclusion(report))
    say(f"  page:     {page}")
    return 2 if report.of_level("problem") else 0


def _beside(data: str) -> Path:
    """The usual folder of the report, which is not to lie among the data.

    Raises:
        ConfigError: it would, because the data are where the command was called.
    """
    from img2img.errors import ConfigError
    from img2img.places import expand

    out, root = Path("data_check"), expand(data).resolve()
    if out.resolve().is_relative_to(root.parent if root.is_file() else root):
        raise ConfigError(f"the report would lie among the data; say where with --out ../{out}")
    return out
