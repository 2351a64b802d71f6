"""Joint augmentation: one random draw for label, instance map and photo, by Albumentations."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for its version

import albumentations as A
import cv2
import numpy as np
import torch
from torch import Tensor

from img2img.data.reading import CLASS, LABELLED, TARGET, Arrays
from img2img.data.spec import DataSpec, ImageSpec
from img2img.fields.resizing import resize_ids, resize_image
from img2img.schema import DataConfig

_INT32 = np.iinfo(np.int32)
_PREFIX = "input_"  # an input may be called as one of Albumentations' own arguments


class JointTransform:
    """Arrays of one sample -> tensors of one sample, reproducibly for a seed.

    Ids are resampled by nearest neighbour, images smoothly; rotation and padding mirror the
    picture, for a constant fill would be a class of its own.

    Args:
        train: crop, jitter, flip, rotate and recolour; otherwise resize alone.
        centred: not in training, keep the middle of `data.crop`'s size, for networks that take
            that size alone.
    """

    def __init__(self, config: DataConfig, spec: DataSpec, *, train: bool, centred: bool = False):
        self.config, self.spec, self.train = config, spec, train
        self.moves = train or (centred and config.crop is not None)
        self.ids = [s.name for s in spec.inputs if s.kind != "image"]
        self.images = [s.name for s in spec.inputs if s.kind == "image"]
        # Another picture than the target, maybe of another size.
        self.apart = LABELLED in self.images and bool(spec.class_names)
        if self.apart:
            self.images.remove(LABELLED)
        self._geometry: dict[tuple[int, int], A.Compose] = {}
        self._colour = _recolour(config.colour, spec.target.channels)

    def __call__(self, arrays: Arrays, seed: int) -> dict[str, Tensor]:
        """int64 (1, H, W) for ids and () for a class, float32 (C, H, W) in [-1, 1] for images."""
        number = torch.tensor(arrays[CLASS]) if self.spec.class_names else None
        joint = {name: arrays[name] for name in (TARGET, *self.ids, *self.images)}
        moved, codes = self._vary(joint, seed)
        if self.apart:
            moved[LABELLED] = self._vary({TARGET: arrays[LABELLED]}, seed)[0][TARGET]
        if self.train and self.config.colour:
            moved[TARGET] = self._shift_colours(moved[TARGET], seed)
        tensors = {TARGET: _image_tensor(moved[TARGET], self.spec.target)}
        for source in self.spec.inputs:
            value = moved[source.name]
            if source.kind == "image":
                tensors[source.name] = _image_tensor(value, source.image)
            else:
                ids = codes[source.name][value] if source.name in codes else value
                tensors[source.name] = torch.from_numpy(ids.astype(np.int64))[None]
        return tensors if number is None else {**tensors, CLASS: number}

    def _vary(self, arrays: Arrays, seed: int) -> tuple[Arrays, Arrays]:
        """Resized and moved; and the tables of `_compact`."""
        work = self.spec.working_size(arrays[TARGET].shape[:2])
        moved, codes = self._compact(self._resize(arrays, work))
        return self._move(moved, seed, work) if self.moves else moved, codes

    def _resize(self, arrays: Arrays, work: tuple[int, int]) -> Arrays:
        """To the size at which the network works, in training enlarged by the jitter."""
        factor = 1.0 + self.config.jitter if self.train else 1.0
        size = (round(work[0] * factor), round(work[1] * factor))
        return {
            name: resize_ids(array, size) if name in self.ids else resize_image(array, size)
            for name, array in arrays.items()
        }

    def _compact(self, arrays: Arrays) -> tuple[Arrays, Arrays]:
        """Ids as int32; those that do not fit as positions in a table of their own.

        Albumentations wraps int64 to int32 without a word.
        """
        arrays, codes = dict(arrays), {}
        for name in self.ids:
            ids = arrays[name]
            if ids.max() > _INT32.max or ids.min() < _INT32.min:
                codes[name], ids = np.unique(ids, return_inverse=True)
                ids = ids.reshape(arrays[name].shape)
            arrays[name] = ids.astype(np.int32)
        return arrays, codes

    def _move(self, arrays: Arrays, seed: int, work: tuple[int, int]) -> Arrays:
        """One draw of rotation, crop and flip applied to every array."""
        geometry = self._geometry_for(work)
        geometry.set_random_seed(seed)
        inputs = {_PREFIX + name: array for name, array in arrays.items() if name != TARGET}
        moved = geometry(image=arrays[TARGET], **inputs)
        return {TARGET: moved.pop("image")} | {
            name.removeprefix(_PREFIX): array for name, array in moved.items()
        }

    def _geometry_for(self, work: tuple[int, int]) -> A.Compose:
        if work not in self._geometry:
            self._geometry[work] = A.Compose(
                self._steps(work),
                additional_targets={
                    **{_PREFIX + name: "mask" for name in self.ids},
                    **{_PREFIX + name: "image" for name in self.images},
                },
            )
        return self._geometry[work]

    def _steps(self, work: tuple[int, int]) -> list[A.BasicTransform]:
        config = self.config
        if not self.train:
            return [
                A.CenterCrop(*config.crop, pad_if_needed=True, border_mode=cv2.BORDER_REFLECT_101)
            ]
        steps: list[A.BasicTransform] = []
        if config.rotate:
            steps.append(
                A.Rotate(
                    config.rotate,
                    border_mode=cv2.BORDER_REFLECT_101,
                    interpolation=cv2.INTER_LINEAR,
                    mask_interpolation=cv2.INTER_NEAREST,
                    p=1.0,
                )
            )
        crop = config.crop or (work if config.jitter else None)
        if crop:
            steps.append(
                A.RandomCrop(*crop, pad_if_needed=True, border_mode=cv2.BORDER_REFLECT_101)
            )
        if config.flip:
            steps.append(A.HorizontalFlip(p=0.5))
        return steps

    def _shift_colours(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Colour changes in float, because the libraries round or refuse 16 bits.

        In the run's range: the libraries take float pictures to end at 0 and 1.
        """
        low, high = self.spec.target.low, self.spec.target.high
        self._colour.set_random_seed(seed)
        unit = (image.astype(np.float32) - low) / (high - low)
        shifted = self._colour(image=unit)["image"].clip(0, 1) * (high - low) + low
        if image.dtype != np.float32:
            shifted = np.rint(shifted)
        return shifted.astype(image.dtype)


def _recolour(strength: float, channels: int) -> A.Compose:
    if channels == 3:
        jitter = A.ColorJitter(
            brightness=strength, contrast=strength, saturation=strength, hue=0, p=1.0
        )
    else:
        jitter = A.RandomBrightnessContrast(strength, strength, p=1.0)
    return A.Compose([jitter])


def _image_tensor(array: np.ndarray, spec: ImageSpec) -> Tensor:
    if array.ndim == 2:  # OpenCV drops a single channel
        array = array[..., None]
    # Stored values are smaller to turn than floats.
    return torch.from_numpy(spec.normalise(np.ascontiguousarray(array.transpose(2, 0, 1))))
