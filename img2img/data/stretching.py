"""Whether resizing changes the pictures' aspect ratio, and whether crops fit into them."""

import math
from collections.abc import Mapping

from img2img.data.spec import DataSpec
from img2img.schema import DataConfig

# Sides rounded to whole pixels, or to the multiples that networks want, are no distortion.
_STRETCH = 1.02


def size_warnings(
    spec: DataSpec,
    config: DataConfig,
    sizes: Mapping[tuple[int, int], int],
    what: str = "pairs",
    *,
    square: bool = False,
) -> list[str]:
    """What is doubtful about resizing and cropping; arguments are as of `_stretch_warning`."""
    found = (
        _stretch_warning(spec.resize, sizes, what, square=square),
        _crop_warning(spec, config, sizes, what),
    )
    return [warning for warning in found if warning]


def _crop_warning(
    spec: DataSpec, config: DataConfig, sizes: Mapping[tuple[int, int], int], what: str
) -> str | None:
    """The warning that crops are larger than pictures, whose borders are then mirrored."""
    if config.crop is None:
        return None
    height, width = config.crop
    smaller: dict[tuple[int, int], int] = {}
    for size, count in sizes.items():
        h, w = (round(side * (1 + config.jitter)) for side in spec.working_size(size))
        if h < height or w < width:
            smaller[h, w] = smaller.get((h, w), 0) + count
    if not smaller:
        return None
    h, w = max(smaller, key=lambda size: smaller[size])
    return (
        f"WARNING: data.crop=[{height},{width}] (height, width) is larger than {sum(smaller.values())} "
        f"of {sum(sizes.values())} {what}, for example of {w}x{h} (width x height) when they are cropped: "
        "the rest is mirrored at their borders. Set a crop that fits, such as "
        f"data.crop=[{min(h, height)},{min(w, width)}], or enlarge them with data.resize_width"
    )


def _stretch_warning(
    resize: tuple[int | None, int] | None,
    sizes: Mapping[tuple[int, int], int],
    what: str = "pairs",
    *,
    square: bool = False,
) -> str | None:
    """The warning that resizing changes the pictures' aspect ratio, None where it does not.

    Args:
        resize: as `DataSpec.resize`.
        sizes: (height, width) -> how many there are of it.
        what: they are.
        square: all must become squares of one size.
    """
    if resize is None or resize[0] is None:
        return None
    height, width = resize[0], resize[1]

    def stretch(size: tuple[int, int]) -> float:
        factor = (size[0] * width) / (size[1] * height)
        return max(factor, 1 / factor)

    stretched = {size: count for size, count in sizes.items() if stretch(size) > _STRETCH}
    if not stretched:
        return None
    h, w = max(stretched, key=lambda size: stretched[size])
    if square:
        kept = max(math.ceil(width * w / min(h, w)) for h, w in sizes)
        remedy = f"set data.resize_width={kept} data.crop={width} instead, which cuts squares out"
    else:
        kept = max(1, round(h * width / w))
        remedy = (
            f"set data.resize_width={width} instead (here the same as data.resize=[{kept},{width}]); "
            "data.crop cuts without stretching"
        )
    return (
        f"WARNING: data.resize=[{height},{width}] (height, width) changes the aspect ratio of "
        f"{sum(stretched.values())} of {sum(sizes.values())} {what}, for example of {w}x{h} "
        f"(width x height) by a factor of {stretch((h, w)):.3g}; to keep it, {remedy}"
    )
