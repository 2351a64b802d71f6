"""Faces found by OpenCV's cascades: Haar (Viola & Jones 2001) and LBP (Liao et al. 2007).

OpenCV 5 has them in its contrib packages alone: the extra `faces`.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from img2img.errors import DataError

DEFAULT = "haarcascade_frontalface_default.xml"
FACTOR, NEIGHBOURS = 1.1, 3  # OpenCV's defaults: step between window sizes, windows that agree
PACKAGE = "opencv-contrib-python-headless"


def find_cascade(given: Path | None) -> Path:
    """The cascade file that was named, or the frontal face of OpenCV's own.

    Raises:
        DataError: this OpenCV reads none, or none was named and it brings none.
    """
    if not hasattr(cv2, "CascadeClassifier"):
        # All of OpenCV's packages write the same folder `cv2`: the last one installed stays.
        raise DataError(
            f"this OpenCV ({cv2.__version__}) was built without CascadeClassifier; to find faces: "
            f"pip install --force-reinstall --no-deps {PACKAGE}"
        )
    path = given or Path(cv2.data.haarcascades) / DEFAULT  # type: ignore[attr-defined]
    if given is None and not path.is_file():
        raise DataError(
            f"OpenCV {cv2.__version__} comes without cascade files; give one with --cascade, such as "
            f"{DEFAULT} from data/haarcascades of OpenCV 4"
        )
    return path


def load_cascade(path: Path) -> Any:
    """A cascade file of OpenCV, Haar or LBP.

    Raises:
        DataError: the file cannot be read or holds no cascade.
    """
    try:
        path.open("rb").close()  # OpenCV's own message goes to stderr, and names no reason
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    opencv: Any = cv2  # not every build has it, and a type checker sees the one that is installed
    cascade = opencv.CascadeClassifier()
    try:
        whole = cascade.load(str(path))
    except (cv2.error, SystemError):  # what it raises depends on where it stumbles
        whole = False
    if not whole:
        raise DataError(f"{path}: no Haar or LBP cascade that OpenCV {cv2.__version__} can read")
    return cascade


def detect(grey: np.ndarray, cascade: Any, *, least: int) -> np.ndarray:
    """Where the cascade fires, the largest first.

    Args:
        grey: (H, W) uint8.
        least: the least side of a window in pixels.

    Returns:
        (K, 4) int: x, y, width, height.
    """
    boxes = cascade.detectMultiScale(grey, FACTOR, NEIGHBOURS, minSize=(least, least))
    # A full order: threads of OpenCV find the boxes in any.
    order = sorted(np.reshape(boxes, (-1, 4)).astype(int).tolist(), key=lambda b: (-b[2], b))
    return np.array(order, int).reshape(-1, 4)
