"""What `generate` shows of a run: grids of pictures, ways between them, sums, neighbours."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from img2img.data.describe import Data
from img2img.data.sheets import picture_grid, to_picture
from img2img.errors import ConfigError, DataError
from img2img.fields.files import write_image
from img2img.inference.neighbours import nearest_neighbours
from img2img.inference.sampler import LatentSampler
from img2img.inference.walks import parse_sum, slerp
from img2img.keys import CATEGORY, Z
from img2img.models.latents import COLUMNS
from img2img.schema import DataConfig

FRAMES = 10  # of a way, where nobody says
NEIGHBOURS = 5
NOISE = 0.25  # of the variants of a sum: Radford et al. 2016, Fig. 7
FRAME, REST = 80, 600  # milliseconds of a GIF's frame, and of those at both ends
FRAME_SIDE = 196  # pixels, about, the longer side of a GIF


def grid(sampler: LatentSampler, seeds: Sequence[int], *, kind: str | None) -> np.ndarray:
    """The pictures of seeds, row by row in a square or nearly so."""
    pictures = _pictures(sampler.render(sampler.latents_of(seeds, kind=kind)))
    columns = int(np.ceil(np.sqrt(len(pictures))))
    return picture_grid([pictures[i : i + columns] for i in range(0, len(pictures), columns)])


def interpolation(
    sampler: LatentSampler, ends: tuple[int, int], frames: int | None, *, kind: str | None
) -> list[np.ndarray]:
    """Frames from one seed's picture to another's; class and codes are those of the first.

    Args:
        frames: number of them, with both ends; None: 10.
        kind: the class of all of them by name; None: that of the first seed.
    """
    frames = frames or FRAMES
    latents = sampler.latents_of(ends, kind=kind)
    start = {name: value[:1].expand(frames, *value.shape[1:]) for name, value in latents.items()}
    return _pictures(sampler.render({**start, Z: slerp(latents[Z][0], latents[Z][1], frames)}))


def traversal(
    sampler: LatentSampler, seeds: Sequence[int], code: int, frames: int | None, *, kind: str | None
) -> np.ndarray:
    """A row for each seed, along which one code alone changes.

    Args:
        code: its number as Chen et al. 2016 count: from 1, the categorical one first.
        frames: values of a continuous code, from -2 to 2; None: 10. The categorical code takes each
            of its values.

    Raises:
        ConfigError: the run has no such code or class, or frames are asked of a categorical code.
    """
    latents, categorical = sampler.latents, _require_code(sampler, code)
    if categorical and frames:
        raise ConfigError(
            f"--frames {frames}: code {code} is categorical and has a picture for each of its "
            f"{latents.categories} values; --frames is of continuous codes"
        )
    values = latents.code_values(code, frames or FRAMES)
    rows = [
        _pictures(
            sampler.render(latents.traverse(sampler.latents_of([s], kind=kind), code, values))
        )
        for s in seeds
    ]
    heads = [f"{value}" if categorical else f"{value:.1f}" for value in values.tolist()]
    return picture_grid(rows, [f"seed {s}" for s in seeds], heads)


def _require_code(sampler: LatentSampler, code: int) -> bool:
    """Whether a code is categorical. Raises ConfigError where there is none of that number."""
    kinds = sampler.latents.code_kinds
    if 1 <= code <= len(kinds):
        return kinds[code - 1] == CATEGORY
    have = ", ".join(
        f"{number} ({'categorical' if kind == CATEGORY else 'continuous'})"
        for number, kind in enumerate(kinds, 1)
    )
    have = f"its codes are {have}" if kinds else "it has no codes; infogan has"
    raise ConfigError(f"--traverse code={code}: the run has no such code; {have}")


def arithmetic(
    sampler: LatentSampler, text: str, names: dict[str, list[int]], *, kind: str | None, seed: int
) -> np.ndarray:
    """A row for each name of a sum: its mean and its seeds' pictures; then the sum and variants.

    Means of z, because single ones are unstable (Radford et al. 2016, Sec. 6.3.2).

    Raises:
        ConfigError: no sum, or an unknown name.
    """
    terms = parse_sum(text, names)
    rows, captions, total = [], [], torch.zeros(1, sampler.latents.size)
    for sign, name in terms:
        latents = sampler.latents_of(names[name], kind=kind)
        mean = latents[Z].mean(0, keepdim=True)
        total += sign * mean
        first = {key: value[:1] for key, value in latents.items()}
        rows.append(_pictures(sampler.render({**first, Z: mean})))
        rows[-1] += _pictures(sampler.render(latents))
        captions.append(f"{'-' if sign < 0 else '+'} {name}")
    generator = torch.Generator().manual_seed(seed)
    noise = (torch.rand(COLUMNS, sampler.latents.size, generator=generator) * 2 - 1) * NOISE
    noise[0] = 0
    base = sampler.latents_of(names[terms[0][1]][:1], kind=kind)
    same = {key: value.expand(COLUMNS, *value.shape[1:]) for key, value in base.items()}
    rows.append(_pictures(sampler.render({**same, Z: total + noise})))
    return picture_grid(rows, [*captions, "="], ["mean"])


def neighbours(
    sampler: LatentSampler,
    seeds: Sequence[int],
    data: Data,
    config: DataConfig,
    *,
    kind: str | None,
) -> tuple[np.ndarray, list[str]]:
    """A row for each picture: itself and the nearest training pictures; and a line on each."""
    drawn = sampler.render(sampler.latents_of(seeds, kind=kind))
    found = nearest_neighbours(drawn, data, config, count=NEIGHBOURS)
    rows = [
        [to_picture(picture), *(to_picture(near.picture) for near in row)]
        for picture, row in zip(drawn, found, strict=True)
    ]
    lines = [
        f"seed {s}: nearest {row[0].name}, {row[0].distance:.3f} away"
        for s, row in zip(seeds, found, strict=True)
    ]
    lines.append("(root mean square difference, in pictures that span -1 to 1)")
    heads = ["drawn", "nearest", *(f"{number}." for number in range(2, NEIGHBOURS + 1))]
    return picture_grid(rows, [f"seed {s}" for s in seeds], heads[: len(rows[0])]), lines


def write_frames(path: Path, frames: Sequence[np.ndarray]) -> str:
    """A .gif there and back, or else a strip; what it is, in words.

    Raises:
        DataError: it cannot be written.
    """
    if path.suffix.lower() != ".gif":
        write_image(path, picture_grid([frames]))
        return f"strip of {len(frames)} pictures"
    there_and_back = (*frames, *frames[-2:0:-1])
    film = [Image.fromarray(picture_grid([[f]], least=FRAME_SIDE)) for f in there_and_back]
    times = [FRAME] * len(film)
    times[0] = times[len(frames) - 1] = REST
    try:
        film[0].save(path, save_all=True, append_images=film[1:], duration=times, loop=0)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error
    return f"{len(frames)} pictures there and back"


def _pictures(images: Tensor) -> list[np.ndarray]:
    return [to_picture(image) for image in images]
