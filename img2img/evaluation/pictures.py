"""Pictures as they are scored: of one size and the same channels, on their true range."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from img2img.errors import DataError, counted
from img2img.fields.arrays import require_finite
from img2img.fields.files import read_image, read_info
from img2img.fields.image import ImageSpec
from img2img.fields.resizing import resize_ids, resize_image

# By the type of a picture's values: which of them are -1 and 1.
Ranges = Mapping[str, tuple[float, float]]

RESIZING = (
    "a real picture of another size than the translated one is brought to that one's: averaged "
    "along axes that shrink (OpenCV's INTER_AREA), cubic along those that grow (INTER_CUBIC); "
    "labels by nearest neighbour"
)


@dataclass(frozen=True)
class Real:
    """What a translated picture should be.

    Attributes:
        image: (H, W, C) as stored.
        label: class ids, int64 (H, W); None where nobody knows them.
    """

    image: np.ndarray
    label: np.ndarray | None = None


@dataclass(frozen=True)
class Match:
    """A translated and a real picture, made comparable.

    Attributes:
        fake, real: (1, C, H, W) in [-1, 1].
        label: int64 (H, W), as of `Real`.
        resized: whether the real picture had another size.
    """

    fake: Tensor
    real: Tensor
    label: np.ndarray | None
    resized: bool


def read_picture(path: Path, channels: int | None = None) -> np.ndarray:
    """A picture as stored, (H, W, C), without transparency.

    Args:
        channels: of the picture that it belongs to; where it has as many, transparency is one.

    Raises:
        DataError: it cannot be read, or holds NaN or infinity.
    """
    array = read_finite(path)
    info = read_info(path)
    if array.shape[2] in (2, 4) and info.colour in ("grey", "rgb") and array.shape[2] != channels:
        array = array[..., :-1]
    return array


def read_finite(path: Path) -> np.ndarray:
    """A picture as `read_image` returns it.

    Raises:
        DataError: it cannot be read, or holds NaN or infinity.
    """
    array = read_image(path)
    require_finite(array, path)
    return array


def to_tensor(array: np.ndarray, dtype: str, ranges: Ranges) -> Tensor:
    """(H, W, C) as (1, C, H, W) in [-1, 1]; values beyond the range beyond that.

    Args:
        dtype: the type as stored; resizing makes floats of all.
    """
    low, high = ranges[dtype]
    unit = ImageSpec(low=low, high=high).normalise(array, clip=False)
    return torch.from_numpy(np.ascontiguousarray(unit.transpose(2, 0, 1)))[None]


def match(fake: np.ndarray, real: Real, ranges: Ranges, where: object) -> Match:
    """The two with the same channels, the real picture at the size of the translated one.

    Args:
        where: what a message calls the translated picture.

    Raises:
        DataError: channels that have no common meaning.
    """
    fake, image = _same_channels(fake, real.image, where)
    size = fake.shape[:2]
    return Match(
        to_tensor(fake, fake.dtype.name, ranges),
        to_tensor(_resized(image, size, ranges[image.dtype.name]), image.dtype.name, ranges),
        None if real.label is None else resize_ids(real.label, size),
        image.shape[:2] != size,
    )


def _resized(image: np.ndarray, size: tuple[int, int], range_: tuple[float, float]) -> np.ndarray:
    """At another size, without what cubic interpolation overshoots: that is no value of the picture."""
    resized = resize_image(image, size)
    if resized is image:
        return image
    return resized.clip(min(range_[0], image.min()), max(range_[1], image.max()))


def _same_channels(
    fake: np.ndarray, real: np.ndarray, where: object
) -> tuple[np.ndarray, np.ndarray]:
    """Transparency is dropped and grey replicated where the other one has none, or has colours."""
    count = real.shape[2]
    if fake.shape[2] == count + 1 and count in (1, 3):
        fake = fake[..., :count]
    if {fake.shape[2], count} == {1, 3}:
        fake, real = (np.repeat(a, 3 // a.shape[2], axis=2) for a in (fake, real))
    if fake.shape[2] != real.shape[2]:
        raise DataError(
            f"{where}: {counted(fake.shape[2], 'channel')}, but the real picture has {real.shape[2]}"
        )
    return fake, real


def as_rgb(image: Tensor) -> Tensor | None:
    """(N, 3, H, W): grey is replicated; None for other channels."""
    if image.shape[1] not in (1, 3):
        return None
    return image.expand(-1, 3, -1, -1)
