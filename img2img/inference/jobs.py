"""Translating files: what is read, with which partners, and where the result goes."""

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2img.data.images import IMAGE_SUFFIXES, read_image, suffix_for, write_image
from img2img.data.layouts import Part, find_partner
from img2img.data.reading import fit_channels, halve_picture, read_input
from img2img.data.sheets import contact_sheet, to_picture
from img2img.data.spec import DataSpec, InputSpec
from img2img.errors import DataError
from img2img.inference.translator import Translator

OUT = Path("translated")
SHEET_ROWS = 12  # a longer sheet is no longer looked at


@dataclass(frozen=True)
class Job:
    """One picture to translate.

    Attributes:
        path: the first input's file.
        out: where the result goes.
    """

    path: Path
    out: Path


def plan(items: Sequence[str], out: Path | None, spec: DataSpec) -> list[Job]:
    """Files, folders and patterns as jobs; subfolders of a folder are kept in `out`.

    Args:
        out: a folder (None: translated/), or a picture's name where there is one input.

    Raises:
        DataError: nothing matches, two inputs would get one name, or an input would be
            overwritten.
    """
    named = _expand(items, spec)
    suffix = suffix_for(spec.target.dtype, spec.target.channels)
    if out is not None and out.suffix.lower() in IMAGE_SUFFIXES and not out.is_dir():
        if len(named) != 1:
            raise DataError(f"--out {out} is one picture, but there are {len(named)} inputs")
        jobs = [Job(named[0][0], out)]
    else:
        folder = out or OUT
        jobs = [Job(path, folder / relative.with_suffix(suffix)) for path, relative in named]
    _refuse_collisions(jobs)
    return jobs


def _expand(items: Iterable[str], spec: DataSpec) -> list[tuple[Path, Path]]:
    """(file, its name below the output folder) of every input."""
    named: list[tuple[Path, Path]] = []
    for item in items:
        path = Path(item).expanduser()
        if path.is_dir():
            files = sorted(
                f for f in path.rglob("*") if f.suffix.lower() in IMAGE_SUFFIXES and f.is_file()
            )
            own = _part(spec, spec.inputs[0].part)
            if own and own.suffix:  # a folder may hold instance maps and photos too
                files = [f for f in files if f.stem.endswith(own.suffix)] or files
            named += ((f, f.relative_to(path)) for f in files)
            if not files:
                raise DataError(f"{path}: no pictures in this folder")
        elif path.exists():
            named.append((path, Path(path.name)))
        else:
            matches = [Path(m) for m in sorted(glob.glob(str(path), recursive=True))]
            if not matches:
                raise DataError(f"{path}: there is no such file or folder")
            named += ((m, Path(m.name)) for m in matches if m.is_file())
    return named


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    inputs = {job.path.resolve() for job in jobs}
    seen: dict[Path, Path] = {}
    for job in jobs:
        out = job.out.resolve()
        if out in inputs:
            raise DataError(f"{job.out} is one of the inputs; choose another folder with --out")
        if out in seen:
            raise DataError(
                f"{seen[out]} and {job.path} would both become {job.out}; translate their common "
                "folder, which keeps subfolders, or one after the other with other --out"
            )
        seen[out] = job.path


class FileTranslator:
    """Reads a job's inputs as the run's layout says, translates, writes.

    Args:
        instances: the instance map's file for a single job, or a folder of them.
        strict: a missing instance map is an error.
        halves: the files are side-by-side pairs as in training; the input's half is taken.

    Attributes:
        without_instances: jobs so far whose boundaries came from the labels.
    """

    def __init__(
        self,
        translator: Translator,
        *,
        instances: Path | None = None,
        strict: bool = False,
        halves: bool = False,
    ):
        self.translator, self.spec = translator, translator.spec
        self.instances, self.strict, self.halves = instances, strict, halves
        self.without_instances = 0

    def run(self, job: Job, **noise) -> dict[str, np.ndarray]:
        """Translates one job and writes the result.

        Args:
            noise: `stochastic` and `seed` of `Translator.translate`.

        Returns:
            The pictures of a sheet's row: inputs, translated, and real where it is found.

        Raises:
            DataError: an input cannot be used, or the result cannot be written.
        """
        arrays = self._read(job.path)
        result = self.translator.translate(arrays, **noise)
        _make_folder(job.out.parent)
        write_image(job.out, result)
        row = {n: to_picture(p) for n, p in self.translator.visuals(arrays).items()}
        row["translated"] = self._display(result)
        real = self._real(job.path)
        if real is not None:
            row["real"] = real
        return row

    def _read(self, path: Path) -> dict[str, np.ndarray]:
        first, *others = self.spec.inputs
        arrays = {first.name: read_input(path, first, self._half(first.part))}
        for source in others:
            partner = self._partner(path, source)
            if partner is not None:
                arrays[source.name] = read_input(partner, source, self._half(source.part))
            elif source.kind != "instances":
                raise DataError(f"{path}: no {source.name!r} beside it; this model needs one")
            elif self.strict:
                raise DataError(f"{path}: no instance map beside it; name it with --instances")
            else:
                self.without_instances += 1
        return arrays

    def _partner(self, path: Path, source: InputSpec) -> Path | None:
        own, other = (_part(self.spec, p) for p in (self.spec.inputs[0].part, source.part))
        if source.kind == "instances" and self.instances is not None:
            if not self.instances.is_dir():
                return self.instances
            other = Part("instance", "", other.suffix if other else "")
            beside = self.instances / path.name
            return find_partner(beside, Part("label", "", own.suffix if own else ""), other)
        return find_partner(path, own, other) if own and other else None

    def _half(self, part: str) -> str:
        own = _part(self.spec, part)
        return own.half if self.halves and own else ""

    def _real(self, path: Path) -> np.ndarray | None:
        own = _part(self.spec, self.spec.inputs[0].part)
        target = _part(self.spec, self.spec.target_part)
        if own is None or target is None:
            return None
        if own.half:
            found = path if self.halves else None
        else:
            found = find_partner(path, own, target)
        if found is None:
            return None
        try:
            image = halve_picture(read_image(found), target.half if self.halves else "")
            return self._display(fit_channels(image, self.spec.target, found))
        except DataError:
            return None  # the sheet only shows it; nothing depends on it

    def _display(self, array: np.ndarray) -> np.ndarray:
        """A stored picture as 8-bit RGB."""
        import torch

        normal = self.spec.target.normalise(array).transpose(2, 0, 1)
        return to_picture(torch.from_numpy(normal))


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: the folder cannot be made ({error.strerror})") from error


def _part(spec: DataSpec, name: str) -> Part | None:
    part = next((p for p in spec.parts if p.name == name), None)
    return Part(part.name, part.folder, part.suffix, part.half) if part else None


def write_sheet(path: Path, rows: Sequence[dict[str, np.ndarray]], names: Sequence[str]) -> None:
    """A contact sheet of the first translations; columns that all rows have."""
    rows = rows[:SHEET_ROWS]
    common = [name for name in rows[0] if all(name in row for row in rows)]
    _make_folder(path.parent)
    picture = contact_sheet([{n: row[n] for n in common} for row in rows], names[:SHEET_ROWS])
    write_image(path, picture)
