"""Small pictures of the selected object in every style that it can have."""

import math
from collections.abc import Iterator

import numpy as np

from img2img.inference.styles.looks import Choice, StyleAssignment
from img2img.inference.styles.sheets import crop_box
from img2img.ui.engine import AT_ONCE, Arrays
from img2img.ui.history import Key, Moment, picture_key
from img2img.ui.studio import Studio

LEAST = 128  # pixels on a side that a sketch shows, for the networks to see surroundings
SKETCH = 2**15  # pixels of a sketch, at most about

Thumbs = dict[str, np.ndarray]  # by style's name: uint8 RGB (H, W, 3), all of one size


def thumbnails(studio: Studio) -> Iterator[tuple[int, Thumbs]]:
    """The selected object (its id), and its surroundings in every style it can have.

    All of them again each time some are added; nothing more once the studio has changed
    otherwise than in the selected object's style. Small pictures are rendered whole, so that the
    picture is there when its thumbnail is clicked; of large ones, a sketch of the object alone.
    """
    with studio.lock:
        now, ident, styles = studio.now, studio.selected, studio.styles
    if ident is None or not styles:
        return
    place, prepared = crop_box(now.objects.box(ident), now.objects.ids.shape), studio.prepare(now)
    sketched = math.prod(prepared.size) > AT_ONCE
    if sketched:
        inputs, place = sketch(now.inputs, now.objects.box(ident), prepared.size)
        prepared = studio.engine.prepare(inputs)
    looks = {s.name: {**now.look, ident: Choice.of(s)} for s in styles}
    keys = {name: _key(now, look, ident if sketched else None) for name, look in looks.items()}
    with studio.lock:
        known = {name: studio.pictures.get(key) for name, key in keys.items()}
    thumbs = {name: picture[place] for name, picture in known.items() if picture is not None}
    missing = [name for name in looks if name not in thumbs]
    if thumbs or not missing:
        yield ident, dict(thumbs)
    step = studio.engine.batch(prepared)
    for start in range(0, len(missing), step):
        names = missing[start : start + step]
        if not _still(studio, now, ident):
            return
        pictures = studio.engine.display(prepared, [looks[name] for name in names])
        for name, picture in zip(names, pictures, strict=True):
            thumbs[name] = picture[place]
            with studio.lock:
                studio.pictures.put(keys[name], picture)
        yield ident, dict(thumbs)


def sketch(
    inputs: Arrays, box: tuple[int, int, int, int], size: tuple[int, int]
) -> tuple[dict[str, np.ndarray], tuple[slice, slice]]:
    """The surroundings of a box, reduced to about `SKETCH` pixels by leaving pixels out.

    Args:
        box: x, y, width, height.
        size: (height, width) of the inputs.

    Returns:
        The inputs there, and where in them the box and its nearest surroundings are.
    """
    shown = crop_box(box, size)
    region = []
    for part, limit in zip(shown, size, strict=True):
        extra = max(0, LEAST - (part.stop - part.start) + 1) // 2
        region.append(slice(max(0, part.start - extra), min(limit, part.stop + extra)))
    pixels = math.prod(r.stop - r.start for r in region)
    step = max(1, math.ceil(math.sqrt(pixels / SKETCH)))
    strided = tuple(slice(r.start, r.stop, step) for r in region)
    rows, columns = (
        slice((p.start - r.start) // step, math.ceil((p.stop - r.start) / step))
        for p, r in zip(shown, region, strict=True)
    )
    return {name: array[strided] for name, array in inputs.items()}, (rows, columns)


def _key(moment: Moment, look: StyleAssignment, sketched: int | None) -> Key:
    """What a picture is kept under; sketches of an object have keys of their own."""
    version, parts = picture_key(moment.version, look)
    return (version, parts) if sketched is None else (version, (*parts, (sketched, b"sketch")))


def _still(studio: Studio, moment: Moment, ident: int) -> bool:
    """Whether thumbnails made for a state are of use in the present one."""
    with studio.lock:
        now = studio.now
        others = {i: c for i, c in now.look.items() if i != ident}
        same = {i: c for i, c in moment.look.items() if i != ident}
        return studio.selected == ident and picture_key(now.version, others) == picture_key(
            moment.version, same
        )
