"""Joint augmentation: one random draw for all fields of a group, by Albumentations."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for its version

import albumentations as A
import cv2
import numpy as np
import torch
from torch import Tensor

from img2img.data.reading import Arrays
from img2img.data.spec import DataSpec
from img2img.fields import Image
from img2img.keys import CLASS, TARGET
from img2img.schema import DataConfig

_PREFIX = "input_"  # an input may be called as one of Albumentations' own arguments


class JointTransform:
    """Arrays of one sample -> tensors of one sample, reproducibly for a seed.

    All fields of a group are moved by one random draw, the target's group by the seed's own; each
    other group has a size and a draw of its own. Ids are resampled by nearest neighbour, images
    smoothly; rotation and padding mirror the picture, for a constant fill would be a class of its
    own.

    Args:
        train: crop, jitter, flip, rotate and recolour; otherwise resize alone.
        centred: not in training, keep the middle of `data.crop`'s size, for networks that take
            that size alone.
    """

    def __init__(self, config: DataConfig, spec: DataSpec, *, train: bool, centred: bool = False):
        self.config, self.spec, self.train = config, spec, train
        self.moves = train or (centred and config.crop is not None)
        self.fields, self.groups = spec.fields, spec.groups
        self.target = Image(name=TARGET, part=spec.target_part, image=spec.target)
        self._geometry: dict[tuple[str, int, int], A.Compose] = {}
        self._colour = _recolour(config.colour, spec.target.channels)

    def __call__(self, arrays: Arrays, seed: int) -> dict[str, Tensor]:
        """int64 (1, H, W) for ids and () for a class, float32 (C, H, W) in [-1, 1] for images.

        Not in training, values of the target that lie beyond the run's range are beyond that, too."""
        moved: Arrays = {}
        for group in self.groups:
            moved |= self._vary(group, arrays, _seed_of(group, seed))
        if self.train and self.config.colour:
            moved[TARGET] = self._shift_colours(moved[TARGET], seed)
        tensors = {field.name: field.tensor(moved[field.name]) for field in self.fields}
        if not self.train and self.spec.target.beyond(arrays[TARGET]):
            # Scores are of its true values; what resizing overshoots is none.
            stored = arrays[TARGET]
            unclipped = moved[TARGET].clip(stored.min(), stored.max())
            tensors[TARGET] = self.target.tensor(unclipped, clip=False)
        if self.spec.class_names:
            tensors[CLASS] = torch.tensor(arrays[CLASS])
        return tensors

    def _vary(self, group: str, arrays: Arrays, seed: int) -> Arrays:
        """The arrays of a group, resized and moved."""
        fields = self.groups[group]
        work = self.spec.working_size(arrays[fields[0].name].shape[:2])
        # In training enlarged by the jitter, which a crop takes back.
        factor = 1.0 + self.config.jitter if self.train else 1.0
        size = (round(work[0] * factor), round(work[1] * factor))
        resized = {field.name: field.resize(arrays[field.name], size) for field in fields}
        if not self.moves:
            return resized
        packed = {field.name: field.pack(resized[field.name]) for field in fields}
        moved = self._move(group, {name: array for name, (array, _) in packed.items()}, seed, work)
        return {
            field.name: field.unpack(moved[field.name], packed[field.name][1]) for field in fields
        }

    def _move(self, group: str, arrays: Arrays, seed: int, work: tuple[int, int]) -> Arrays:
        """One draw of rotation, crop and flip applied to every array of a group."""
        geometry = self._geometry_for(group, work)
        geometry.set_random_seed(seed)
        inputs = {_PREFIX + name: array for name, array in arrays.items()}
        first = self.groups[group][0]
        is_image = first.moves_as == "image"
        # Albumentations wants an `image`, and gives it the first look; a map of ids is none.
        main = inputs.pop(_PREFIX + first.name) if is_image else _no_picture(arrays)
        moved = geometry(image=main, **inputs)
        picture = moved.pop("image")
        named = {name.removeprefix(_PREFIX): array for name, array in moved.items()}
        return named | ({first.name: picture} if is_image else {})

    def _geometry_for(self, group: str, work: tuple[int, int]) -> A.Compose:
        if (group, *work) not in self._geometry:
            targets = {_PREFIX + field.name: field.moves_as for field in self.groups[group]}
            self._geometry[(group, *work)] = A.Compose(
                self._steps(work), additional_targets=targets
            )
        return self._geometry[(group, *work)]

    def _steps(self, work: tuple[int, int]) -> list[A.BasicTransform]:
        config = self.config
        if not self.train:
            assert config.crop is not None  # else there would be no steps
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


def _seed_of(group: str, seed: int) -> int:
    """The seed of a group's draw: the sample's own for the target's group."""
    if not group:
        return seed
    return int(np.random.default_rng([seed, *group.encode()]).integers(2**31))


def _no_picture(arrays: Arrays) -> np.ndarray:
    """A picture of nothing, of the arrays' size."""
    return np.zeros((*next(iter(arrays.values())).shape[:2], 1), np.uint8)
