"""Contact sheets: rows of pictures under one headline each, for people to look at."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from torch import Tensor

from img2img.data.lettering import text_width, write_text

CELL = 320  # pixels, the longer side of a picture on the sheet
LEAST_CELL = 64  # pixels, about, the longer side of a picture in a grid
GAP, SEAM = 12, 2
HEADLINE = 30
CAPTION = 22
TITLE, SMALL = 17, 13  # pixels, of letters
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
    widths = [
        max(text_width(name, TITLE), *(row[i].shape[1] for row in cells))
        for i, name in enumerate(names)
    ]
    heights = [max(cell.shape[0] for cell in row) for row in cells]
    line = CAPTION if captions else 0
    width = max(sum(widths) + GAP * (len(widths) - 1), *(text_width(c, SMALL) for c in captions), 0)
    height = HEADLINE + sum(heights) + (GAP + line) * len(rows) + GAP
    sheet = np.full((height, width + 2 * GAP, 3), BACKGROUND, np.uint8)
    x = GAP
    for name, column in zip(names, widths, strict=True):
        write_text(sheet, name, (x, HEADLINE - 8), TITLE, INK)
        x += column + GAP
    y = HEADLINE
    for number, (row, row_height) in enumerate(zip(cells, heights, strict=True)):
        x = GAP
        for cell, column in zip(row, widths, strict=True):
            _paste(sheet, cell, x, y)
            x += column + GAP
        if captions:
            write_text(sheet, captions[number], (GAP, y + row_height + 16), SMALL, FAINT)
        y += row_height + GAP + line
    return sheet


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
    left = max((text_width(caption, SMALL) for caption in captions), default=0)
    left += GAP if left else 0
    columns, top = max(map(len, rows)), CAPTION if heads else 0
    size = (top + len(rows) * height + SEAM, left + columns * width + SEAM)
    grid = np.full((*size, 3), BACKGROUND, np.uint8)
    for column, head in enumerate(heads):
        middle = left + SEAM + column * width + width // 2
        place = (max(0, middle - text_width(head, SMALL) // 2), CAPTION - 6)
        write_text(grid, head, place, SMALL, FAINT)
    for number, row in enumerate(rows):
        y = top + SEAM + number * height
        if left:
            write_text(grid, captions[number], (GAP // 2, y + height // 2 + 4), SMALL, INK)
        for column, picture in enumerate(row):
            _paste(grid, picture, left + SEAM + column * width, y)
    return grid


def _paste(sheet: np.ndarray, picture: np.ndarray, x: int, y: int) -> None:
    height, width = picture.shape[:2]
    sheet[y : y + height, x : x + width] = picture


def _fit(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    longer = max(height, width)
    if longer <= CELL:
        factor = CELL // longer
        return picture.repeat(factor, axis=0).repeat(factor, axis=1)
    size = (max(1, round(width * CELL / longer)), max(1, round(height * CELL / longer)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
