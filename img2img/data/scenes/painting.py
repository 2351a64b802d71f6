"""How the things of a street scene are painted: houses, trees, cars, persons, lamps, signs.

Every part of a thing has its fixed place relative to the thing's outline, and all light comes
from the upper left, so that the photo can be learned from the label and instance maps.
"""

from functools import cache

import numpy as np

from img2img.data.scenes.canvas import Canvas, Place, Wall, box, boxes, disc, tint
from img2img.data.scenes.styles import Style

GLASS, GLINT = (62, 78, 98), (138, 168, 192)
TYRE, RIM = (34, 34, 38), (158, 160, 164)
SKIN, HAIR, TROUSERS, SHOE = (226, 178, 148), (70, 50, 40), (62, 64, 82), (40, 36, 38)
TRUNK, METAL, LAMP = (104, 78, 58), (84, 92, 100), (252, 244, 206)
DOOR, STONE, WHITE = (92, 62, 48), (196, 190, 180), (240, 240, 236)
FRAME, TAIL_LIGHT = (230, 224, 212), (150, 16, 24)


def paint_wall(
    canvas: Canvas,
    wall: Wall,
    instance: int,
    style: Style,
    *,
    floors: int,
    columns: int,
    light: float = 1.0,
    door: bool = False,
) -> None:
    """A wall with its texture, cornice and windows on a regular grid, `columns` x `floors`."""
    colours = {
        "courses": tint(style.colour, 0.93),
        "panels": style.accent,
        "storeys": tint(style.colour, 1.12),
        "plinth": tint(style.accent, 0.9),
        "cornice": tint(style.accent, 1.1),
        "frames": FRAME,
        "panes": GLASS,
        "reflections": tint(GLASS, 1.45),
        "stone": STONE,
        "door": DOOR,
    }
    canvas.fill(wall(box(0, 0, 1, 1)), tint(style.colour, light), instance)
    parts = _wall_parts(style.texture, floors, columns, door)
    corners = wall(np.concatenate(list(parts.values())))
    start = 0
    for name, quads in parts.items():
        canvas.fill(corners[start : start + len(quads)], tint(colours[name], light))
        start += len(quads)


@cache
def _wall_parts(texture: str, floors: int, columns: int, door: bool) -> dict[str, np.ndarray]:
    """The parts of a wall in the order of painting: quads (N, 4, 2) in shares of the wall."""
    parts = {}
    if texture == "courses":
        course = 0.125 / floors
        rows = course * np.arange(0, 8 * floors, 2)
        parts["courses"] = boxes(0, rows, 1, rows + course)
    elif texture == "panels":
        edges = np.arange(1, columns) / columns
        parts["panels"] = boxes(edges - 0.02, 0, edges + 0.02, 1)
    storeys = np.arange(1, floors) / floors
    parts["storeys"] = boxes(0, storeys - 0.012, 1, storeys + 0.008)
    parts["plinth"] = boxes(0, 0, 1, 0.035)
    parts["cornice"] = boxes(0, 0.95, 1, 1)

    entrance = columns // 2 if door else None
    cells = [(u, v) for v in range(floors) for u in range(columns) if v or u != entrance]
    u, v = ((np.array(cells) + 0.5) / (columns, floors)).T
    wide, high = 0.27 / columns, 0.29 / floors
    parts["frames"] = boxes(u - wide, v - high, u + wide, v + high)
    parts["panes"] = boxes(u - 0.74 * wide, v - 0.8 * high, u + 0.74 * wide, v + 0.8 * high)
    parts["reflections"] = boxes(u - 0.74 * wide, v + 0.1 * high, u + 0.74 * wide, v + 0.8 * high)
    parts["stone"] = boxes(u - 1.15 * wide, v - 1.12 * high, u + 1.15 * wide, v - 0.86 * high)
    if entrance is not None:
        u = (entrance + 0.5) / columns
        surround = boxes(u - 1.15 * wide, 0, u + 1.15 * wide, 0.74 / floors)
        parts["stone"] = np.concatenate([parts["stone"], surround])
        parts["door"] = boxes(u - 0.85 * wide, 0, u + 0.85 * wide, 0.66 / floors)
    return parts


def paint_roof(canvas: Canvas, wall: Wall, instance: int, style: Style, height: float) -> None:
    """A hipped roof of the accent colour with a chimney, on a wall that faces the viewer."""
    (left, right), eave = wall.x, wall.top[0]
    width = right - left
    at = left + 0.66 * width
    brick, cap = tint(style.colour, 0.8), tint(style.colour, 1.15)
    canvas.fill(box(at, eave - 1.3 * height, at + 0.1 * width, eave), brick, instance)
    top = box(at - 0.015 * width, eave - 1.3 * height, at + 0.115 * width, eave - 1.16 * height)
    canvas.fill(top, cap, instance)

    def band(low: float, high: float) -> np.ndarray:
        rise = np.array([low, low, high, high])
        inset = (0.22 * rise - 0.04) * width  # the eaves overhang, the hips lean in
        x = np.array([left, right, right, left]) + inset * (1, -1, -1, 1)
        return np.stack([x, eave - rise * height], axis=-1)

    canvas.fill(band(0, 1), style.accent, instance)
    for low in (0.0, 0.34, 0.67):
        canvas.fill(band(low, low + 0.14), tint(style.accent, 0.84))


# Lobes of a canopy: centre and radius in shares of its half width and half height.
LOBES = (
    (-0.55, -0.42, 0.44), (0.55, -0.42, 0.44), (0.0, -0.5, 0.5), (-0.46, 0.14, 0.52),
    (0.46, 0.14, 0.52), (0.0, 0.1, 0.5), (-0.22, 0.54, 0.44), (0.26, 0.5, 0.44),
)  # fmt: skip
# Their shade, light and gleam, ever smaller and nearer to the light: (3, 8, points, 2).
CANOPY = np.array(
    [
        [disc(x - shift, y + shift, size * radius) for x, y, radius in LOBES]
        for shift, size in ((0.0, 1.0), (0.08, 0.8), (0.15, 0.4))
    ]
)


def paint_tree(
    canvas: Canvas, place: Place, instance: int, style: Style, *, width: float, height: float
) -> None:
    """A trunk and a canopy of overlapping lobes, `width` x `height` metres in all."""
    canvas.shadow(place(disc(0.25, 0, 0.45 * width, 0.13)), 0.68)
    trunk = np.array([(-0.2, 0), (0.2, 0), (0.11, 0.5 * height), (-0.11, 0.5 * height)])
    canvas.fill(place(trunk), TRUNK, instance)
    canvas.fill(place(trunk * (0.4, 1) + (0.07, 0)), tint(TRUNK, 0.7))
    shaded, lit, glowing = place(CANOPY * (0.5 * width, 0.36 * height) + (0, 0.64 * height))
    canvas.fill(shaded, style.accent, instance)
    canvas.fill(lit, style.colour)
    canvas.fill(glowing, tint(style.colour, 1.12))
    around = place.box(-0.5 * width, height, 0.5 * width, 0.25 * height)
    canvas.shade(instance, around, vertical=(1.1, 0.86), horizontal=(1.06, 0.9))


# A car driving to the right: metres from its middle and up from the ground.
CAR_BODY = np.array(
    [
        (-2.11, 0.34), (-2.11, 0.8), (-1.95, 0.92), (-1.36, 0.98), (-0.81, 1.44),
        (0.49, 1.47), (1.19, 1.0), (1.89, 0.86), (2.11, 0.7), (2.11, 0.34),
    ]
)  # fmt: skip
CAR_WINDOWS = np.array(
    [
        [(-1.05, 1.0), (-0.69, 1.33), (-0.25, 1.35), (-0.25, 1.0)],
        [(-0.13, 1.0), (-0.13, 1.35), (0.41, 1.36), (0.89, 1.0)],
    ]
)
CAR_WHEELS = (-1.25, 1.25)
CAR_BACK = np.array(
    [
        (-0.9, 0.26), (-0.9, 0.86), (-0.8, 0.98), (-0.6, 1.46),
        (0.6, 1.46), (0.8, 0.98), (0.9, 0.86), (0.9, 0.26),
    ]
)  # fmt: skip


def paint_car(canvas: Canvas, place: Place, instance: int, style: Style) -> None:
    """A car from its side, 4.22 x 1.47 m, driving to `place.facing`; its foot is its middle."""
    canvas.shadow(place(disc(0.1, 0.04, 2.35, 0.22)), 0.5)
    canvas.fill(place(CAR_BODY), style.colour, instance)
    for x in CAR_WHEELS:
        canvas.fill(place(disc(x, 0.34, 0.36)), TYRE, instance)
    canvas.fill(place(box(-2.09, 0.74, 2.09, 0.8)), tint(style.colour, 1.25))
    canvas.fill(place(box(-0.85, 0.34, 0.85, 0.44)), tint(style.colour, 0.5))
    canvas.fill(place(CAR_WINDOWS), GLASS)
    canvas.fill(place(CAR_WINDOWS * (1, 0.45) + (0, 0.735)), GLINT)
    canvas.fill(place(box(-0.21, 0.46, -0.16, 0.98)), tint(style.colour, 0.72))
    canvas.fill(place(box(-2.11, 0.64, -1.95, 0.78)), TAIL_LIGHT)
    canvas.fill(place(box(1.91, 0.6, 2.11, 0.72)), LAMP)
    for x in CAR_WHEELS:
        canvas.fill(place(disc(x, 0.34, 0.19)), RIM)
    canvas.shade(instance, place.box(-2.11, 1.47, 2.11, 0), vertical=(1.08, 0.82))


def paint_car_from_behind(canvas: Canvas, place: Place, instance: int, style: Style) -> None:
    """A car seen from behind, 1.8 x 1.46 m."""
    canvas.shadow(place(disc(0, 0.04, 1.08, 0.2)), 0.5)
    canvas.fill(place(_pair(0.54, 0, 0.82, 0.4)), TYRE, instance)
    canvas.fill(place(CAR_BACK), style.colour, instance)
    window = np.array([(-0.64, 1.0), (-0.5, 1.35), (0.5, 1.35), (0.64, 1.0)])
    canvas.fill(place(window), GLASS)
    canvas.fill(place(window * (0.96, 0.5) + (0, 0.675)), GLINT)
    canvas.fill(place(box(-0.9, 0.26, 0.9, 0.42)), tint(style.colour, 0.55))
    canvas.fill(place(_pair(0.54, 0.68, 0.86, 0.86)), TAIL_LIGHT)
    canvas.fill(place(box(-0.28, 0.5, 0.28, 0.64)), WHITE)
    canvas.shade(instance, place.box(-0.9, 1.46, 0.9, 0), vertical=(1.08, 0.85))


def _pair(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """A rectangle and its mirror image: (2, 4, 2)."""
    return np.stack([box(x0, y0, x1, y1), box(-x1, y0, -x0, y1)])


LEGS = np.array(
    [
        [(-0.17, 0.06), (-0.04, 0.06), (-0.01, 0.8), (-0.18, 0.8)],
        [(0.05, 0.06), (0.18, 0.06), (0.18, 0.8), (0.01, 0.8)],
    ]
)
COAT = np.array(
    [
        (-0.22, 0.62), (-0.17, 1.0), (-0.24, 1.4), (-0.1, 1.48),
        (0.1, 1.48), (0.24, 1.4), (0.17, 1.0), (0.22, 0.62),
    ]
)  # fmt: skip
SLEEVE = np.array([(0.22, 1.42), (0.29, 1.3), (0.34, 0.8), (0.24, 0.8), (0.17, 1.2)])


def paint_person(canvas: Canvas, place: Place, instance: int, style: Style) -> None:
    """A person of 1.76 m in a coat of the style's colour, looking to `place.facing`."""
    canvas.shadow(place(disc(0.12, 0.02, 0.4, 0.08)), 0.6)
    canvas.fill(place(LEGS), TROUSERS, instance)
    canvas.fill(place(_pair(0.04, 0, 0.2, 0.08)), SHOE, instance)
    for mirror in ((-1, 1), (1, 1)):
        canvas.fill(place(disc(0.29, 0.76, 0.06) * mirror), SKIN, instance)
        canvas.fill(place(SLEEVE * mirror), tint(style.colour, 0.8), instance)
    canvas.fill(place(COAT), style.colour, instance)
    canvas.fill(place(disc(-0.01, 1.61, 0.14, 0.15)), HAIR, instance)
    canvas.fill(place(disc(0.03, 1.56, 0.1, 0.12)), SKIN, instance)
    around = place.box(-0.3, 1.76, 0.3, 0)
    canvas.shade(instance, around, vertical=(1.05, 0.9), horizontal=(1.08, 0.86))


def paint_lamp(canvas: Canvas, place: Place, instance: int) -> None:
    """A street lamp of 4.6 m whose arm points to `place.facing`."""
    canvas.shadow(place(disc(0.2, 0, 0.5, 0.08)), 0.7)
    canvas.fill(place(box(-0.13, 0, 0.13, 4.5)), METAL, instance)
    canvas.fill(place(box(-0.13, 4.36, 1.0, 4.6)), METAL, instance)
    canvas.fill(place(box(0.5, 4.16, 1.06, 4.44)), LAMP, instance)
    canvas.fill(place(box(-0.1, 0.05, -0.03, 4.3)), tint(METAL, 1.4))


def paint_sign(canvas: Canvas, place: Place, pole: int, sign: int, style: Style) -> None:
    """A round traffic sign with a white bar, 2.7 m high, on its pole."""
    canvas.shadow(place(disc(0.15, 0, 0.36, 0.07)), 0.65)
    canvas.fill(place(box(-0.07, 0, 0.07, 2.2)), METAL, pole)
    canvas.fill(place(box(-0.06, 0, -0.01, 2.2)), tint(METAL, 1.4))
    canvas.fill(place(disc(0, 2.3, 0.42)), WHITE, sign)
    canvas.fill(place(disc(0, 2.3, 0.36)), style.colour)
    canvas.fill(place(box(-0.24, 2.23, 0.24, 2.37)), WHITE)
