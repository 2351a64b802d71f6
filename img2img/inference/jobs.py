"""Translating files: reading a job's inputs, writing its result, the contact sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2img.data.sheets import contact_sheet, to_picture
from img2img.devices import memory_for
from img2img.errors import ConfigError, DataError, counted
from img2img.fields import Field, Image
from img2img.fields.base import halve_picture
from img2img.fields.files import read_image, write_image
from img2img.inference.arrays import Prepared, to_stored
from img2img.inference.planning import Job, find_part
from img2img.inference.styles.looks import StyleAssignment, StyleOverrides, picture_seed
from img2img.inference.translator import Translator

SHEET_ROWS = 12  # a longer sheet is no longer looked at


@dataclass(frozen=True)
class Styling:
    """What styles were asked for.

    Attributes:
        overrides: styles of classes and objects.
        seed: of the random ones.
        from_photo: what is not overridden looks as in the job's photo.
        look: fixed styles from a file; nothing else counts then.
    """

    overrides: StyleOverrides = StyleOverrides()
    seed: int = 0
    from_photo: bool = False
    look: StyleAssignment | None = None


class FileTranslator:
    """Reads a job's inputs as the run's layout says, translates, writes.

    Args:
        strict: a missing instance map is an error.
        halves: the files are side-by-side pairs as in training; the input's half is taken.
        styling: what styles were asked for; None: the run's usual ones.

    Attributes:
        without_instances: jobs so far whose boundaries came from the labels.
        doubts: what may not be meant about the styles, a sentence each.
    """

    def __init__(
        self,
        translator: Translator,
        *,
        strict: bool = False,
        halves: bool = False,
        styling: Styling | None = None,
    ):
        self.translator, self.spec = translator, translator.spec
        self.strict, self.halves, self.styling = strict, halves, styling
        self.without_instances = 0
        self.doubts: list[str] = []

    def run(
        self, job: Job, *, row: bool = False, stochastic: bool = False, seed: int | None = None
    ) -> dict[str, np.ndarray] | None:
        """Translates one job and writes the result.

        Args:
            row: also make the row of a contact sheet.
            stochastic, seed: as of `Translator.translate`.

        Returns:
            The pictures of a sheet's row: inputs, translated, and real where it is found;
            None without `row`.

        Raises:
            DataError: an input cannot be used, or the result cannot be written.
        """
        with memory_for(job.path):
            inputs = self.translator.complete(self._read(job))
            look = self._look(job, inputs)
            result = self.translator.translate_one(
                inputs, look=look, stochastic=stochastic, seed=seed
            )
            make_folder(job.out.parent)
            write_image(job.out, result)
            return self._row(job, inputs, result) if row else None

    def read(self, job: Job) -> dict[str, np.ndarray]:
        """A job's inputs by name, with label ids as in its files, for who edits them.

        Raises:
            DataError: an input is missing, or cannot be used.
        """
        return to_stored(self._read(job), self.spec)

    def _read(self, job: Job) -> dict[str, np.ndarray]:
        first, *others = self.spec.inputs
        arrays = {first.name: self._read_field(first, job.path)}
        for source in others:
            if source.name in job.partners:
                arrays[source.name] = self._read_field(source, job.partners[source.name])
            elif source.is_derived:
                continue
            elif not source.is_derivable:
                raise DataError(f"{job.path}: no {source.name!r} beside it; this model needs one")
            elif self.strict:
                raise DataError(f"{job.path}: no instance map beside it; name it with --instances")
            else:
                self.without_instances += 1
        return arrays

    def _read_field(self, field: Field, path: Path) -> np.ndarray:
        """A file of an input; notes values beyond what the run was trained on."""
        array = field.read(path, self._half(field.part))
        if isinstance(field, Image) and (doubt := field.image.doubt(array, path)):
            self.doubts.append(doubt)
        return array

    def _look(self, job: Job, inputs: Prepared) -> StyleAssignment | None:
        styling = self.styling
        if styling is None:
            return None
        if styling.look is not None:
            self._compare(job, styling.look, self.translator.objects(inputs).classes)
            return styling.look
        if styling.overrides.instances and not job.partners.keys() & self._instance_inputs:
            self.doubts.append(
                f"{job.path}: it has no instance map, so the ids in --style are those of connected "
                "pieces; `img2img pick-style LABEL --list` shows them"
            )
        if styling.from_photo and job.photo is None:
            raise DataError(f"{job.path}: no photo of it found for --style-from")
        try:
            photo = None
            if styling.from_photo and job.photo is not None:
                photo = halve_picture(read_image(job.photo), self._half(self.spec.target_part))
            return self.translator.look(
                inputs,
                styling.overrides,
                photo=photo,
                seed=picture_seed(styling.seed, job.path.name),
                variation=job.variation,
            )
        except (ConfigError, DataError) as error:
            source = f" with the styles of {job.photo}" if styling.from_photo else ""
            raise DataError(f"{job.path}{source}: {error}") from error

    @property
    def _instance_inputs(self) -> set[str]:
        return {source.name for source in self.spec.inputs if source.is_derivable}

    def _compare(self, job: Job, look: StyleAssignment, objects: Mapping[int, int]) -> None:
        """Notes where a style file and a picture's objects differ.

        Raises:
            DataError: they have none in common.
        """
        if not look.keys() & objects.keys():
            raise DataError(f"{job.path}: none of its objects is in the style file")
        bare, strange = len(objects.keys() - look.keys()), len(look.keys() - objects.keys())
        if bare or strange:
            self.doubts.append(
                f"{job.path}: the style file is of another picture: {counted(bare, 'object')} of this "
                f"one it does not know (neutral styles), {strange} of its own are not here"
            )

    def _half(self, part: str) -> str:
        own = find_part(self.spec, part)
        return own.half if self.halves and own else ""

    def _row(self, job: Job, inputs: Prepared, result: np.ndarray) -> dict[str, np.ndarray]:
        row = {name: to_picture(p) for name, p in self.translator.visuals(inputs).items()}
        row["translated"] = self.translator.display(result)
        real = self._real(job)
        return row if real is None else row | {"real": real}

    def _real(self, job: Job) -> np.ndarray | None:
        target = find_part(self.spec, self.spec.target_part)
        # A single half as input has no other half to show.
        if job.real is None or target is None or (target.half and not self.halves):
            return None
        try:
            image = halve_picture(read_image(job.real), self._half(target.name))
            return self.translator.display(self.spec.target.fit(image, job.real))
        except DataError:
            return None  # the sheet only shows it; nothing depends on it


def make_folder(path: Path) -> None:
    """Raises DataError where the folder cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: the folder cannot be made ({error.strerror})") from error


def write_sheet(path: Path, rows: Sequence[dict[str, np.ndarray]], names: Sequence[str]) -> None:
    """A contact sheet of at least one row; columns that all rows have."""
    common = [name for name in rows[0] if all(name in row for row in rows)]
    make_folder(path.parent)
    write_image(path, contact_sheet([{n: row[n] for n in common} for row in rows], names))
