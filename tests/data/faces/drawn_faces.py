"""A drawn face, and cascades small enough to write here that know it."""

import cv2
import numpy as np

# (x, y, width, height, weight) of rectangles in a window of 20 x 20, and the least value that passes.
FEATURES = [
    ([(0, 1, 20, 18, -1), (5, 1, 10, 18, 2)], 0.6),  # the middle brighter than the sides
    ([(3, 6, 14, 8, -1), (3, 10, 14, 4, 2)], 0.11),  # eyes darker than cheeks
    ([(4, 3, 12, 6, 1), (4, 6, 12, 3, -2)], 0.08),  # and than the forehead
    ([(3, 7, 14, 2, -1), (9, 7, 2, 2, 7)], 0.02),  # and than the bridge of the nose
]


def cascade_text() -> str:
    """OpenCV's format: a stage a feature, each of one tree with two leaves."""
    stages, shapes = "", ""
    for number, (rectangles, least) in enumerate(FEATURES):
        stages += (
            "<_><maxWeakCount>1</maxWeakCount><stageThreshold>0.5</stageThreshold><weakClassifiers>"
            f"<_><internalNodes>0 -1 {number} {least}</internalNodes>"
            "<leafValues>0. 1.</leafValues></_></weakClassifiers></_>"
        )
        places = "".join(f"<_>{' '.join(map(str, r))}.</_>" for r in rectangles)
        shapes += f"<_><rects>{places}</rects><tilted>0</tilted></_>"
    return _cascade("HAAR", 0, (20, 20), len(FEATURES), stages, shapes)


# (x, y, width, height) of the upper left block of three by three: across the eyes, nose, mouth.
BLOCKS = [
    (1, 1, 6, 6),
    (3, 5, 3, 3),
    (10, 5, 3, 3),
    (4, 8, 4, 4),
    (2, 3, 5, 5),
    (5, 2, 3, 3),
    (4, 0, 4, 6),
]


def lbp_cascade_text() -> str:
    """A stage a feature: of the codes that the drawn face has there, moved by up to a pixel."""
    stages, shapes = "", ""
    for number, block in enumerate(BLOCKS):
        bits = [0] * 8  # of 256 codes; OpenCV reads them as signed numbers
        for code in _codes_of_faces(block):
            bits[code >> 5] |= 1 << (code & 31)
        words = " ".join(str(word - (word >> 31 << 32)) for word in bits)
        stages += (
            "<_><maxWeakCount>1</maxWeakCount><stageThreshold>0.5</stageThreshold><weakClassifiers>"
            f"<_><internalNodes>0 -1 {number} {words}</internalNodes>"
            "<leafValues>1. 0.</leafValues></_></weakClassifiers></_>"
        )
        shapes += f"<_><rect>{' '.join(map(str, block))}</rect></_>"
    return _cascade("LBP", 256, (20, 20), len(BLOCKS), stages, shapes)


def _codes_of_faces(block: tuple[int, int, int, int]) -> set[int]:
    """Local binary patterns (Liao et al. 2007): each outer block against the middle one."""
    x, y, width, height = block
    codes = set()
    for side in range(18, 23):
        picture = np.full((40, 40), 100, np.uint8)
        face = cv2.resize(draw_face(120), (side, side), interpolation=cv2.INTER_AREA)
        picture[10 : 10 + side, 10 : 10 + side] = face
        start = 10 + (side - 20) // 2
        for left, top in np.ndindex(3, 3):
            window = picture[start + top - 1 :, start + left - 1 :][y:, x:].astype(int)
            sums = window[: 3 * height, : 3 * width].reshape(3, height, 3, width).sum((1, 3))
            ring = [sums[place] for place in _RING]
            codes.add(sum(128 >> i for i, value in enumerate(ring) if value >= sums[1, 1]))
    return codes


_RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))  # clockwise


def _cascade(kind, categories, size, count, stages, shapes) -> str:
    return (
        '<?xml version="1.0"?><opencv_storage><cascade type_id="opencv-cascade-classifier">'
        f"<stageType>BOOST</stageType><featureType>{kind}</featureType>"
        f"<height>{size[1]}</height><width>{size[0]}</width><stageParams><boostType>GAB</boostType>"
        "<minHitRate>0.99</minHitRate><maxFalseAlarm>0.5</maxFalseAlarm><weightTrimRate>0.95"
        "</weightTrimRate><maxDepth>1</maxDepth><maxWeakCount>1</maxWeakCount></stageParams>"
        f"<featureParams><maxCatCount>{categories}</maxCatCount><featSize>1</featSize>"
        f"<mode>ALL</mode></featureParams><stageNum>{count}</stageNum><stages>{stages}</stages>"
        f"<features>{shapes}</features></cascade></opencv_storage>"
    )


def draw_face(side: int) -> np.ndarray:
    """(side, side) uint8: a face from the front in light and shadow; OpenCV's cascades find it."""
    face = np.full((side, side), 60, np.float32)

    def spot(x, y, across, down, value):
        centre, axes = (int(x * side), int(y * side)), (int(across * side), int(down * side))
        cv2.ellipse(face, centre, axes, 0, 0, 360, value, -1, cv2.LINE_AA)

    spot(0.5, 0.52, 0.36, 0.46, 190)
    spot(0.5, 0.22, 0.3, 0.14, 205)  # forehead
    for one in (-1, 1):
        spot(0.5 + one * 0.15, 0.40, 0.115, 0.065, 110)
        spot(0.5 + one * 0.15, 0.41, 0.06, 0.035, 40)  # eye
        spot(0.5 + one * 0.15, 0.33, 0.11, 0.022, 70)  # brow
        spot(0.5 + one * 0.19, 0.58, 0.1, 0.09, 205)  # cheek
        spot(0.5 + one * 0.045, 0.62, 0.02, 0.015, 90)
    spot(0.5, 0.5, 0.035, 0.12, 215)  # nose
    spot(0.5, 0.76, 0.13, 0.035, 90)  # mouth
    spot(0.5, 0.83, 0.1, 0.02, 170)
    return cv2.GaussianBlur(face, (0, 0), side / 40).astype(np.uint8)


def picture_with(*faces: tuple[int, int, int], size=(240, 320), grey=100) -> np.ndarray:
    """`size` (height, width) uint8 grey with drawn faces at (x, y, side)."""
    picture = np.full(size, grey, np.uint8)
    for x, y, side in faces:
        picture[y : y + side, x : x + side] = draw_face(side)
    return picture
