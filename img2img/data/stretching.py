"""Whether resizing changes the pictures' aspect ratio."""

import math
from collections.abc import Mapping

# Sides rounded to whole pixels, or to the multiples that networks want, are no distortion.
_STRETCH = 1.02


def stretch_warning(
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
