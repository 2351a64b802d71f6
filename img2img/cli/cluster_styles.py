"""`img2img cluster-styles`: a run's styles, found in its training photos."""

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path

from img2img.cli import count, seed
from img2img.cli.parser import Parser
from img2img.progress import say

EPILOG = """examples:
  img2img cluster-styles                            of the newest run, 10 styles a class
  img2img cluster-styles --run city --k auto --k car=4
  img2img cluster-styles --run city --rename car-0=red
  torchrun --nproc_per_node 8 -m -- img2img cluster-styles --run city    on 8 GPUs"""


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="img2img cluster-styles",
        description="Encode the training photos of a run and cluster the objects of every class "
        "into styles (K-means). Writes styles.json and contact sheets into the run.",
        epilog=EPILOG,
    )
    parser.add_argument("--run", help="name (runs/NAME) or path; default: the newest run")
    parser.add_argument("--data", metavar="DIR", help="where the training pairs are, if moved")
    parser.add_argument(
        "--k",
        action="append",
        default=[],
        help="styles of a class: a number, auto, or CLASS=NUMBER; may be repeated; default: 10",
    )
    parser.add_argument(
        "--limit", type=count, metavar="N", help="encode N training pairs, evenly spaced, not all"
    )
    parser.add_argument("--seed", type=seed, default=0, help="seed of the clustering")
    parser.add_argument("--overwrite", action="store_true", help="replace the run's style book")
    parser.add_argument(
        "--rename", action="append", default=[], metavar="STYLE=NAME", help="name a style and stop"
    )
    parser.add_argument("--no-sheets", action="store_true", help="without the contact sheets")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Makes the book and its sheets, and says where they lie."""
    a = parse(argv)
    from img2img.inference.styles import making

    if a.rename:
        return _rename(a)
    from img2img.distributed.sharing import ProcessGroup
    from img2img.runs.locking import owning

    k, k_of = making.parse_counts(a.k)
    group = ProcessGroup.join()
    run = group.together(lambda: _load(a, group))
    with contextlib.ExitStack() as stack:
        group.main_alone(lambda: stack.enter_context(owning(run.path, "cluster-styles")))
        book = making.make_book(run, k=k, k_of=k_of, seed=a.seed, limit=a.limit, group=group)
        group.main_alone(lambda: _write(a, run, book))
    return 0


def _load(a: argparse.Namespace, group):
    """The run, which may get a book."""
    from img2img.inference.styles import making

    run = making.StyledRun.load(a.run, data=a.data, device=group.device(a.device))
    making.check_new(run.path, overwrite=a.overwrite)
    return run


def _write(a: argparse.Namespace, run, book) -> None:
    """The book and its sheets, and where they lie."""
    from img2img.inference.styles import making

    book.save(run.path)
    for cls, styles in sorted(book.styles.items()):
        counts = ", ".join(f"{style.name} ({style.count})" for style in styles)
        say(f"{book.class_names[cls]}: {counts}")
    say(f"style book: {run.path / making.FILE}")
    if not a.no_sheets:
        from img2img.inference.styles.sheets import write_sheets

        say(f"contact sheets: {write_sheets(run, book)}")
    say(f"use them: img2img translate LABEL.png --run {run.path} --style random --seed 7")
    say(f"or pick them: img2img pick-style --run {run.path}")


def _rename(a: argparse.Namespace) -> int:
    from img2img.runs.folder import find_run
    from img2img.runs.locking import owning

    run = find_run(a.run)
    with owning(run, "cluster-styles --rename"):
        _rename_in(run, a.rename)
    say(f"renamed in {run}: {', '.join(a.rename)} (the sheets keep the names they were drawn with)")
    return 0


def _rename_in(run: Path, items: Sequence[str]) -> None:
    from img2img.errors import ConfigError
    from img2img.inference.styles.book import StyleBook

    book = StyleBook.load(run)
    if book is None:
        raise ConfigError(f"{run} has no style book; make it without --rename first")
    for item in items:
        old, equals, new = item.partition("=")
        if not equals:
            raise ConfigError(f"--rename {item}: expected STYLE=NAME, such as car-0=red")
        book = book.renamed(book.class_of(old), old, new)
    book.save(run)
