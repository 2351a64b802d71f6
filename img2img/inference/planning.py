"""Which files to translate, what lies beside them, and where the results go."""

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from img2img.data.layouts import Part, find_partner
from img2img.data.spec import DataSpec
from img2img.data.walking import Others, is_picture, walk
from img2img.errors import DataError
from img2img.fields.files import IMAGE_SUFFIXES, suffix_for
from img2img.places import expand

OUT = Path("translated")


@dataclass(frozen=True)
class Job:
    """One picture to translate.

    Attributes:
        path: the first input's file.
        out: where the result goes.
        partners: the other inputs' files by input name, those that were found.
        real: the target's file, None where there is none.
        photo: the photo whose styles the result takes, None where none is named.
        variation: number of this one among several results of one input, from 0.
    """

    path: Path
    out: Path
    partners: Mapping[str, Path]
    real: Path | None
    photo: Path | None = None
    variation: int = 0


def find_part(spec: DataSpec, name: str) -> Part | None:
    """The recorded part of a name, None where the run knows of none."""
    part = next((p for p in spec.parts if p.name == name), None)
    return Part(part.name, part.folder, part.suffix, part.half) if part else None


def plan(
    items: Sequence[str],
    out: Path | None,
    spec: DataSpec,
    *,
    instances: Path | None = None,
    photos: Path | None = None,
    variations: int = 1,
    sheet: Path | None = None,
    others: Others | None = None,
) -> list[Job]:
    """Files, folders and patterns as jobs; their subfolders are kept in `out`.

    Args:
        out: a folder (None: translated/), or a picture's name where there is one input.
            What lies in it is no input of a folder or pattern that it is a part of.
        instances: the instance map's file for a single input, or a folder of them.
        photos: the same for photos to take styles from.
        variations: results of each input; the names of several end in -1, -2, ...
        sheet: a file that is written besides the results.
        others: counts files of other kinds in folders and under patterns.

    Raises:
        DataError: nothing matches, two inputs would get one name, or a file that is read
            would be overwritten.
    """
    named = _expand(items, out or OUT, spec, Others() if others is None else others)
    _check_given("--instances", instances, len(named))
    _check_given("--style-from", photos, len(named))
    suffix = suffix_for(spec.target.file_type, spec.target.channels)
    if out is not None and out.suffix.lower() in IMAGE_SUFFIXES and not out.is_dir():
        if len(named) != 1:
            raise DataError(f"--out {out} is one picture, but there are {len(named)} inputs")
        results = [out]
    else:
        results = [(out or OUT) / name.with_suffix(suffix) for _, name in named]
    jobs = []
    for (path, name), result in zip(named, results, strict=True):
        job = _job(path, name, result, spec, instances, photos)
        jobs += _several(job, variations) if variations > 1 else [job]
    _refuse_collisions(jobs, sheet)
    return jobs


def plan_reading(
    items: Sequence[str], out: Path, spec: DataSpec, *, instances: Path | None = None
) -> list[Job]:
    """Jobs of which only the inputs are used: their results have no names.

    Args:
        out: as of `plan`.
        instances: as of `plan`.

    Raises:
        DataError: nothing matches.
    """
    named = _expand(items, out, spec, Others())
    _check_given("--instances", instances, len(named))
    return [_job(path, name, Path(), spec, instances, None) for path, name in named]


def _check_given(flag: str, given: Path | None, inputs: int) -> None:
    """Raises DataError for a file or folder of a flag that is not there, or does not suffice."""
    if given and not given.exists():
        raise DataError(f"{flag}: {given}: there is no such file or folder")
    if given and given.is_file() and inputs > 1:
        raise DataError(f"{flag} is one file, but there are several inputs; give a folder")


def _several(job: Job, variations: int) -> list[Job]:
    names = [job.out.with_stem(f"{job.out.stem}-{i + 1}") for i in range(variations)]
    return [replace(job, out=name, variation=i) for i, name in enumerate(names)]


def _expand(
    items: Iterable[str], out: Path, spec: DataSpec, others: Others
) -> list[tuple[Path, Path]]:
    """(file, its name below the output folder) of every input."""
    named: list[tuple[Path, Path]] = []
    for item in items:
        path = expand(item)
        if path.is_dir():
            strange = Others()
            found = sorted(path / f"{stem}{ending}" for stem, ending in walk(path, strange))
            files = _of_part(_without_results(found, path, out), path, spec)
            if not files:
                said = f" ({strange.said()})" if strange else ""
                raise DataError(f"{path}: no pictures in this folder{said}")
            others.update(strange)
            named += ((f, f.relative_to(path)) for f in files)
        elif path.exists():
            named.append((path, Path(path.name)))
        else:
            fixed = _fixed_folder(path)
            files = _without_results(_matches(path, others), fixed, out)
            if not files:
                said = f"; {others.said()}" if others else ""
                raise DataError(f"{path}: there is no such file or folder{said}")
            named += ((f, f.relative_to(fixed)) for f in files)
    return named


def _matches(pattern: Path, others: Others) -> list[Path]:
    """The pictures under a pattern, which names no hidden ones unless it says so."""
    found = [Path(m) for m in sorted(glob.glob(str(pattern), recursive=True))]
    files = [f for f in found if f.is_file() and not _goes_round(f)]
    others.update(f.suffix.lower() or "." for f in files if not is_picture(f.name))
    return [f for f in files if is_picture(f.name)]


def _goes_round(file: Path) -> bool:
    """Whether a link on the way to a file leads back to a folder above it."""
    folders = [folder.resolve() for folder in file.parents]
    return len(set(folders)) < len(folders)


def _fixed_folder(pattern: Path) -> Path:
    """The folders of a pattern before its first wildcard."""
    parts = pattern.parts
    first = next((i for i, part in enumerate(parts) if glob.escape(part) != part), 0)
    return Path(*parts[:first])


def _without_results(files: list[Path], folder: Path, out: Path) -> list[Path]:
    """Without what an earlier translation left in an output folder below the input folder."""
    out, folder = out.resolve(), folder.resolve()
    if folder not in out.parents:  # the inputs themselves may lie in `out`
        return files
    return [f for f in files if out not in (f.resolve(), *f.resolve().parents)]


def _of_part(files: list[Path], folder: Path, spec: DataSpec) -> list[Path]:
    """The first input's files: a folder may hold instance maps and photos too.

    By the folder's and the file's name in the run's layout, as far as any file has them.
    """
    own = find_part(spec, spec.inputs[0].part)
    if own is None:
        return files
    if own.folder.replace("{split}", "").strip("/"):  # else any folder would do
        pattern = glob.escape(own.folder).replace("{split}", "*")
        files = [f for f in files if _lies_in(f, folder, pattern)] or files
    return [f for f in files if f.stem.endswith(own.suffix)] or files


def _lies_in(file: Path, folder: Path, pattern: str) -> bool:
    """Whether one of the folders between `folder` and the file has a name like the pattern."""
    top = Path(os.path.abspath(folder))  # the pattern's first steps may be above `folder`
    below = list(file.relative_to(folder).parents)[:-1]
    return any((top / step).match(pattern) for step in below)


def _job(
    path: Path,
    name: Path,
    out: Path,
    spec: DataSpec,
    instances: Path | None,
    photos: Path | None,
) -> Job:
    """`name`: the input's name below the folder that was given."""
    own, target = find_part(spec, spec.inputs[0].part), find_part(spec, spec.target_part)
    partners: dict[str, Path | None] = {}
    for source in spec.inputs[1:]:
        other = find_part(spec, source.part)
        if source.is_derivable and instances:
            partners[source.name] = _named(instances, path, name, own, other)
        elif own and other and not source.is_derived:  # the part of derived ones is the labels'
            partners[source.name] = find_partner(path, own, other)
    found = {key: partner for key, partner in partners.items() if partner is not None}
    real = find_partner(path, own, target) if own and target else None
    photo = _named(photos, path, name, own, target) if photos else None
    return Job(path, out, found, real, photo)


def _named(
    given: Path, path: Path, name: Path, own: Part | None, other: Part | None
) -> Path | None:
    """The file that belongs to an input: `given` itself, or in that folder, as deep or at once,
    with the suffix that the run's layout has or with the same name."""
    if not given.is_dir():
        return given
    suffixes = [(own.suffix, other.suffix)] if own and other else []
    for here, there in [*suffixes, ("", "")]:
        for place in (given / name, given / path.name):
            found = find_partner(place, Part("here", "", here), Part("there", "", there))
            if found is not None:
                return found
    return None


def _refuse_collisions(jobs: Sequence[Job], sheet: Path | None) -> None:
    """Raises DataError where a result would replace what is read, or another result."""
    read = {file.resolve() for job in jobs for file in (job.path, *job.partners.values())}
    read |= {job.photo.resolve() for job in jobs if job.photo}
    photos = {job.real.resolve() for job in jobs if job.real}
    seen: dict[Path, Path] = {}
    for job in jobs:
        out = job.out.resolve()
        _refuse_overwriting(job.out, read, photos, "--out")
        if out in seen:
            raise DataError(
                f"{seen[out]} and {job.path} would both become {job.out}; translate their common "
                "folder, which keeps subfolders, or one after the other with other --out"
            )
        seen[out] = job.path
    if sheet is not None:
        _refuse_overwriting(sheet, read, photos, "--sheet")
        if sheet.resolve() in seen:
            raise DataError(f"{sheet} is one of the results; choose another name with --sheet")


def _refuse_overwriting(path: Path, read: set[Path], photos: set[Path], flag: str) -> None:
    place = path.resolve()
    if place in read or place in photos:
        what = "one of the inputs" if place in read else "the real picture of an input"
        raise DataError(f"{path} is {what}; choose another place with {flag}")
