"""OpenCV's files of Haar cascades: Viola & Jones 2001, Lienhart & Maydt 2002.

OpenCV 5 reads them in its contrib package alone; so they are read, and evaluated, here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from img2img.errors import DataError

DEFAULT = "haarcascade_frontalface_default.xml"
_RECTANGLES = 3  # of a feature, at most
_SLACK = 1e-5  # off a stage's threshold, as OpenCV does: it was rounded when it was written


@dataclass(frozen=True)
class Stage:
    """Trees whose leaves are summed; a window passes where the sum reaches the threshold.

    T trees of up to D nodes; the value of a node's feature decides which way it goes on.

    Attributes:
        corners: (T, D, 3, 4, 2) int, (x, y) in the window of the corners of up to 3 rectangles.
        weights: (T, D, 3), 0 where there is no rectangle.
        tilted: (T, D) bool, rectangles turned by 45 degrees.
        splits: (T, D), the least value that goes right.
        ways: (T, D, 2) int, left and right: a node, or -1 - leaf.
        leaves: (T, D + 1).
    """

    corners: np.ndarray
    weights: np.ndarray
    tilted: np.ndarray
    splits: np.ndarray
    ways: np.ndarray
    leaves: np.ndarray
    threshold: float


@dataclass(frozen=True)
class Cascade:
    """Stages that a window of `width` x `height` pixels passes one after the other."""

    width: int
    height: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class _Node:
    rectangles: list[tuple[int, int, int, int, float]]
    tilted: bool
    split: float
    ways: tuple[int, int]


_Tree = tuple[list[_Node], list[float]]  # nodes and leaves


def default_cascade() -> Path:
    """The frontal face of OpenCV's own.

    Raises:
        DataError: this OpenCV has none.
    """
    path = Path(cv2.data.haarcascades) / DEFAULT
    if not path.is_file():
        raise DataError(
            f"OpenCV {cv2.__version__} comes without cascade files; give one with --cascade, such as "
            f"{DEFAULT} from data/haarcascades of OpenCV 4"
        )
    return path


def read_cascade(path: Path) -> Cascade:
    """A cascade file of OpenCV, of today's format or of that before OpenCV 3.

    Raises:
        DataError: the file cannot be read, or holds no Haar cascade.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except ElementTree.ParseError as error:
        raise DataError(f"{path}: no cascade file of OpenCV (not XML: {error})") from error
    element = next((child for child in root if child.get("type_id")), root.find("cascade"))
    kind = "" if element is None else element.findtext("featureType", "HAAR").strip()
    if kind not in ("", "HAAR"):
        raise DataError(f"{path}: a cascade of {kind} features; only Haar cascades can be used")
    try:
        if element is None or root.tag != "opencv_storage":
            raise ValueError("it has no cascade")
        if element.get("type_id") == "opencv-haar-classifier":
            width, height = _numbers(element.find("size"), int)
            stages = [_stage(_old_trees(s), s.findtext("stage_threshold")) for s in element[1]]
        else:
            width, height = (int(element.findtext(name)) for name in ("width", "height"))
            features = list(element.find("features"))
            stages = [
                _stage(_trees(s, features), s.findtext("stageThreshold"))
                for s in element.find("stages")
            ]
        _check(stages, width, height)
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{path}: no Haar cascade of OpenCV ({error})") from error
    return Cascade(width, height, tuple(stages))


def _numbers(element: ElementTree.Element | None, kind: type) -> list:
    if element is None:
        raise ValueError("an entry is missing")
    return [kind(float(word)) if kind is int else kind(word) for word in element.text.split()]


def _feature(element: ElementTree.Element) -> tuple[list, bool]:
    """Rectangles (x, y, width, height, weight) and whether they are tilted."""
    rectangles = []
    for entry in element.find("rects"):
        *place, weight = _numbers(entry, float)
        x, y, width, height = (int(number) for number in place)
        rectangles.append((x, y, width, height, weight))
    if not 0 < len(rectangles) <= _RECTANGLES:
        raise ValueError(f"a feature has {len(rectangles)} rectangles")
    return rectangles, element.findtext("tilted", "0").strip() == "1"


def _trees(stage: ElementTree.Element, features: list[ElementTree.Element]) -> Iterator[_Tree]:
    for tree in stage.find("weakClassifiers"):
        words = tree.findtext("internalNodes").split()
        nodes = []
        for i in range(0, len(words), 4):
            # A way is a later node, or minus a leaf.
            ways = [int(word) if int(word) > 0 else int(word) - 1 for word in words[i : i + 2]]
            rectangles, tilted = _feature(features[int(words[i + 2])])
            nodes.append(_Node(rectangles, tilted, float(words[i + 3]), tuple(ways)))
        yield nodes, _numbers(tree.find("leafValues"), float)


def _old_trees(stage: ElementTree.Element) -> Iterator[_Tree]:
    for tree in stage.find("trees"):
        nodes, leaves = [], []
        for entry in tree:
            ways = []
            for side in ("left", "right"):
                node = entry.findtext(f"{side}_node")
                if node is None:
                    leaves.append(float(entry.findtext(f"{side}_val")))
                ways.append(-len(leaves) if node is None else int(node))
            split = float(entry.findtext("threshold"))
            nodes.append(_Node(*_feature(entry.find("feature")), split, tuple(ways)))
        yield nodes, leaves


def _stage(trees: Iterator[_Tree], threshold: str) -> Stage:
    trees = list(trees)
    shape = (len(trees), max(len(nodes) for nodes, _ in trees))
    corners = np.zeros((*shape, _RECTANGLES, 4, 2), np.int64)
    weights = np.zeros((*shape, _RECTANGLES))
    tilted, splits = np.zeros(shape, bool), np.zeros(shape)
    ways, leaves = np.full((*shape, 2), -1), np.zeros((shape[0], shape[1] + 1))
    for t, (nodes, values) in enumerate(trees):
        leaves[t, : len(values)] = values
        for d, node in enumerate(nodes):
            if not all(-1 - len(values) < way < len(nodes) and way != 0 for way in node.ways):
                raise ValueError("a tree leads nowhere")
            tilted[t, d], splits[t, d], ways[t, d] = node.tilted, node.split, node.ways
            for r, (*place, weight) in enumerate(node.rectangles):
                corners[t, d, r] = _corners(*place, tilted=node.tilted)
                weights[t, d, r] = weight
    return Stage(corners, weights, tilted, splits, ways, leaves, float(threshold) - _SLACK)


def _corners(x: int, y: int, width: int, height: int, *, tilted: bool) -> list[tuple[int, int]]:
    """Where the integral image is read; the second and third count negatively."""
    if tilted:  # Lienhart & Maydt 2002, Fig. 3
        return [
            (x, y),
            (x - height, y + height),
            (x + width, y + width),
            (x + width - height, y + width + height),
        ]
    return [(x, y), (x + width, y), (x, y + height), (x + width, y + height)]


def _check(stages: list[Stage], width: int, height: int) -> None:
    if not stages or min(width, height) < 3:
        raise ValueError(f"{len(stages)} stages, windows of {width}x{height}")
    if any((s.corners < 0).any() or (s.corners > (width, height)).any() for s in stages):
        raise ValueError("a feature lies outside the window")
