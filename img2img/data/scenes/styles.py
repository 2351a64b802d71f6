"""The classes of the street scenes and the known styles of each class."""

from collections.abc import Mapping
from dataclasses import dataclass

from img2img.data.scenes.canvas import Colour


@dataclass(frozen=True)
class SceneClass:
    """A class of the label map; its id is its position in `CLASSES`. `colour`: RGB 0..255."""

    name: str
    colour: Colour


CLASSES = (
    SceneClass("sky", (70, 130, 180)),
    SceneClass("road", (128, 64, 128)),
    SceneClass("sidewalk", (244, 35, 232)),
    SceneClass("grass", (152, 251, 152)),
    SceneClass("building", (70, 70, 70)),
    SceneClass("tree", (107, 142, 35)),
    SceneClass("car", (0, 0, 142)),
    SceneClass("person", (220, 20, 60)),
    SceneClass("pole", (153, 153, 153)),
    SceneClass("sign", (220, 220, 0)),
)


@dataclass(frozen=True)
class Style:
    """One of the known looks of a class.

    Attributes:
        name: unique within the class.
        colour: base colour of the photo, RGB 0..255.
        accent: second colour: roof and trim of a house, horizon of a sky, shade of a tree.
        share: how often instances of the class have this style; the shares of a class sum to 1.
        texture: surface of a house's walls: "courses" of brick, "plaster" or glass "panels".
    """

    name: str
    colour: Colour
    accent: Colour
    share: float = 1.0
    texture: str = "plaster"


STYLES: Mapping[str, tuple[Style, ...]] = {
    "sky": (
        Style("blue", (84, 150, 222), (206, 228, 244), 0.5),
        Style("dusk", (152, 78, 124), (255, 178, 96), 0.25),
        Style("overcast", (126, 132, 138), (174, 177, 178), 0.25),
    ),
    "road": (Style("asphalt", (92, 93, 98), (228, 226, 216)),),
    "sidewalk": (Style("paving", (178, 170, 158), (206, 200, 190)),),
    "grass": (Style("lawn", (112, 150, 74), (128, 164, 84)),),
    "building": (
        Style("brick-red", (184, 68, 48), (122, 52, 46), 0.5, "courses"),
        Style("cream-plaster", (246, 224, 178), (200, 152, 112), 0.2),
        Style("blue-glass", (76, 138, 220), (58, 100, 158), 0.15, "panels"),
        Style("green-plaster", (142, 190, 92), (88, 126, 66), 0.15),
    ),
    "tree": (
        Style("summer-green", (86, 142, 62), (52, 98, 50), 0.5),
        Style("autumn-orange", (214, 128, 44), (158, 82, 36), 0.25),
        Style("blossom-pink", (236, 166, 190), (190, 112, 146), 0.25),
    ),
    "car": (
        Style("red", (206, 40, 38), (206, 40, 38), 0.5),
        Style("blue", (36, 82, 200), (36, 82, 200), 0.15),
        Style("white", (236, 236, 234), (236, 236, 234), 0.2),
        Style("yellow", (246, 196, 30), (246, 196, 30), 0.15),
    ),
    "person": (
        Style("blue-coat", (44, 84, 190), (44, 84, 190), 0.5),
        Style("red-coat", (206, 44, 48), (206, 44, 48), 0.25),
        Style("yellow-coat", (240, 200, 50), (240, 200, 50), 0.25),
    ),
    "pole": (Style("steel", (84, 92, 100), (126, 134, 142)),),
    "sign": (
        Style("blue", (24, 84, 200), (24, 84, 200), 0.5),
        Style("red", (212, 26, 34), (212, 26, 34), 0.3),
        Style("green", (20, 132, 70), (20, 132, 70), 0.2),
    ),
}
