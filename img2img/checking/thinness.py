"""Ids that never form an area: what JPEG and smooth resizing leave of label maps.

Both write ids between two others along every border. Saved as PNG afterwards, a file no longer shows
where they come from; but ids of a class cover areas, if only small ones.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from img2img.checking.finding import Finding
from img2img.data.scan import count_ids
from img2img.errors import counted

# Share of an id's pixels that lie among their own kind. Of the thinnest id of Cityscapes 0.10, of
# COCO-Stuff, CamVid, ISBI membranes and the built-in scenes 0.34 to 0.64; after JPEG of quality 75, of
# a third to nearly all ids less than 0.02. Where the ids of the classes lie close together, what was
# written between them is mostly another class's, and not found.
_THIN = 0.08
_LEAST = 4  # such ids are not chance any more: wires and lines may be one or two
_SHARE = 0.25  # of all ids


@dataclass
class Thinness:
    """Pixels of every id, and those whose eight neighbours have the same id, over a sample."""

    pixels: Counter[int] = field(default_factory=Counter)
    inner: Counter[int] = field(default_factory=Counter)

    def add(self, counts: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        """One more map, as `count_inner` counts it."""
        for counter, (ids, numbers) in zip((self.pixels, self.inner), counts, strict=True):
            counter.update(dict(zip(ids.tolist(), numbers.tolist(), strict=True)))

    def finding(self) -> Finding | None:
        """The warning that most ids are left from smoothing, None where they are not."""
        thin = sorted(i for i, count in self.pixels.items() if self.inner[i] < _THIN * count)
        if len(thin) < max(_LEAST, _SHARE * len(self.pixels)):
            return None
        real = sorted(self.pixels.keys() - set(thin), key=lambda i: -self.pixels[i])
        shown = ", ".join(map(str, real[:12]))
        return Finding(
            "warning",
            f"{len(thin)} of {counted(len(self.pixels), 'label id')} never form an area, such as "
            f"{', '.join(map(str, thin[:6]))}: label maps look like this after JPEG, or after "
            "resizing with interpolation, even if they are PNGs now. Make them anew from the "
            f"originals, by nearest neighbour; the real ids are probably {shown}",
        )


def count_inner(ids: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The ids of a map (H, W) and their pixels; and the same of pixels among their own kind."""
    exact = ids.astype(np.float32)  # up to 2^24, which 24-bit codes stay below
    square = np.ones((3, 3), np.uint8)
    inner = cv2.dilate(exact, square) == cv2.erode(exact, square)
    return [count_ids(ids), count_ids(ids[inner])]
