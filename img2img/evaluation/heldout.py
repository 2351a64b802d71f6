"""The held-out pairs of a run: what its translations are scored by."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from img2img.config import parse_config
from img2img.data.loader import Source
from img2img.data.sheets import to_picture
from img2img.data.spec import BUILT_IN
from img2img.errors import ConfigError, DataError
from img2img.evaluation.held_out_pairs import find_sources
from img2img.evaluation.pictures import Real, require_finite
from img2img.evaluation.reals import evenly
from img2img.fields.files import suffix_for, write_image
from img2img.fields.image import DTYPE_RANGES
from img2img.inference.arrays import Prepared
from img2img.inference.styles.looks import StyleOverrides, picture_seed
from img2img.inference.translator import Translator
from img2img.keys import TARGET
from img2img.models import OPTIONS
from img2img.progress import counting
from img2img.runs.folder import find_run, pick_checkpoint
from img2img.schema import Config

Styles = Literal["usual", "own", "random", "none"]
STYLES: dict[Styles, str] = {
    "usual": "each class's commonest, as `img2img translate` does",
    "own": "those of the real picture itself, which tells the model its colours",
    "random": "at random",
    "none": "neutral",
}


class HeldOut:
    """Pairs of a run as a `Reals`, and its translations of them.

    Attributes:
        run: the run's folder.
        training: the pairs that are not held out; empty where all are.
        beyond: names of held-out pairs that a limit leaves out.
        config: of the run, with the data's place as it is now.
    """

    def __init__(
        self,
        run: Path,
        translator: Translator,
        config: Config,
        pairs: Source,
        training: Source,
        *,
        origin: Mapping[str, Any],
        limit: int | None = None,
    ):
        self.run, self.translator, self.config = run, translator, config
        self.spec = translator.spec
        self.pairs, self.training, self.origin = pairs, training, origin
        self.places = {pairs.name(i): i for i in evenly(range(len(pairs)), limit)}
        self.names = list(self.places)
        everything = (pairs.name(i) for i in range(len(pairs)))
        self.beyond = [name for name in everything if name not in self.places]
        labels = self.spec.labels
        self.class_names: Sequence[str] = ()
        if labels is not None:
            self.class_names = _distinct([labels.class_name(c) for c in range(labels.classes)])
        self.ignore_id = self.spec.ignore[1] if self.spec.ignore else None
        target = self.spec.target
        self.ranges = DTYPE_RANGES | {target.dtype: (target.low, target.high)}

    @classmethod
    def load(
        cls,
        run: str | None,
        *,
        checkpoint: str | None = None,
        data: Path | None = None,
        device: str = "auto",
        limit: int | None = None,
    ) -> "HeldOut":
        """A run by name or path, the newest for None.

        Args:
            data: pairs of another place instead of the run's own: those of its validation
                split or, where it has none, all of them.
            limit: of more pairs than that, so many are taken, evenly spaced.

        Raises:
            UserError: the run or its data cannot be read, or there is no held-out pair.
        """
        path = find_run(run)
        found = pick_checkpoint(path, checkpoint)
        translator = Translator.load(path, checkpoint=found.path, device=device)
        config = parse_config(found.meta["config"], OPTIONS, str(found.path))
        if data is None and config.data.path is None and found.spec.layout != BUILT_IN:
            raise ConfigError(f"{path} was not trained here: name pairs to score with --data DIR")
        pairs, training, where = find_sources(config, found.spec, data)
        if not len(pairs):
            raise ConfigError(
                f"{path}: {where}: there is no held-out pair to score; name pairs with --data DIR"
            )
        place = data or config.data.path
        origin = {
            "run": str(path.resolve()),
            "checkpoint": str(found.path.resolve()),
            "step": found.meta["step"],
            "data": str(Path(place).expanduser().resolve()) if place else BUILT_IN,
            "pairs": where,
        }
        return cls(path, translator, config, pairs, training, origin=origin, limit=limit)

    # ---------------------------------------------------------------- as `Reals`

    def read(self, name: str) -> Real:
        arrays = self.pairs.read(self.places[name])
        require_finite(arrays[TARGET], name)
        labels = self.spec.labels
        return Real(arrays[TARGET], arrays[labels.name] if labels else None)

    def inputs(self, name: str) -> Mapping[str, np.ndarray]:
        visuals = self.translator.visuals(self._inputs(name))
        return {n: to_picture(p) for n, p in visuals.items()}

    def _inputs(self, name: str) -> Prepared:
        return self.translator.complete(self.pairs.read(self.places[name]))

    # ---------------------------------------------------------------- translating

    def translate(
        self, folder: Path, *, styles: Styles = "usual", seed: int = 0
    ) -> tuple[dict[str, Path], dict[str, str]]:
        """Translates all pairs into files that lose nothing.

        Args:
            styles: which ones, where the run has styles.
            seed: of random ones.

        Returns:
            The files by name, and what is wrong with pairs that could not be translated.

        Raises:
            UserError: the styles are not there, or the results cannot be written.
        """
        self._require(styles)
        suffix = suffix_for(self.spec.target.dtype, self.spec.target.channels)
        files, failed = {}, {}
        for name in counting(self.names, len(self.names), "translating"):
            try:
                picture = self._translate(name, styles, seed)
            except DataError as error:
                failed[name] = str(error)
                continue
            path = folder / f"{name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, picture)
            files[name] = path
        return files, failed

    def _require(self, styles: Styles) -> None:
        if styles != "usual":
            self.translator.require_styles()
        if styles == "random":
            self.translator.require_book()

    def _translate(self, name: str, styles: Styles, seed: int) -> np.ndarray:
        inputs, look = self._inputs(name), None
        if styles == "none":
            look = {}
        elif styles == "own":
            photo = self.pairs.read(self.places[name])[TARGET]
            look = self.translator.encode(inputs, photo)
        elif styles == "random":
            overrides = StyleOverrides(random=True)
            look = self.translator.look(inputs, overrides, seed=picture_seed(seed, name))
        return self.translator.translate(inputs, look=look)

    def about_styles(self, styles: Styles, seed: int) -> str | None:
        """One sentence on the styles, None where the run has none."""
        if not self.translator.style_input:
            return None
        if styles == "usual" and self.translator.book is None:
            return "neutral: the run has no style book"
        return STYLES[styles] + (f", seed {seed}" if styles == "random" else "")


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that occur twice, with their number."""
    return [f"{n}-{i}" if names.count(n) > 1 else n for i, n in enumerate(names)]
