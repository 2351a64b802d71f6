"""A few pairs drawn for people: label in its palette, boundaries, photo, and both together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from img2img.checking.alignment import edges_of_ids
from img2img.checking.check import Report
from img2img.checking.looks import Roles
from img2img.data.layouts import Record
from img2img.data.scan import count_ids
from img2img.errors import DataError

SHOWN = 6  # pairs on the page
_SIDE = 480  # pixels of the longer side of a picture on the page
_EDGE = (255, 0, 90)  # boundaries over a photo
_FAINT = 0.35  # of the photo, towards white, below the boundaries

Colours = Mapping[int, tuple[int, int, int]]


@dataclass(frozen=True)
class Sample:
    """A pair as pictures.

    Attributes:
        name: the record's, and its split.
        size: (height, width) of the files.
        pictures: headline -> uint8 RGB (H, W, 3), reduced.
        shares: stored id -> share of the label map; {} without one.
        photos: headlines of the pictures that are photos.
    """

    name: str
    size: tuple[int, int]
    pictures: Mapping[str, np.ndarray]
    shares: Mapping[int, float]
    photos: frozenset[str]


def draw_samples(report: Report, colours: Colours) -> Iterator[Sample]:
    """Evenly spaced pairs; those that cannot be read any more are passed over."""
    if report.survey is None or report.roles is None:
        return
    records, is_val = report.survey.usable, report.survey.held_out
    places = np.linspace(0, len(records) - 1, min(SHOWN, len(records))).astype(int)
    for place in places.tolist():
        try:
            record = records[place]
            split = "val" if is_val[place] else "train"
            yield _draw(record, f"{record.name} ({split})", report.roles, colours)
        except DataError:
            continue  # said elsewhere


def _draw(record: Record, name: str, roles: Roles, colours: Colours) -> Sample:
    photo = roles.picture(record, roles.target)
    size = photo.shape[:2]
    target = displayed(_reduced(photo))
    pictures, shares, photos = {}, {}, {"target"}
    labels, objects = roles.labels, roles.instances
    edges = None
    if labels is not None:
        ids = roles.ids(record, labels)
        found, counts = count_ids(ids)
        shares = dict(zip(found.tolist(), (counts / ids.size).tolist(), strict=True))
        pictures["label"] = coloured(_reduced_ids(ids), colours)
        edges = edges_of_ids(ids)
    for source in roles.pictures:
        pictures[source.name] = displayed(_reduced(roles.picture(record, source.part)))
        photos.add(source.name)
    if objects is not None:
        edges = edges_of_ids(roles.ids(record, objects))
    if edges is not None:
        small = _reduced(edges[..., None])[..., 0] > 0.2  # thin lines vanish where more is asked
        pictures["boundaries"] = np.repeat(np.where(small, 0, 255)[..., None], 3, 2).astype(
            np.uint8
        )
    pictures["target"] = target
    if edges is not None and small.shape == target.shape[:2]:
        over = (target * (1 - _FAINT) + 255 * _FAINT).astype(np.uint8)
        over[small] = _EDGE
        pictures["boundaries on target"] = over
        photos.add("boundaries on target")
    return Sample(name, size, pictures, shares, frozenset(photos))


def displayed(image: np.ndarray) -> np.ndarray:
    """Any picture (H, W, C) as uint8 RGB: one or two channels as grey, more than three cut off.

    Floats and 16 bits are spread from their least to their greatest value.
    """
    shown = image[..., :3] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, 2)
    if shown.dtype == np.uint8:
        return np.ascontiguousarray(shown)
    values = np.nan_to_num(shown.astype(np.float64))
    low, high = values.min(), values.max()
    return ((values - low) * (255 / ((high - low) or 1))).astype(np.uint8)


def coloured(ids: np.ndarray, colours: Colours) -> np.ndarray:
    """Ids (H, W) in their colours, uint8 RGB (H, W, 3); ids without one are white."""
    found, places = np.unique(ids, return_inverse=True)
    known = np.array([colours.get(i, (255, 255, 255)) for i in found.tolist()], np.uint8)
    return known[places.reshape(ids.shape)]


def _small(shape: tuple[int, int]) -> tuple[int, int]:
    factor = min(1.0, _SIDE / max(shape))
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def _reduced(image: np.ndarray) -> np.ndarray:
    """A picture (H, W, C), its longer side no more than `_SIDE`; more than three channels cut off."""
    height, width = _small(image.shape[:2])
    few = np.ascontiguousarray(image[..., :3])
    if few.shape[:2] == (height, width):
        return few
    small = cv2.resize(few, (width, height), interpolation=cv2.INTER_AREA)
    return small.reshape(height, width, -1)


def _reduced_ids(ids: np.ndarray) -> np.ndarray:
    height, width = _small(ids.shape)
    rows = np.arange(height) * ids.shape[0] // height
    columns = np.arange(width) * ids.shape[1] // width
    return ids[rows[:, None], columns]
