"""Contact sheets of a style book: one page a class, as PNG and as HTML."""

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from img2img.data.images import write_image
from img2img.data.reading import TARGET, Arrays
from img2img.data.sheets import contact_sheet, to_picture
from img2img.errors import DataError
from img2img.inference.styles.book import Style, StyleBook
from img2img.inference.styles.looks import Objects, Wishes, choose
from img2img.inference.styles.making import StyledRun
from img2img.progress import counting

FOLDER = "styles"
EXAMPLES = 4  # real crops beside every style
HEIGHT = 160  # pixels of every picture on the sheet
CANDIDATES = 12  # pictures that may become a class's scene
AT_ONCE = 4  # pictures rendered in one batch
MARGIN = 0.2  # of an object's box, on each side of a crop
LEAST_CROP = 24  # pixels, so that a crop shows something of its surroundings
WIDEST = 640  # pixels of a scene on a page
SCENE, OBJECT, REAL = "the scene in this style", "one object", "real objects of this style"

Row = dict[str, list[np.ndarray]]  # pictures, uint8 RGB, by headline

_CSS = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem;color:#222}
nav a{margin-right:.8rem}h1{font-size:1.5rem}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
h2 small{font-weight:normal;color:#666}figure{display:inline-block;margin:0 1rem .4rem 0;
vertical-align:top}figcaption{color:#666;font-size:.85rem}img{height:180px;max-width:100%;
object-fit:contain;image-rendering:pixelated;margin-right:.4rem}
"""


def write_sheets(run: StyledRun, book: StyleBook) -> Path:
    """Draws all pages.

    Returns:
        The index, `styles/index.html` in the run.

    Raises:
        DataError: a training pair cannot be read, or a page cannot be written.
    """
    folder = run.path / FOLDER
    stems = {cls: _stem(cls, book.class_names[cls]) for cls in sorted(book.styles)}
    links = [("index.html", "all classes")]
    links += [(f"{stem}.html", book.class_names[cls]) for cls, stem in stems.items()]
    firsts = {}
    try:
        folder.mkdir(exist_ok=True)
        for old in [*folder.glob("*.png"), *folder.glob("*.html")]:
            old.unlink()
        for cls, stem in counting(stems.items(), len(stems), "sheets"):
            rows, styles = list(_rows(run, book, cls)), book.styles[cls]
            firsts[cls] = rows[0][SCENE][0]
            sheet = _sheet(rows, styles)
            write_image(folder / f"{stem}.png", sheet)
            body = "".join(_section(*pair) for pair in zip(styles, rows, strict=True))
            page = _page(f"Styles of {book.class_names[cls]}", links, body)
            (folder / f"{stem}.html").write_text(page, encoding="utf-8")
        index = folder / "index.html"
        index.write_text(_page("Styles", links, _overview(book, stems, firsts)), encoding="utf-8")
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
        looks = [choose(objects, book, Wishes(classes={cls: style})) for style in some]
        for style, result in zip(some, translator.render(inputs, looks), strict=True):
            scene = translator.display(result)
            yield {
                SCENE: [scene],
                OBJECT: [scene[place]],
                REAL: _real_ones(run, style),
            }


def _scene(run: StyledRun, book: StyleBook, cls: int) -> tuple[Arrays, Objects, int]:
    """A training pair with a large object of a class, and that object's id."""
    pictures = dict.fromkeys(e.picture for style in book.styles[cls] for e in style.examples)
    found = []
    for index in list(pictures)[:CANDIDATES]:
        inputs = run.pairs.source.read(index)
        del inputs[TARGET]
        objects = run.translator.objects(inputs)
        ids, counts = np.unique(objects.ids, return_counts=True)
        sizes = dict(zip(ids.tolist(), counts.tolist(), strict=True))
        own = {i: size for i, size in sizes.items() if objects.classes[i] == cls}
        found.append((max(own.values()), -index, inputs, objects, max(own, key=own.get)))
    return max(found, key=lambda entry: entry[:2])[2:]


def _real_ones(run: StyledRun, style: Style) -> list[np.ndarray]:
    """The style's most typical training objects, cut out of their photos."""
    photos = [to_picture(run.pairs[e.picture, 0][TARGET]) for e in style.examples[:EXAMPLES]]
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
    objects = "1 object" if style.count == 1 else f"{style.count} objects"
    return f"{style.name} - {objects}, spread {style.spread:.3f}"


def _stem(cls: int, name: str) -> str:
    """A file name for a class; the number tells apart names that differ in other characters."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name)
    return f"{cls:03d}-{plain}"


def _page(title: str, links: Sequence[tuple[str, str]], body: str) -> str:
    """A whole HTML page that needs no other file but those it links to."""
    nav = " ".join(f'<a href="{href}">{html.escape(text)}</a>' for href, text in links)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        '</title><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_CSS}</style></head><body><nav>{nav}</nav><h1>{html.escape(title)}</h1>"
        f"{body}</body></html>\n"
    )


def _section(style: Style, row: Row) -> str:
    figures = "".join(
        f"<figure>{''.join(_img(picture, f'{style.name}: {name}') for picture in pictures)}"
        f"<figcaption>{name}</figcaption></figure>"
        for name, pictures in row.items()
    )
    name, caption = html.escape(style.name), html.escape(_caption(style))
    return f'<h2 id="{name}">{caption}</h2><div>{figures}</div>'


def _overview(book: StyleBook, stems: Mapping[int, str], firsts: Mapping[int, np.ndarray]) -> str:
    items = "".join(
        f'<figure><a href="{stems[cls]}.html">{_img(firsts[cls], book.class_names[cls])}</a>'
        f"<figcaption>{html.escape(book.class_names[cls])}: {len(book.styles[cls])} "
        f"style{'s' * (len(book.styles[cls]) > 1)}</figcaption></figure>"
        for cls in sorted(stems)
    )
    return f"<p>Every class's styles on one scene, beside real objects of that style.</p>{items}"


def _img(picture: np.ndarray, alt: str) -> str:
    """The picture inside the page; large ones reduced, small ones left to the browser to enlarge."""
    if picture.shape[1] > WIDEST:
        height = max(1, round(picture.shape[0] * WIDEST / picture.shape[1]))
        picture = cv2.resize(picture, (WIDEST, height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".png", picture[..., ::-1])
    text = base64.b64encode(data).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{text}">'
