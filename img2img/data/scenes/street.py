"""What stands where in a street scene."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np

from img2img.data.scenes import painting
from img2img.data.scenes.canvas import Canvas, Colour, Place, Wall, box
from img2img.data.scenes.styles import CLASSES, STYLES, Style

CAMERA = 2.3  # height of the viewer's eyes, metres
AVENUE, WALK = 2.7, 1.7  # half the avenue's width, a sidewalk's width, metres
STOREY = 2.5  # metres
SIDE = 1.9  # how many times farther the back of a corner house is than its front
NEAREST = 0.6  # a depth that is below the lower edge of the picture
FAR_WALK, FAR_KERB, NEAR_KERB = 0.13, 0.17, 0.34  # depths of the edges of the street across
FAR_LANE, NEAR_LANE = 0.215, 0.315  # depths of the wheels of cars
MARGIN = 0.06  # the narrowest strip of a house that still shows something
JITTER = 5  # how far the colour of an instance is from its style's at most, of 255
CLASS_IDS = {known.name: number for number, known in enumerate(CLASSES)}
# Of each class's styles but the last: the shares of all up to it.
SHARES = {
    name: tuple(accumulate(style.share for style in styles[:-1])) for name, styles in STYLES.items()
}


class Street:
    """A crossing: a street across the picture, an avenue to the horizon, houses on the far side.

    The depth of a point on the ground is how far below the horizon it appears, in logical
    units; a metre is `depth / CAMERA` units long there.

    Args:
        wanted: style by instance id, where it is not drawn at random.
        jitter: how far colours are from those of the styles at most, of 255.

    Attributes:
        canvas: what is painted so far.
        styles: index into `STYLES[class name]` of every instance id.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        height: int,
        width: int,
        wanted: Mapping[int, int],
        *,
        jitter: int = JITTER,
    ):
        self.rng, self.wanted, self.jitter = rng, wanted, jitter
        self.canvas = Canvas(height, width)
        self.aspect = width / height
        self.horizon = rng.uniform(0.45, 0.5)
        self.vanishing = self.aspect * rng.uniform(0.4, 0.6)  # x where the avenue ends
        self.styles: dict[int, int] = {}
        self.counts: Counter[str] = Counter()

    def paint(self) -> None:
        """Paints everything, from the far to the near."""
        self.paint_land()
        self.paint_roads()
        for side in (-1, 1):
            self.paint_houses(side)
        self.paint_far_sidewalk()
        self.paint_traffic()
        self.paint_near_side()

    def new(self, name: str, *, thing: bool = True) -> tuple[int, Style]:
        """Id and slightly varied style of another thing of a class, or of a class of stuff."""
        instance = CLASS_IDS[name]
        if thing:
            instance = instance * 1000 + self.counts[name]
            self.counts[name] += 1
        lot = bisect_right(SHARES[name], self.rng.random())
        index = self.wanted.get(instance, lot)
        self.styles[instance] = index
        # Drawn in any case: what comes after it must not depend on it.
        drawn = self.rng.integers(-JITTER, JITTER + 1, 3)
        jitter = drawn.clip(-self.jitter, self.jitter).tolist()

        def vary(colour: Colour) -> Colour:
            return tuple(min(max(c + j, 0), 255) for c, j in zip(colour, jitter, strict=True))

        style = STYLES[name][index]
        return instance, replace(style, colour=vary(style.colour), accent=vary(style.accent))

    def beside(self, metres: float, depth: float) -> float:
        """x of a point on the ground, so many metres to the right of the avenue's middle."""
        return self.vanishing + metres * depth / CAMERA

    def place(self, x: float, depth: float, facing: int = 1) -> Place:
        return Place(x, self.horizon + depth, depth / CAMERA, facing)

    def along(self, left: float, right: float, far: float, near: float) -> np.ndarray:
        """A strip of ground along the avenue, `left` to `right` metres from its middle: (4, 2)."""
        corners = [(left, far), (right, far), (right, near), (left, near)]
        return np.array([(self.beside(m, depth), self.horizon + depth) for m, depth in corners])

    def across(self, far: float, near: float) -> np.ndarray:
        """A strip of ground over the whole width: (4, 2)."""
        return box(-1, self.horizon + far, self.aspect + 1, self.horizon + near)

    def paint_land(self) -> None:
        """Sky, hills, grass and sidewalks."""
        canvas, verge = self.canvas, AVENUE + WALK
        sky, style = self.new("sky", thing=False)
        canvas.ids[:] = sky
        canvas.gradient(0, self.horizon, (style.colour, style.accent))
        grass, lawn = self.new("grass", thing=False)
        canvas.fill(self.across(0, NEAREST), lawn.colour, grass)
        x = np.arange(0, self.aspect + 0.4, 0.4)
        crests = self.horizon - self.rng.uniform(0.02, 0.04, len(x))
        for left, right in pairwise(zip(x, crests, strict=True)):
            feet = [(right[0], self.horizon), (left[0], self.horizon)]
            canvas.fill(np.array([left, right, *feet]), lawn.colour, grass)
        walk, paving = self.new("sidewalk", thing=False)
        canvas.fill(self.across(FAR_WALK, FAR_KERB), paving.colour, walk)
        canvas.fill(self.along(-verge, verge, 0.004, NEAREST), paving.colour, walk)
        canvas.fill(self.across(NEAR_KERB, NEAREST), paving.colour, walk)
        for kerb in (FAR_KERB - 0.006, NEAR_KERB):
            canvas.fill(self.across(kerb, kerb + 0.012), paving.accent)
        for side in (-1, 1):
            corner = self.along(side * 99, side * verge, NEAR_KERB + 0.05, NEAREST)
            canvas.fill(corner, lawn.accent, grass)
        for land in (grass, walk):
            canvas.shade(land, (0, self.horizon, self.aspect, 1), (1.1, 0.94))

    def paint_roads(self) -> None:
        """The crossing with dashes along both streets and zebra crossings over the avenue."""
        road, asphalt = self.new("road", thing=False)
        self.canvas.fill(self.across(FAR_KERB, NEAR_KERB), asphalt.colour, road)
        self.canvas.fill(self.along(-AVENUE, AVENUE, 0.004, NEAREST), asphalt.colour, road)
        for distance in (1.7, 2.0, 2.3, *range(8, 30, 3)):
            length = 0.15 if distance < 3 else 1.5
            dash = self.along(-0.08, 0.08, 1 / (distance + length), 1 / distance)
            self.canvas.fill(dash, asphalt.accent)
        stripes = np.arange(-AVENUE + 0.25, AVENUE - 0.3, 0.75)
        for far, near in ((0.352, 0.39), (0.135, 0.162)):
            self.paint_row(stripes, 0.42, far, near, asphalt.accent)
        far, near = 0.24, 0.252
        reach = int(self.aspect * CAMERA / far) + 1
        self.paint_row(np.arange(-reach, reach, 2), 1.0, far, near, asphalt.accent)
        self.canvas.shade(road, (0, self.horizon, self.aspect, 1), (1.1, 0.94))

    def paint_row(
        self, lefts: np.ndarray, width: float, far: float, near: float, paint: Colour
    ) -> None:
        """A row of markings on the ground, side by side; `lefts` and `width` in metres."""
        markings = [self.along(left, left + width, far, near) for left in lefts]
        self.canvas.fill(np.stack(markings), paint)

    def paint_houses(self, side: int) -> None:
        """The houses left (side -1) or right (1) of the avenue: a far one, the row, the corner."""
        rng, edge = self.rng, side * (AVENUE + WALK)
        floors = int(rng.integers(2, 4))
        self.paint_side_wall(edge, FAR_WALK / SIDE, 7, *self.new("building"), floors=floors)
        corner = self.beside(edge, FAR_WALK)
        corner_width = rng.uniform(0.34, 0.46)
        x = corner + side * corner_width
        while MARGIN < x < self.aspect - MARGIN:
            x += side * rng.choice([0.0, 0.0, 0.14])
            columns, floors = int(rng.integers(2, 5)), int(rng.integers(2, 4))
            width = columns * rng.uniform(0.105, 0.125)
            wall = self.front(x, x + side * width, floors)
            instance, style = self.new("building")
            if floors == 2 or rng.random() < 0.3:
                painting.paint_roof(self.canvas, wall, instance, style, 0.09)
            self.paint_front(wall, instance, style, floors=floors, columns=columns)
            x += side * width
        floors = int(rng.integers(2, 4))
        instance, style = self.new("building")
        self.paint_side_wall(edge, FAR_WALK, SIDE, instance, style, floors=floors)
        wall = self.front(corner, corner + side * corner_width, floors)
        self.paint_front(wall, instance, style, floors=floors, columns=3)

    def paint_side_wall(
        self, edge: float, depth: float, shrink: float, instance: int, style: Style, *, floors: int
    ) -> None:
        """A wall along the avenue, from a depth to where things look `shrink` times smaller."""
        far, above = depth / shrink, 1 - floors * STOREY / CAMERA
        wall = Wall(
            x=(self.beside(edge, depth), self.beside(edge, far)),
            foot=(self.horizon + depth, self.horizon + far),
            top=(self.horizon + depth * above, self.horizon + far * above),
            nearness=shrink,
        )
        light = 0.8 if edge < 0 else 0.92  # the sun stands on the left
        painting.paint_wall(
            self.canvas, wall, instance, style, floors=floors, columns=3, light=light
        )

    def front(self, x0: float, x1: float, floors: int) -> Wall:
        """The wall of a house in the row that faces the viewer."""
        foot = self.horizon + FAR_WALK
        top = foot - floors * STOREY * FAR_WALK / CAMERA
        return Wall(x=(min(x0, x1), max(x0, x1)), foot=(foot, foot), top=(top, top))

    def paint_front(
        self, wall: Wall, instance: int, style: Style, *, floors: int, columns: int
    ) -> None:
        (left, right), foot = wall.x, wall.foot[0]
        self.canvas.shadow(box(left, foot, right, foot + 0.012), 0.7)
        painting.paint_wall(
            self.canvas, wall, instance, style, floors=floors, columns=columns, door=True
        )
        self.canvas.shade(instance, (left, wall.top[0], right, foot), (1.06, 0.88))

    def paint_far_sidewalk(self) -> None:
        """Trees, lamps and persons before the houses, clear of the avenue."""
        rng, depth = self.rng, 0.5 * (FAR_WALK + FAR_KERB)
        for slot in np.arange(0.1, self.aspect, 0.2):
            kind, x = rng.random(), slot + rng.uniform(-0.05, 0.05)
            inwards = 1 if x < self.vanishing else -1
            if abs(x - self.vanishing) < (AVENUE + 0.5) * depth / CAMERA:
                continue
            if kind < 0.28:
                height = rng.uniform(4, 5)
                self.paint_tree(self.place(x, depth), height * rng.uniform(0.6, 0.75), height)
            elif kind < 0.42:
                pole, _ = self.new("pole")
                painting.paint_lamp(self.canvas, self.place(x, depth + 0.012, inwards), pole)
            elif kind < 0.5:
                place = self.place(x, depth + 0.01, inwards)
                painting.paint_person(self.canvas, place, *self.new("person"))

    def paint_tree(self, place: Place, width: float, height: float) -> None:
        painting.paint_tree(self.canvas, place, *self.new("tree"), width=width, height=height)

    def paint_traffic(self) -> None:
        """Cars on the street: to the left on the far lane, to the right on the near one."""
        for depth, facing in ((FAR_LANE, -1), (NEAR_LANE, 1)):
            room = 5.4 * depth / CAMERA  # a car and its distance to the next
            first = self.rng.uniform(-0.2, 0.5) * room
            for x in np.arange(first, self.aspect + 0.2 * room, room):
                x += self.rng.uniform(-0.05, 0.05) * room
                if self.rng.random() < 0.42:
                    place = self.place(x, depth, facing)
                    painting.paint_car(self.canvas, place, *self.new("car"))

    def paint_near_side(self) -> None:
        """Trees, signs and persons on the near corners, and a car that waits before the zebra."""
        rng, things = self.rng, []
        for side in (-1, 1):
            if rng.random() < 0.35:
                things.append((rng.uniform(0.41, 0.46), side * rng.uniform(4.9, 5.8), "tree"))
            if rng.random() < 0.5:
                things.append((NEAR_KERB + 0.02, side * (AVENUE + 0.35), "sign"))
            for number in range(int(rng.integers(0, 3))):
                metres = AVENUE + rng.uniform(0.5, 0.8) + 0.75 * number
                things.append((rng.uniform(0.37, 0.5), side * metres, "person"))
        if rng.random() < 0.4:
            things.append((rng.uniform(0.45, 0.5), 0.5 * AVENUE, "car"))
        for depth, metres, name in sorted(things):
            inwards = -1 if metres > 0 else 1
            self.paint_near(name, self.place(self.beside(metres, depth), depth, inwards))

    def paint_near(self, name: str, place: Place) -> None:
        if name == "tree":
            height = self.rng.uniform(3.0, 3.5)
            self.paint_tree(place, 0.7 * height, height)
            return
        instance, style = self.new(name)
        if name == "sign":
            pole, _ = self.new("pole")
            painting.paint_sign(self.canvas, place, pole, instance, style)
        elif name == "person":
            painting.paint_person(self.canvas, place, instance, style)
        else:
            painting.paint_car_from_behind(self.canvas, place, instance, style)
