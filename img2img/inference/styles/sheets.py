"""Contact sheets of a style book: one page a class, as PNG and as HTML."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from img2img.data.sheets import contact_sheet, to_picture
from img2img.errors import DataError, counted
from img2img.fields.files import write_image
from img2img.inference.arrays import Prepared
from img2img.inference.styles.book import Style, StyleBook
from img2img.inference.styles.looks import Choice, Objects, StyleOverrides, choose
from img2img.inference.styles.making import StyledRun
from img2img.keys import TARGET
from img2img.progress import counting
from img2img.reporting.html import render

FOLDER = "styles"
EXAMPLES = 4  # real crops beside every style
HEIGHT = 160  # pixels of every picture on the sheet
CANDIDATES = 12  # pictures that may become a class's scene
AT_ONCE = 4  # pictures rendered in one batch
MARGIN = 0.2  # of an object's box, on each side of a crop
LEAST_CROP = 24  # pixels, so that a crop shows something of its surroundings
WIDEST = 640  # pixels of a scene on a page
SCENE, OBJECT, REAL = "the scene in this style", "one object", "real objects of this style"

Links = Sequence[tuple[str, str]]  # files and what they are called
Row = dict[str, list[np.ndarray]]  # pictures, uint8 RGB, by headline


def write_sheets(run: StyledRun, book: StyleBook) -> Path:
    """Draws all pages.

    Returns:
        The index, `styles/index.html` in the run.

    Raises:
        DataError: a training pair cannot be read, or a page cannot be written.
    """
    folder = run.path / FOLDER
    names = {cls: book.class_names[cls] for cls in sorted(book.styles)}
    stems = {cls: _stem(cls, name) for cls, name in names.items()}
    links = [("index.html", "all classes")]
    links += [(f"{stem}.html", names[cls]) for cls, stem in stems.items()]
    classes = []
    try:
        folder.mkdir(exist_ok=True)
        for old in [*folder.glob("*.png"), *folder.glob("*.html")]:
            old.unlink()
        for cls, stem in counting(stems.items(), len(stems), "sheets"):
            rows, styles = list(_rows(run, book, cls)), book.styles[cls]
            count = counted(len(styles), "style")
            classes.append((f"{stem}.html", names[cls], count, rows[0][SCENE][0]))
            write_image(folder / f"{stem}.png", _sheet(rows, styles))
            sections = [(s.name, _caption(s), row) for s, row in zip(styles, rows, strict=True)]
            _write(folder / f"{stem}.html", f"Styles of {names[cls]}", links, styles=sections)
        index = folder / "index.html"
        _write(index, "Styles", links, classes=classes)
    except OSError as error:
        raise DataError(f"{folder}: the sheets cannot be written ({error.strerror})") from error
    return index


def crop_box(
    box: tuple[int, int, int, int], size: tuple[int, int], *, margin: float = MARGIN
) -> tuple[slice, slice]:
    """The rows and columns of a box and its surroundings, within a picture.

    Args:
        box: x, y, width, height.
        size: (height, width) of the picture.
        margin: of the box's longer side, on every side.
    """
    x, y, width, height = box
    slices = []
    for start, length, limit in ((y, height, size[0]), (x, width, size[1])):
        extra = max(margin * max(width, height), (LEAST_CROP - length) / 2)
        slices.append(slice(max(0, int(start - extra)), min(limit, int(start + length + extra))))
    return slices[0], slices[1]


def _rows(run: StyledRun, book: StyleBook, cls: int) -> Iterator[Row]:
    """A row of pictures for every style of a class."""
    translator, styles = run.translator, book.styles[cls]
    inputs, objects, ident = _scene(run, book, cls)
    place = crop_box(objects.box(ident), objects.ids.shape)
    for first in range(0, len(styles), AT_ONCE):
        some = styles[first : first + AT_ONCE]
        # The example by itself too: at full size, most of it may lie on another class.
        looks = [
            {**choose(objects, book, StyleOverrides(classes={cls: style})), ident: Choice.of(style)}
            for style in some
        ]
        for style, result in zip(some, translator.render(inputs, looks), strict=True):
            scene = translator.display(result)
            yield {
                SCENE: [scene],
                OBJECT: [scene[place]],
                REAL: _real_ones(run, style),
            }


def _scene(run: StyledRun, book: StyleBook, cls: int) -> tuple[Prepared, Objects, int]:
    """A training pair with a large object of a class, and that object's id."""
    examples: dict[int, list[int]] = {}
    for style in book.styles[cls]:
        for example in style.examples:
            examples.setdefault(example.picture, []).append(example.instance)
    found = []
    for index, idents in list(examples.items())[:CANDIDATES]:
        inputs = run.translator.complete(run.pairs.source.read(index))
        objects = run.translator.objects(inputs)
        sizes = {ident: int((objects.ids == ident).sum()) for ident in idents}
        largest = max(sizes, key=lambda ident: sizes[ident])
        found.append((sizes[largest], -index, inputs, objects, largest))
    return max(found, key=lambda entry: entry[:2])[2:]


def _real_ones(run: StyledRun, style: Style) -> list[np.ndarray]:
    """The style's most typical training objects, cut out of their photos."""
    photos = [
        to_picture(run.pairs.sample((e.picture, 0))[TARGET]) for e in style.examples[:EXAMPLES]
    ]
    examples = zip(photos, style.examples, strict=False)
    return [photo[crop_box(example.box, photo.shape[:2])] for photo, example in examples]


def _sheet(rows: Sequence[Row], styles: Sequence[Style]) -> np.ndarray:
    """The page as one picture: all of a row at one height."""
    scaled = [{name: _side_by_side(pictures) for name, pictures in row.items()} for row in rows]
    return contact_sheet(scaled, [_caption(style) for style in styles], fit=False)


def _side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    gap = np.full((HEIGHT, 6, 3), 255, np.uint8)
    # Several share the width of about one scene.
    widest = WIDEST if len(pictures) == 1 else 2 * HEIGHT
    scaled = [_scaled(picture, HEIGHT, widest) for picture in pictures]
    return np.concatenate([part for picture in scaled for part in (picture, gap)][:-1], axis=1)


def _scaled(picture: np.ndarray, height: int, widest: int) -> np.ndarray:
    """At that height, but not wider than `widest`, with a white margin below then."""
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    rows = height if width <= widest else max(1, round(height * widest / width))
    how = cv2.INTER_AREA if picture.shape[0] > rows else cv2.INTER_NEAREST
    small = cv2.resize(picture, (min(width, widest), rows), interpolation=how)
    return np.pad(small, ((0, height - rows), (0, 0), (0, 0)), constant_values=255)


def _caption(style: Style) -> str:
    return f"{style.name} - {counted(style.count, 'object')}, spread {style.spread:.3f}"


def _stem(cls: int, name: str) -> str:
    """A file name for a class; the number tells apart names that differ in other characters."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name)
    return f"{cls:03d}-{plain}"


def _write(
    path: Path, title: str, links: Links, *, classes: Sequence = (), styles: Sequence = ()
) -> None:
    """A page that needs no other file but those it links to."""
    page = render("styles.html", title=title, links=links, classes=classes, styles=styles)
    path.write_text(page, encoding="utf-8")
