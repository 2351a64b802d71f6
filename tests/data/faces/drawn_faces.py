"""A drawn face, and a cascade small enough to write by hand that knows it."""

import cv2
import numpy as np

# (x, y, width, height, weight) of rectangles in a window of 20 x 20, and the least value that passes.
FEATURES = [
    ([(0, 1, 20, 18, -1), (5, 1, 10, 18, 2)], 0.6),  # the middle brighter than the sides
    ([(3, 6, 14, 8, -1), (3, 10, 14, 4, 2)], 0.11),  # eyes darker than cheeks
    ([(4, 3, 12, 6, 1), (4, 6, 12, 3, -2)], 0.08),  # and than the forehead
    ([(3, 7, 14, 2, -1), (9, 7, 2, 2, 7)], 0.02),  # and than the bridge of the nose
]


def cascade_text(features=FEATURES, *, size=(20, 20), tilted=False) -> str:
    """OpenCV's format: a stage a feature, each of one tree with two leaves."""
    stages, shapes = "", ""
    for number, (rectangles, least) in enumerate(features):
        stages += (
            "<_><maxWeakCount>1</maxWeakCount><stageThreshold>0.5</stageThreshold><weakClassifiers>"
            f"<_><internalNodes>0 -1 {number} {least}</internalNodes>"
            "<leafValues>0. 1.</leafValues></_></weakClassifiers></_>"
        )
        places = "".join(f"<_>{' '.join(map(str, r))}.</_>" for r in rectangles)
        shapes += f"<_><rects>{places}</rects><tilted>{int(tilted)}</tilted></_>"
    return (
        '<?xml version="1.0"?><opencv_storage><cascade type_id="opencv-cascade-classifier">'
        "<stageType>BOOST</stageType><featureType>HAAR</featureType>"
        f"<height>{size[1]}</height><width>{size[0]}</width><stageParams><boostType>GAB</boostType>"
        "<minHitRate>0.99</minHitRate><maxFalseAlarm>0.5</maxFalseAlarm><weightTrimRate>0.95"
        "</weightTrimRate><maxDepth>1</maxDepth><maxWeakCount>1</maxWeakCount></stageParams>"
        "<featureParams><maxCatCount>0</maxCatCount><featSize>1</featSize><mode>ALL</mode>"
        f"</featureParams><stageNum>{len(features)}</stageNum><stages>{stages}</stages>"
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
