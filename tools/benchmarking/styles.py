"""How well styles work, measured on the built-in scenes, whose true styles are known."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from sklearn.metrics import adjusted_rand_score

from img2img.data.scenes import CLASSES, STYLES, VAL_OFFSET, Scene, draw_scene
from img2img.errors import ConfigError
from img2img.inference.arrays import Prepared
from img2img.inference.styles.book import Style, StyleBook
from img2img.inference.styles.clustering import AUTO, K, assign
from img2img.inference.styles.looks import Choice, StyleOverrides
from img2img.inference.styles.making import StyledRun
from img2img.inference.translator import Translator

# Around an object, pixels that may change with it. The U-Net of the demo sees the whole picture,
# so that no distance is beyond its receptive field; this one is where its changes have faded.
REACH = 8
LEAST_OBJECT = 40  # pixels: the mean colour of smaller ones is that of their neighbours


@dataclass(frozen=True)
class Agreement:
    """How the clusters of one class agree with its true styles.

    Attributes:
        objects: how many were clustered.
        at: adjusted Rand index by number of clusters asked for (`AUTO` among them).
        found: how many clusters `AUTO` found.
    """

    name: str
    true: int
    objects: int
    at: Mapping[int, float]
    found: int


@dataclass(frozen=True)
class Pick:
    """One object drawn in another style than the scene's.

    Attributes:
        name: of the object's class.
        style: the style's name.
        offset: the object's mean colour less that of the true drawing in the style, RGB (3,).
        distance: between the true drawings in the former and in this style.
        inside, outside: mean absolute change of the picture's pixels in grey levels, in the object
            and farther from it than `REACH`.
    """

    name: str
    style: str
    offset: np.ndarray
    distance: float
    inside: float
    outside: float

    @property
    def error(self) -> float:
        """How far the colour is off, as a share of the distance between the styles."""
        return float(np.linalg.norm(self.offset)) / self.distance


def style_errors(picks: Iterable[Pick]) -> dict[str, float]:
    """By style, how far the mean over its picks is off, as a share of their mean distance.

    What is left of an object's error when it is averaged over objects is what the style is drawn
    wrong by; the rest differs from object to object.
    """
    of_style: dict[str, list[Pick]] = {}
    for pick in picks:
        of_style.setdefault(pick.style, []).append(pick)
    return {
        style: float(np.linalg.norm(np.mean([p.offset for p in own], axis=0)))
        / float(np.mean([p.distance for p in own]))
        for style, own in of_style.items()
    }


class Truth:
    """A run on the built-in scenes, its encoded training objects, and their true styles.

    Args:
        limit: training scenes that are encoded at most.

    Raises:
        ConfigError: the run was not trained on the built-in scenes.
    """

    def __init__(self, run: StyledRun, *, limit: int | None = None, seed: int = 0):
        if run.config.data.path is not None:
            raise ConfigError(
                f"{run.path} was not trained on the built-in scenes: no truth is known"
            )
        self.translator, self.seed = run.translator, seed
        self.classes = {i: c.name for i, c in enumerate(CLASSES) if len(STYLES[c.name]) > 1}
        height, width = run.config.data.scene_size
        self.drawing = {"seed": run.config.training.seed, "height": height, "width": width}
        self.objects = run.collect(limit)
        scenes = {int(p): self.scene(int(p)).styles for p in np.unique(self.objects.pictures)}
        pairs = zip(self.objects.pictures.tolist(), self.objects.ids.tolist(), strict=True)
        self.true = np.array([scenes[picture][ident] for picture, ident in pairs])

    def scene(
        self, index: int, styles: Mapping[int, int] | None = None, *, exact: bool = False
    ) -> Scene:
        """A scene of the run's series; `exact` in the styles' own colours."""
        return draw_scene(index, **self.drawing, styles=styles, exact=exact)

    def agreement(self) -> list[Agreement]:
        """Adjusted Rand index (Hubert & Arabie 1985) of the clusters, class by class."""
        found = []
        for cls, name in self.classes.items():
            rows, count = np.flatnonzero(self.objects.classes == cls), len(STYLES[name])
            labels = {
                k: assign(self.objects.features[rows], k, self.seed)[0] for k in (count, K, AUTO)
            }
            scores = {k: float(adjusted_rand_score(self.true[rows], v)) for k, v in labels.items()}
            found.append(Agreement(name, count, len(rows), scores, len(np.unique(labels[AUTO]))))
        return found

    def book(self) -> StyleBook:
        """A book whose styles have the true ones' numbers: each the cluster that holds most of it."""
        styles = {}
        for cls, name in self.classes.items():
            rows, count = np.flatnonzero(self.objects.classes == cls), len(STYLES[name])
            labels, centres = assign(self.objects.features[rows], count, self.seed)
            of_style = [labels[self.true[rows] == s] for s in range(count)]
            most = [np.bincount(own, minlength=1).argmax() for own in of_style]
            styles[cls] = tuple(
                Style(STYLES[name][s].name, centres[c], len(of_style[s]), 0.0)
                for s, c in enumerate(most)
            )
        return StyleBook(styles, self.classes, step=0, seed=self.seed)

    def picks(self, book: StyleBook, scenes: int) -> Iterator[Pick]:
        """Every large enough object of held-out scenes, drawn in each other style of its class."""
        for index in range(VAL_OFFSET, VAL_OFFSET + scenes):
            scene = self.scene(index)
            objects = self.translator.objects(inputs_of(scene))
            own = {
                i: book.styles[c][scene.styles[i]]
                for i, c in objects.classes.items()
                if c in book.styles
            }
            for ident in own:
                mask = objects.ids == ident
                if mask.sum() >= LEAST_OBJECT:
                    yield from self._picks_of_object(book, index, scene, own, ident, mask)

    def _picks_of_object(
        self,
        book: StyleBook,
        index: int,
        scene: Scene,
        own: Mapping[int, Style],
        ident: int,
        mask: np.ndarray,
    ) -> Iterator[Pick]:
        cls = int(scene.label[mask][0])
        former = scene.styles[ident]
        others = [s for s in range(len(book.styles[cls])) if s != former]
        base = {i: Choice.of(style) for i, style in own.items()}
        looks = [base] + [base | {ident: Choice.of(book.styles[cls][s])} for s in others]
        before, *after = (
            p.astype(np.float64) for p in self.translator.render(inputs_of(scene), looks)
        )
        near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * REACH + 1,) * 2, np.uint8)) > 0
        # Against the styles' own colours: how far a thing happens to be from them, no style says.
        was = self.scene(index, exact=True).image[mask].mean(0)
        for style, picture in zip(others, after, strict=True):
            wanted = self.scene(index, {ident: style}, exact=True).image[mask].mean(0)
            change = np.abs(picture - before).mean(2)
            outside = float(change[~near].mean()) if not near.all() else 0.0
            yield Pick(
                self.classes[cls],
                book.styles[cls][style].name,
                picture[mask].mean(0) - wanted,
                float(np.linalg.norm(wanted - was)),
                float(change[mask].mean()),
                outside,
            )

    def diversity(self, translator: Translator, scenes: int, samples: int = 4) -> float:
        """Mean absolute difference, in grey levels, between random looks of one label map.

        Args:
            translator: one with a style book, or of a model without styles: it has one look only.
        """
        differences = []
        for index in range(VAL_OFFSET, VAL_OFFSET + scenes):
            inputs = translator.prepare(inputs_of(self.scene(index)))
            pictures = [
                _sample(translator, inputs, number).astype(np.float64) for number in range(samples)
            ]
            differences += [np.abs(a - b).mean() for a, b in combinations(pictures, 2)]
        return float(np.mean(differences))


def _sample(translator: Translator, inputs: Prepared, number: int) -> np.ndarray:
    """One of the pictures that a model can make of a label map, at random."""
    if translator.book is None:
        return translator.translate(inputs, stochastic=True, seed=number)
    look = translator.look(inputs, StyleOverrides(random=True), variation=number)
    return translator.translate(inputs, look=look)


def inputs_of(scene: Scene) -> dict[str, np.ndarray]:
    """A scene's label and instance map as a translator takes them."""
    return {"label": scene.label.astype(np.int64), "instance": scene.instance.astype(np.int64)}
