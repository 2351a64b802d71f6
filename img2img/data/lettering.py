"""Words in pictures. OpenCV 5 brings letters of all scripts, OpenCV 4 those of ASCII."""

import cv2
import numpy as np

from img2img.text import showable

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAPITAL = 0.75  # of a letter's size, the height of a capital


def text_width(text: str, size: int) -> int:
    """Pixels that a line of text takes; `size` is that of its letters in pixels."""
    (width, _), _ = cv2.getTextSize(_line(text), _FONT, _scale(size), 1)
    return width


def write_text(
    picture: np.ndarray, text: str, place: tuple[int, int], size: int, colour: tuple[int, int, int]
) -> None:
    """Writes a line of text into a picture.

    Args:
        picture: uint8 RGB (H, W, 3), changed in place.
        place: x of its left end, y of the line that its letters stand on.
        size: of its letters in pixels.
    """
    cv2.putText(picture, _line(text), place, _FONT, _scale(size), colour, 1, cv2.LINE_AA)


def _line(text: str) -> str:
    return showable(text).replace("\n", " ").replace("\t", " ")


def _scale(size: int) -> float:
    return cv2.getFontScaleFromHeight(_FONT, round(_CAPITAL * size))
