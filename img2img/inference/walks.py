"""Ways through the space of z: between two points of it, and sums of its means."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from img2img.errors import ConfigError, nearest
from img2img.foreign import read_json

NAME = r"[^\s+-]+"  # of a list of seeds, as it stands in a sum


def slerp(start: Tensor, stop: Tensor, steps: int) -> Tensor:
    """Points from `start` to `stop`, both included, on the arc between them: (size,) -> (steps, size).

    The noise lies near a sphere, which straight lines leave (White 2016, "Sampling generative
    networks", Sec. 2.1). The angle is that between the directions; lengths change evenly. Where
    there is no arc, because the points lie on one line through 0, the line is taken.
    """
    share = torch.linspace(0, 1, steps, dtype=start.dtype)[:, None]
    lengths = torch.stack([start.norm(), stop.norm()])
    cosine = start @ stop / lengths.prod()
    angle = torch.arccos(cosine.clamp(-1, 1))
    if not 1e-4 < angle < torch.pi - 1e-4:  # also where a length is 0 and the angle no number
        return torch.lerp(start[None], stop[None], share)
    directions = (
        torch.sin((1 - share) * angle) * start / lengths[0]
        + torch.sin(share * angle) * stop / lengths[1]
    ) / torch.sin(angle)
    return directions * torch.lerp(lengths[0], lengths[1], share)


def parse_sum(text: str, names: Mapping[str, list[int]]) -> list[tuple[int, str]]:
    """`a - b + c` as [(1, "a"), (-1, "b"), (1, "c")].

    Raises:
        ConfigError: no sum of names, or an unknown name.
    """
    parts = re.findall(rf"\s*([+-]?)\s*({NAME})", text)
    whole = "".join(sign + name for sign, name in parts)
    if not parts or whole != re.sub(r"\s", "", text) or not all(sign for sign, _ in parts[1:]):
        raise ConfigError(f"--arithmetic {text!r}: expected names with + or - between them")
    for _, name in parts:
        if name not in names:
            raise ConfigError(f"--arithmetic: unknown name {name!r}; {nearest(name, names)}")
    return [(-1 if sign == "-" else 1, name) for sign, name in parts]


def read_names(path: Path) -> dict[str, list[int]]:
    """Named lists of seeds, from JSON such as `{"man": [3, 17, 40]}`.

    Raises:
        ConfigError: unreadable, no such JSON, or a name that no sum can have.
    """
    try:
        content = read_json(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: no JSON ({error})") from error
    example = 'expected names with lists of seeds, such as {"man": [3, 17, 40]}'
    if content == {}:
        raise ConfigError(f"{path}: it names no seeds; {example}")
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: {example}")
    for name, seeds in content.items():
        if not _are_seeds(seeds):
            raise ConfigError(f"{path}: {name!r} has {json.dumps(seeds)}; {example}")
        if not re.fullmatch(NAME, name):
            raise ConfigError(
                f"{path}: the name {name!r} cannot stand in a sum; names have at least one character, "
                "and no spaces, + or -; smiling_woman is one"
            )
    return content


def _are_seeds(value: object) -> bool:
    """Whether it is a list of at least one seed, 0 to 2**32 - 1."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(type(seed) is int and 0 <= seed < 2**32 for seed in value)
    )
