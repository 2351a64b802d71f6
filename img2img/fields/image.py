"""Pictures: colours, grey values, or any other channels of numbers."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from img2img.errors import DataError, counted
from img2img.fields.arrays import require_finite, to_working_type, without_data
from img2img.fields.base import Field, halve_picture
from img2img.fields.files import read_values
from img2img.fields.resizing import resize_image
from img2img.schema import Section

DType = Literal["uint8", "uint16", "float32"]
DTYPE_RANGES = {"uint8": (0.0, 255.0), "uint16": (0.0, 65535.0), "float32": (0.0, 1.0)}


class ImageSpec(Section):
    """An image: how many channels, and which stored values are -1 and 1.

    Attributes:
        dtype: the type in which files are read.
        low, high: stored values that become -1 and 1.
        stored: the type of the files themselves, where it is another: int16 is read as float32.
        nodata: the value of pixels without data, beside what a TIFF declares.
    """

    channels: int = 3
    dtype: DType = "uint8"
    low: float = 0.0
    high: float = 255.0
    stored: str = ""
    nodata: float | None = None

    @property
    def file_type(self) -> str:
        """NumPy's name of the type in which pictures are written."""
        return self.stored or self.dtype

    def normalise(self, array: np.ndarray, *, clip: bool = True) -> np.ndarray:
        """Stored values as float32, `low`..`high` to [-1, 1]; values beyond are clipped, or not."""
        array = array.astype(np.float32)
        # In place: fresh memory for every step takes longer than the arithmetic.
        array -= np.float32(self.low)
        array *= np.float32(2.0 / (self.high - self.low))
        array -= np.float32(1.0)
        return array.clip(-1.0, 1.0, out=array) if clip else array

    def beyond(self, array: np.ndarray) -> int:
        """How many values lie outside `low`..`high`, where `normalise` clips them."""
        if (self.low, self.high) == DTYPE_RANGES[self.dtype] and self.dtype != "float32":
            return 0
        return int(np.count_nonzero((array < self.low) | (array > self.high)))

    def doubt(self, array: np.ndarray, where: Path | str) -> str:
        """What there is to say of values that `normalise` clips; "" where there are none."""
        if not (count := self.beyond(array)):
            return ""
        return (
            f"{where}: {count} of {array.size} values ({array.min():g} to {array.max():g}) lie beyond "
            f"{self.low:g} to {self.high:g}, the run's range, and are clipped to it"
        )

    def filled(self, array: np.ndarray, where: Path | str, *declared: float | None) -> np.ndarray:
        """Values whose pixels without data became the least of the range.

        Args:
            declared: what else means no data, such as the file's own declaration.

        Raises:
            DataError: NaN or infinity among the others.
        """
        missing = without_data(array, self.nodata, *declared)
        if missing is not None:
            array = np.where(missing, np.array(self.low, array.dtype), array)
        require_finite(array, where)
        return array

    def denormalise(self, array: np.ndarray) -> np.ndarray:
        """[-1, 1] as values of the files' own type: rounded and clipped to its range, not truncated."""
        array = (array.astype(np.float64) + 1.0) * ((self.high - self.low) / 2.0) + self.low
        dtype = np.dtype(self.file_type)
        if dtype.kind == "f":
            return array.astype(dtype)
        limits = np.iinfo(dtype)
        return np.clip(np.rint(array), limits.min, limits.max).astype(dtype)

    def fit(self, array: np.ndarray, where: Path | str) -> np.ndarray:
        """(H, W, C) with the run's channels and type: grey is replicated to RGB, alpha dropped.

        Raises:
            DataError: another number of channels or another bit depth.
        """
        channels = array.shape[2]
        if array.dtype != self.dtype:
            raise DataError(
                f"{where}: {array.dtype} values, but the run's pictures are {self.dtype}; save it "
                f"as {self.dtype}"
            )
        if channels == self.channels:
            return array
        if self.channels == 3 and channels in (1, 2):
            return np.repeat(array[..., :1], 3, axis=2)
        if (channels, self.channels) in ((4, 3), (2, 1)):
            return array[..., : self.channels]
        raise DataError(
            f"{where}: {counted(channels, 'channel')}, but the run's pictures have "
            f"{self.channels}; save it with {self.channels}"
        )


class Image(Field):
    """A picture: arrays (H, W, C) as stored, tensors float32 (N, C, H, W) in [-1, 1]."""

    words: ClassVar[str] = "the picture"
    placeholder: ClassVar[str] = "PICTURE.png"
    moves_as: ClassVar[Literal["image", "mask"]] = "image"
    is_picture: ClassVar[bool] = True

    kind: Literal["image"] = "image"
    image: ImageSpec

    def read(self, path: Path, half: str = "") -> np.ndarray:
        array, nodata = read_values(path)
        return self.image.fit(self.image.filled(halve_picture(array, half), path, nodata), path)

    def accept(self, array: np.ndarray, where: str) -> np.ndarray:
        array = array if array.ndim == 3 else array[..., None]
        if array.dtype != self.image.dtype and array.dtype == self.image.file_type:
            array = to_working_type(array, where)
        return self.image.fit(self.image.filled(array, where), where)

    def resize(self, array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return resize_image(array, size)

    def tensor(self, array: np.ndarray, *, clip: bool = True) -> Tensor:
        if array.ndim == 2:  # OpenCV drops a single channel
            array = array[..., None]
        # Stored values are smaller to turn than floats.
        planes = np.ascontiguousarray(array.transpose(2, 0, 1))
        return torch.from_numpy(self.image.normalise(planes, clip=clip))

    def blank(
        self, count: int, size: tuple[int, int], device: torch.device | str = "cpu"
    ) -> Tensor:
        return torch.zeros(count, self.image.channels, *size, device=device)

    @property
    def channels(self) -> int:
        return self.image.channels

    def encode(self, value: Tensor) -> Tensor:
        return value

    def draw(self, value: Tensor) -> Tensor:
        """The first three channels; the first one replicated where there are fewer."""
        return value[:, :3] if value.shape[1] >= 3 else value[:, :1].expand(-1, 3, -1, -1)

    def about(self) -> str:
        return counted(self.image.channels, "channel")
