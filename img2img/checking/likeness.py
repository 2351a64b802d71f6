"""Pictures for validation that the training has nearly seen: they flatter the scores.

A picture leaves 64 bits behind, so that 100,000 of them are 0.8 MB; what those bits find is
looked at once more.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from img2img.checking.finding import Finding
from img2img.data.parallel import in_parallel
from img2img.data.tally import Some
from img2img.errors import DataError, counted
from img2img.progress import counting

_SIDE = 32  # pixels of the picture that the bits are taken of
_KEPT = 8  # waves a side that they hold
_NEAR = 10  # of 64 bits that may differ before the pictures are looked at
_LOOKED_AT = 400  # suspected pairs that are looked at once more, evenly spaced
_ALIKE = 0.97  # correlation of the small pictures from which they are nearly the same
_FEW = 0.02  # share of the validation pictures up to which it is but a remark


def fingerprint(image: np.ndarray) -> int:
    """64 bits of a picture (H, W, C): the signs of its lowest waves, after Zauner 2010 (pHash).

    Alike pictures differ in few bits, whatever their size, brightness and compression.
    """
    waves = cv2.dct(small_grey(image))[:_KEPT, :_KEPT].ravel()
    bits = waves > np.median(waves[1:])  # the first is the brightness
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def small_grey(image: np.ndarray) -> np.ndarray:
    """float32 (32, 32) of a picture (H, W, C)."""
    few = np.ascontiguousarray(image[..., :3])  # OpenCV resizes no more than four channels
    small = cv2.resize(few, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return small.reshape(_SIDE, _SIDE, -1).mean(-1, dtype=np.float32)


@dataclass(frozen=True)
class Twins:
    """Validation pictures with a training picture that is nearly the same.

    Attributes:
        pairs: (place in validation, place in training) of the first ones.
        count: how many validation pictures, estimated where not all could be looked at.
        total: validation pictures in all.
    """

    pairs: Some[tuple[int, int]]
    count: int
    total: int

    def finding(self, name: Callable[[int, int], str]) -> Finding | None:
        """A warning where they are many.

        Args:
            name: the words for a pair of places.
        """
        if not self.count:
            return None
        few = self.count <= max(1, _FEW * self.total)
        return Finding(
            "remark" if few else "warning",
            f"{self.count} of {counted(self.total, 'validation picture')} nearly the same as one that "
            "is trained on, as neighbouring frames of a video are: scores and the choice of the best "
            "checkpoint are too good for these. Hold out whole scenes (a val folder of your own)",
            tuple(name(*pair) for pair in self.pairs.first),
            self.count,
        )


def find_twins(
    train: np.ndarray, val: np.ndarray, read: Callable[[bool, int], np.ndarray]
) -> Twins:
    """Compares every validation picture with every training picture.

    Args:
        train, val: uint64 fingerprints; 0 stands for a picture that could not be read.
        read: (is it a training picture, its place) -> the picture (H, W, C).
    """
    suspected = list(_suspected(train, val))
    step = -(-len(suspected) // _LOOKED_AT) or 1
    looked_at = suspected[::step]
    found: Some[tuple[int, int]] = Some()
    alike = in_parallel(lambda pair: _alike(read, *pair), looked_at, "look-alikes")
    for pair, true in zip(looked_at, alike, strict=True):
        if true:
            found.add(pair)
    count = round(found.count * len(suspected) / max(1, len(looked_at)))
    return Twins(found, count, len(val))


def _suspected(train: np.ndarray, val: np.ndarray) -> Iterator[tuple[int, int]]:
    """(place in validation, place of the nearest in training) of those that are near."""
    readable = train.nonzero()[0]
    if not len(readable):
        return
    known = train[readable]
    places = val.nonzero()[0].tolist()
    for place in counting(places, len(places), "fingerprints"):
        differing = _bits(known ^ val[place])
        nearest = int(differing.argmin())
        if differing[nearest] <= _NEAR:
            yield place, int(readable[nearest])


_BITS_OF_16 = np.array([code.bit_count() for code in range(1 << 16)], np.uint8)


def _bits(codes: np.ndarray) -> np.ndarray:
    """How many bits of each uint64 are set."""
    quarters = _BITS_OF_16[codes.view(np.uint16).reshape(-1, 4)]
    return quarters[:, 0] + quarters[:, 1] + quarters[:, 2] + quarters[:, 3]


def _alike(read: Callable[[bool, int], np.ndarray], place: int, partner: int) -> bool:
    try:
        first, second = (
            small_grey(read(is_train, where)).ravel().astype(np.float64)
            for is_train, where in ((False, place), (True, partner))
        )
    except DataError:  # gone since it was read; that is said elsewhere
        return False
    if first.std() == 0 or second.std() == 0:
        return False  # one grey is like another, and said elsewhere
    return bool(np.corrcoef(first, second)[0, 1] >= _ALIKE)


def names_of(train: Sequence, val: Sequence) -> Callable[[int, int], str]:
    """The words for a pair of places among records."""
    return lambda place, partner: f"{val[place].name} (val) and {train[partner].name} (train)"
