"""Styles beyond the book's: copied, mixed, taken from a photo; and names for them in the book."""

from dataclasses import replace

from img2img.errors import ConfigError, DataError
from img2img.inference.styles.book import Style
from img2img.inference.styles.looks import Choice
from img2img.ui.studio import Studio


def selected(studio: Studio) -> tuple[int, Choice]:
    """The selected object and its style.

    Raises:
        ConfigError: there is none.
    """
    choice = None if studio.selected is None else studio.now.look.get(studio.selected)
    if studio.selected is None or choice is None:
        raise ConfigError("select an object that has a style first: click it in the picture")
    return studio.selected, choice


def copy(studio: Studio) -> None:
    """Remembers the selected object's style, for an object of any scene."""
    with studio.lock:
        studio.copied = named(studio, selected(studio)[1])


def paste(studio: Studio) -> None:
    """Gives the selected object the style that was copied."""
    with studio.lock:
        if studio.copied is None:
            raise ConfigError("copy a style first")
        studio.apply({selected(studio)[0]: studio.copied}, f"{studio.copied.style}, copied")


def mix(studio: Studio, first: str, second: str, share: float) -> None:
    """Gives the selected object a style between two of its class's.

    Args:
        share: of the second, 0..1.
    """
    with studio.lock:
        ident, _ = selected(studio)
        book, number = studio.engine.require_book(), studio.now.objects.classes[ident]
        one, other = book.find(number, first), book.find(number, second)
        if not 0 <= share <= 1:
            raise ValueError("out of range")
        features = ((1 - share) * one.centre + share * other.centre).astype(one.centre.dtype)
        name = f"{one.name} with {round(100 * share)} % {other.name}"
        studio.apply({ident: Choice(features, name)}, name)


def from_photo(studio: Studio) -> None:
    """Gives the selected object the style that it has in its scene's photo.

    Raises:
        DataError: the scene has no photo, or one of another size or kind.
    """
    with studio.lock:
        ident, _ = selected(studio)
        scene, now = studio.work.scene, studio.now
    if scene.photo is None:
        raise DataError("this picture has no photo: open its label map together with one")
    features = studio.engine.encode(studio.prepare(now), scene.photo)[ident].features
    name = f"as in the photo of {scene.name}"
    studio.apply({ident: Choice(features, name)}, name)


def keep(studio: Studio, name: str) -> None:
    """Names the selected object's style: one of the book gets another name, any other is added."""
    ident, choice = selected(studio)
    number = studio.now.objects.classes[ident]
    known = find(studio.styles, choice)
    studio.engine.change_book(
        lambda book: (
            book.renamed(number, known.name, name)
            if known
            else book.added(number, Style(name, choice.features, 0, 0.0))
        )
    )


def find(styles: tuple[Style, ...], choice: Choice) -> Style | None:
    """The style of a class that a choice is, by its features: names change."""
    return next((s for s in styles if (s.centre == choice.features).all()), None)


def named(studio: Studio, choice: Choice) -> Choice:
    """With the name that the book has for it now."""
    known = find(studio.styles, choice)
    return replace(choice, style=known.name) if known else choice
