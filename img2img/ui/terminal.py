"""The picker without a browser: lists, and pictures rendered in chosen styles."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from img2img.inference.planning import Job
from img2img.inference.styles.book import StyleBook
from img2img.inference.styles.looks import parse_style_overrides, picture_seed
from img2img.ui.engine import Engine
from img2img.ui.saving import write
from img2img.ui.scenes import Offer, from_files
from img2img.ui.studio import Studio


def list_styles(book: StyleBook) -> Iterator[str]:
    """The styles of every class, a line each."""
    for number, styles in sorted(book.styles.items()):
        names = ", ".join(f"{i}: {s.name} ({s.count})" for i, s in enumerate(styles))
        yield f"{book.class_names[number]}  {names}"


def list_objects(engine: Engine, offer: Offer) -> Iterator[str]:
    """The objects of a picture: class, id, box (x, y, width, height), style.

    Raises:
        DataError: the picture cannot be read.
    """
    studio = Studio(engine)
    studio.open(offer.open())
    now = studio.now
    names = {i: engine.class_of(n).name for i, n in now.objects.classes.items()}
    wide = max(map(len, names.values()))
    yield f"{offer.name}:"
    for ident in sorted(names, key=lambda i: (names[i], i)):
        style = now.look[ident].style if ident in now.look else "-"
        box = ",".join(map(str, now.objects.box(ident)))
        yield f"  {names[ident]:<{wide}}  {ident:>8}  {box:<16}  {style}"


def render(
    engine: Engine, jobs: Sequence[Job], items: Sequence[str], *, seed: int = 0
) -> Iterator[tuple[Path, Path | None]]:
    """Renders pictures in the styles that were asked for, and saves the styles beside them.

    Args:
        items: style overrides, as of `translate --style`.

    Returns:
        The picture of every job, and its style file where the model has styles.

    Raises:
        ConfigError: an unknown style, class or object.
        DataError: a picture cannot be read or written.
    """
    overrides = parse_style_overrides(items, engine.require_book())
    for job, offer in zip(jobs, from_files(jobs, engine.translator, limit=False), strict=True):
        studio = Studio(engine)
        studio.open(offer.open())
        studio.override(overrides, seed=picture_seed(seed, job.path.name))
        yield job.out, write(engine, studio.now, job.out)
