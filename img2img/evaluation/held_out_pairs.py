"""Where the pairs are by which a run is judged."""

from pathlib import Path

from img2img.data.describe import describe_data
from img2img.data.layouts import find_pairs
from img2img.data.loader import FolderSource, Source
from img2img.data.pairing.records import VAL_WORDS, PairIndex
from img2img.data.spec import DataSpec, PartSpec
from img2img.data.survey import find
from img2img.errors import ConfigError, DataError, UserError
from img2img.inference.pairs import require_parts
from img2img.schema import Config


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
    foreign = data is not None and (own is None or Path(own).resolve() != data.resolve())
    try:
        index = _find_foreign(config, spec, data) if foreign else find(config.data)
    except UserError as error:
        hint = "" if data else "\nIf the run's data have moved: --data DIR"
        raise ConfigError(f"{error}{hint}") from error
    held_out, training, where = index.val, index.train, index.val_source
    if foreign and not held_out:
        held_out, training = training, held_out  # the latter is empty
        where = "all pairs: the data have no validation split beside others"
    require_parts(index.records, spec)
    spec = _where_found(spec, index)
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


def _where_found(spec: DataSpec, index: PairIndex) -> DataSpec:
    """The run's spec for files that may lie otherwise than the run's."""
    parts = tuple(
        PartSpec(name=p.name, folder=p.folder, suffix=p.suffix, half=p.half)
        for p in index.layout.parts
    )
    return spec.model_copy(update={"parts": parts})
