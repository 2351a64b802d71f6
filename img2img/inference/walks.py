"""Ways through the space of z: between two points of it, and sums of its means."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from img2img.errors import ConfigError, nearest


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
    parts = re.findall(r"\s*([+-]?)\s*([^\s+-]+)", text)
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
        ConfigError: unreadable, or no such JSON.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: no JSON ({error})") from error
    fits = isinstance(content, dict) and all(
        isinstance(seeds, list) and seeds and all(type(s) is int and 0 <= s < 2**32 for s in seeds)
        for seeds in content.values()
    )
    if not fits:
        raise ConfigError(
            f'{path}: expected names with lists of seeds, such as {{"man": [3, 17, 40]}}'
        )
    return content
