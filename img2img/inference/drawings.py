"""A folder of single pictures that a run draws, with a record of what each one is."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from img2img.errors import ConfigError
from img2img.fields.files import suffix_for, write_image
from img2img.foreign import parse_json
from img2img.inference.sampler import BATCH, LatentSampler
from img2img.keys import CLASS
from img2img.runs.writing import write_text

RECORD = "pictures.jsonl"


def write_pictures(
    sampler: LatentSampler, seeds: Sequence[int], folder: Path, *, kind: str | None
) -> Iterator[Path]:
    """Writes one file for each picture, named by its seed, as they are asked for.

    `folder/pictures.jsonl` says by which checkpoint they are, and the class of each, where they have
    one. More seeds of the same checkpoint may follow later.

    Args:
        kind: the class of all of them by name; None: at random.

    Raises:
        ConfigError: no such class, or the folder has pictures by others, or cannot be made.
    """
    suffix = suffix_for(sampler.spec.target.file_type, sampler.spec.target.channels)
    files = {seed: folder / f"seed-{seed:010d}{suffix}" for seed in seeds}
    lines = [{"file": files[seed].name} for seed in seeds]
    for line, name in zip(lines, classes_of(sampler, seeds, kind=kind), strict=False):
        line["class"] = name
    _record(folder, sampler.source, lines)
    for start in range(0, len(seeds), BATCH):
        some = seeds[start : start + BATCH]
        for seed, picture in zip(some, sampler.draw(some, kind=kind), strict=True):
            write_image(files[seed], picture)
            yield files[seed]


def classes_of(sampler: LatentSampler, seeds: Sequence[int], *, kind: str | None) -> list[str]:
    """The class of each seed's picture by name; nothing where the run has no classes."""
    latents, names = sampler.latents_of(seeds, kind=kind), sampler.latents.classes
    return [names[number] for number in latents[CLASS].tolist()] if names else []


def _record(folder: Path, source: str, lines: list[dict[str, str]]) -> None:
    """Notes what is about to be drawn, beside what is there."""
    head = {"checkpoint": str(Path(source).resolve())}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: the folder cannot be made ({error.strerror})") from error
    former, *known = _read_record(folder / RECORD) or [head]
    replaced = {line["file"] for line in lines} - {line["file"] for line in known}
    foreign = next((file for file in sorted(replaced) if (folder / file).exists()), None)
    if former != head or foreign:
        others = f"such as {foreign}" if foreign else f"by {former['checkpoint']}"
        raise ConfigError(f"{folder}: there are other pictures, {others}; choose another --out")
    all_lines = {line["file"]: line for line in (*known, *lines)}.values()
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in (head, *all_lines))
    write_text(folder / RECORD, text)


def _read_record(path: Path) -> list[dict[str, str]]:
    """What is noted: the checkpoint, then the pictures; nothing where there is no record."""
    if not path.is_file():
        return []
    try:
        lines = [parse_json(text) for text in path.read_text(encoding="utf-8").splitlines()]
        wanted = ["checkpoint", *["file"] * (len(lines) - 1)]
        return [{key: line[key], **line} for line, key in zip(lines, wanted, strict=True)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: no record of drawn pictures; choose another --out") from error
