"""Contact sheets: rows of pictures under one headline each, for people to look at."""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

CELL = 320  # pixels, the longer side of a picture on the sheet
LEAST_CELL = 64  # pixels, about, the longer side of a picture in a grid
GAP, SEAM = 12, 2
HEADLINE = 30
CAPTION = 22
BACKGROUND, INK, FAINT = (255, 255, 255), (20, 20, 20), (110, 110, 110)


def to_picture(image: Tensor) -> np.ndarray:
    """One image (C, H, W) in [-1, 1] as uint8 RGB (H, W, 3).

    Of more than 3 channels the first three are shown, of fewer the first as grey.
    """
    array = image.detach().float().cpu().numpy()
    array = array[:3] if array.shape[0] >= 3 else np.repeat(array[:1], 3, axis=0)
    return np.clip(np.rint((array.transpose(1, 2, 0) + 1) * 127.5), 0, 255).astype(np.uint8)


def contact_sheet(
    rows: Sequence[Mapping[str, np.ndarray]],
    captions: Sequence[str] = (),
    *,
    fit: bool = True,
) -> np.ndarray:
    """Pictures in rows, their names as headlines, captions under the rows.

    Args:
        rows: name -> uint8 RGB (H, W, 3), the same names in every row. Small pictures are
            enlarged by whole factors without smoothing, large ones reduced.
        captions: one line of text for each row.
        fit: enlarge and reduce; else pictures have the size that they shall have.

    Returns:
        uint8 RGB (H, W, 3).
    """
    names = list(rows[0])
    cells = [[_fit(row[name]) if fit else row[name] for name in names] for row in rows]
    title, small = ImageFont.load_default(17), ImageFont.load_default(13)
    widths = [
        max(_length(name, title), *(row[i].shape[1] for row in cells))
        for i, name in enumerate(names)
    ]
    heights = [max(cell.shape[0] for cell in row) for row in cells]
    line = CAPTION if captions else 0
    width = max(sum(widths) + GAP * (len(widths) - 1), *(_length(c, small) for c in captions), 0)
    height = HEADLINE + sum(heights) + (GAP + line) * len(rows) + GAP
    sheet = Image.new("RGB", (width + 2 * GAP, height), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    x = GAP
    for name, column in zip(names, widths, strict=True):
        draw.text((x, 8), name, fill=INK, font=title)
        x += column + GAP
    y = HEADLINE
    for number, (row, row_height) in enumerate(zip(cells, heights, strict=True)):
        x = GAP
        for cell, column in zip(row, widths, strict=True):
            sheet.paste(Image.fromarray(cell), (x, y))
            x += column + GAP
        if captions:
            draw.text((GAP, y + row_height + 3), captions[number], fill=FAINT, font=small)
        y += row_height + GAP + line
    return np.asarray(sheet)


def picture_grid(
    rows: Sequence[Sequence[np.ndarray]],
    captions: Sequence[str] = (),
    heads: Sequence[str] = (),
    *,
    least: int = LEAST_CELL,
) -> np.ndarray:
    """Pictures of one size in rows, captions to the left of them.

    Args:
        rows: uint8 RGB (H, W, 3); small pictures are enlarged by whole factors without smoothing.
        captions: one for each row; none is drawn where all are "".
        heads: over the first columns.
        least: pixels, about, the longer side of a picture.

    Returns:
        uint8 RGB (H, W, 3).
    """
    factor = max(1, least // max(rows[0][0].shape[:2]))
    rows = [[p.repeat(factor, axis=0).repeat(factor, axis=1) for p in row] for row in rows]
    height, width = (side + SEAM for side in rows[0][0].shape[:2])
    font = ImageFont.load_default(13)
    left = max((_length(caption, font) for caption in captions), default=0)
    left += GAP if left else 0
    columns, top = max(map(len, rows)), CAPTION if heads else 0
    size = (left + columns * width + SEAM, top + len(rows) * height + SEAM)
    grid = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(grid)
    for column, head in enumerate(heads):
        middle = left + SEAM + column * width + width // 2
        draw.text((middle, CAPTION // 2), head, fill=FAINT, font=font, anchor="mm")
    for number, row in enumerate(rows):
        y = top + SEAM + number * height
        if left:
            draw.text((GAP // 2, y + height // 2 - 8), captions[number], fill=INK, font=font)
        for column, picture in enumerate(row):
            grid.paste(Image.fromarray(picture), (left + SEAM + column * width, y))
    return np.asarray(grid)


def _length(text: str, font: ImageFont.FreeTypeFont) -> int:
    return math.ceil(font.getlength(text))


def _fit(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    longer = max(height, width)
    if longer <= CELL:
        factor = CELL // longer
        return picture.repeat(factor, axis=0).repeat(factor, axis=1)
    size = (max(1, round(width * CELL / longer)), max(1, round(height * CELL / longer)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
