"""The held-out pairs of a run: what its translations are scored by, and these translations."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from img2img.config import parse_config
from img2img.data.describe import describe_data
from img2img.data.layouts import find_pairs
from img2img.data.loader import FolderSource, Source
from img2img.data.pairing.records import VAL_WORDS, PairIndex
from img2img.data.sheets import to_picture
from img2img.data.spec import BUILT_IN, DataSpec, PartSpec
from img2img.data.survey import find
from img2img.devices import memory_for
from img2img.errors import ConfigError, DataError, UserError, counted
from img2img.evaluation.pictures import Real
from img2img.evaluation.reals import Reals, evenly
from img2img.fields import Image
from img2img.fields.arrays import require_finite
from img2img.fields.files import suffix_for, write_image
from img2img.fields.image import DTYPE_RANGES
from img2img.inference.arrays import Prepared
from img2img.inference.pairs import require_parts
from img2img.inference.styles.looks import StyleOverrides, picture_seed
from img2img.inference.translator import Translator
from img2img.keys import TARGET
from img2img.models import OPTIONS
from img2img.places import expand
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


class HeldOut(Reals):
    """Pairs of a run, and its translations of them.

    Args:
        run: name or path; None for the newest.
        data: pairs of another place instead of the run's own: those of its validation split or,
            where it has none, all of them.
        limit: of more pairs than that, so many are taken, evenly spaced.

    Attributes:
        run: the run's folder.
        training: the pairs that are not held out; empty where all are.
        beyond: names of held-out pairs that the limit leaves out.
        clipped: translated pairs whose inputs hold values beyond the run's range.

    Raises:
        UserError: the run or its data cannot be read, or there is no held-out pair.
    """

    def __init__(
        self,
        run: str | None,
        *,
        checkpoint: str | None = None,
        data: Path | None = None,
        device: str = "auto",
        limit: int | None = None,
    ):
        self.run = path = find_run(run)
        found = pick_checkpoint(path, checkpoint)
        self.translator = Translator.load(path, checkpoint=found.path, device=device)
        self.config = config = parse_config(found.meta["config"], OPTIONS, str(found.path))
        self.spec = spec = self.translator.spec
        if data is None and config.data.path is None and spec.layout != BUILT_IN:
            raise ConfigError(f"{path} was not trained here: name pairs to score with --data DIR")
        self.pairs, self.training, where = find_sources(config, found.spec, data)
        names = [self.pairs.name(i) for i in range(len(self.pairs))]
        if not names:
            raise ConfigError(
                f"{path}: {where}: there is no held-out pair to score; name pairs with --data DIR"
            )
        self.places = {names[i]: i for i in evenly(range(len(names)), limit)}
        self.names = list(self.places)
        self.clipped = 0
        self.beyond = [name for name in names if name not in self.places]
        place = data or config.data.path
        self.origin = {
            "run": str(path.resolve()),
            "checkpoint": str(found.path.resolve()),
            "step": found.meta["step"],
            "data": str(expand(place).resolve()) if place else BUILT_IN,
            "pairs": where,
        }
        if spec.labels is not None:
            self.class_names = _distinct([*map(spec.labels.class_name, range(spec.labels.classes))])
        self.ignore_id = spec.ignore[1] if spec.ignore else None
        self.ranges = DTYPE_RANGES | {spec.target.dtype: (spec.target.low, spec.target.high)}

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
        if styles != "usual":
            self.translator.require_styles()
        if styles == "random":
            self.translator.require_book()
        suffix = suffix_for(self.spec.target.file_type, self.spec.target.channels)
        files, failed = {}, {}
        for name in counting(self.names, len(self.names), "translating"):
            try:
                with memory_for(name):
                    picture = self._translate(name, styles, seed)
            except DataError as error:
                failed[name] = str(error)
                continue
            files[name] = path = folder / f"{name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, picture)
        return files, failed

    def _translate(self, name: str, styles: Styles, seed: int) -> np.ndarray:
        inputs, look = self._inputs(name), None
        pictures = [field for field in self.spec.inputs if isinstance(field, Image)]
        self.clipped += any(field.image.beyond(inputs.arrays[field.name]) for field in pictures)
        if styles == "none":
            look = {}
        elif styles == "own":
            photo = self.pairs.read(self.places[name])[TARGET]
            look = self.translator.encode(inputs, photo)
        elif styles == "random":
            overrides = StyleOverrides(random=True)
            look = self.translator.look(inputs, overrides, seed=picture_seed(seed, name))
        return self.translator.translate_one(inputs, look=look)

    def about_inputs(self) -> dict[str, Any]:
        """One sentence on inputs that networks saw clipped, for the protocol; nothing on others."""
        if not self.clipped:
            return {}
        return {"inputs": f"of {counted(self.clipped, 'pair')} clipped to the run's range"}

    def about_styles(self, styles: Styles, seed: int) -> dict[str, Any]:
        """One sentence on the styles, for the protocol; nothing where the run has none."""
        if not self.translator.style_input:
            return {}
        if styles == "usual" and self.translator.book is None:
            return {"styles": "neutral: the run has no style book"}
        return {"styles": STYLES[styles] + (f", seed {seed}" if styles == "random" else "")}


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that occur twice, with their number."""
    return [f"{n}-{i}" if names.count(n) > 1 else n for i, n in enumerate(names)]


def find_sources(config: Config, spec: DataSpec, data: Path | None) -> tuple[Source, Source, str]:
    """The held-out pairs of a run, those that are not held out, and in words where they are.

    Nothing is read but names: what is wrong with single files shows when they are scored.

    Args:
        spec: of the run.
        data: pairs of another place: those of its validation split or, where it has none, all.

    Raises:
        UserError: there are no pairs, or not of the run's parts.
    """
    own = config.data.path
    if data is None and own is None:
        found = describe_data(config.data, seed=config.training.seed)
        return found.val, found.train, f"{len(found.val)} built-in street scenes"
    # What the run was trained on is not scored only because its folder is named.
    same = data is None or (own is not None and expand(own).resolve() == data.resolve())
    try:
        index = find(config.data) if same or not data else _find_foreign(config, spec, data)
    except UserError as error:
        hint = "" if data else "\nIf the run's data have moved: --data DIR"
        raise ConfigError(f"{error}{hint}") from error
    held_out, training, where = index.val, index.train, index.val_source
    if not same and not held_out:
        held_out, training = training, held_out  # the latter is empty
        where = "all pairs: the data have no validation split beside others"
    require_parts(index.records, spec)
    # The run's spec for files that may lie otherwise than the run's.
    parts = tuple(
        PartSpec(name=p.name, folder=p.folder, suffix=p.suffix, half=p.half)
        for p in index.layout.parts
    )
    spec = spec.model_copy(update={"parts": parts})
    return FolderSource(held_out, spec), FolderSource(training, spec), where


def _find_foreign(config: Config, spec: DataSpec, data: Path) -> PairIndex:
    """The pairs of another data set, which may be a validation split alone."""
    update = {"path": str(data), "val_fraction": 0.0}
    try:
        return find(config.data.model_copy(update=update))
    except DataError:
        used = {*(source.part for source in spec.inputs), spec.target_part}
        folders = {p.name: p.folder for p in spec.parts if p.name in used and "{split}" in p.folder}
        for word in VAL_WORDS:
            own = {name: folder.replace("{split}", word) for name, folder in folders.items()}
            if used == own.keys() and all((data / folder).is_dir() for folder in own.values()):
                return find_pairs(data, val_fraction=0.0, custom=own)
        raise
