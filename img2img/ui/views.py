"""What the page is told: plain dictionaries of numbers, texts and PNG pictures as data URLs."""

import base64
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from img2img.text import showable
from img2img.ui.engine import Engine
from img2img.ui.palette import find
from img2img.ui.studio import Studio
from img2img.ui.thumbs import Thumbs

LARGEST = 1600  # pixels of a picture's longer side in the page; saved ones keep their size
LARGEST_THUMB = 320
SLOW = 2**18  # pixels of a picture whose rendering a person may have to wait for

View = dict[str, Any]

_NOTICES = itertools.count()


def scene_view(studio: Studio) -> View:
    """The objects and where they are: what the page needs to find, outline and name them.

    `runs` are (how many pixels, which object) pairs, row after row; objects are (id, class).
    """
    with studio.lock:
        serial, now, stuff = studio.serial(), studio.now, studio.work.stuff
    objects, engine = now.objects, studio.engine
    found, index = np.unique(objects.ids, return_inverse=True)
    flat = index.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=-1))
    counts = np.diff(starts, append=len(flat))
    height, width = objects.ids.shape
    classes = [engine.class_of(objects.classes[ident]).ident for ident in found.tolist()]
    return {
        "serial": serial,
        "version": now.version,
        "width": width,
        "height": height,
        "runs": np.stack([counts, flat[starts]], 1).ravel().tolist(),
        "objects": list(zip(found.tolist(), classes, strict=True)),
        "classes": legend(engine),
        "stuff": sorted(stuff),
    }


def legend(engine: Engine) -> list[View]:
    """The classes as the page lists them."""
    return [
        {"id": c.ident, "name": c.name, "colour": "#" + bytes(c.colour).hex()}
        for c in engine.classes.values()
    ]


def stage_view(studio: Studio, *, original: bool = False) -> View:
    """The picture, the one before it, and what is selected; renders what is new.

    Args:
        original: also gives the picture as it was opened, which the page then keeps.
    """
    with studio.lock:
        serial, history, selected = studio.serial(), studio.history, studio.selected
        now, former, after = history.now, history.former, history.next
        unsaved = studio.unsaved
    return {
        "serial": serial,
        "picture": picture_url(studio.picture(now), LARGEST),
        "former": picture_url(studio.picture(former), LARGEST) if former else None,
        "original": picture_url(studio.picture(history.first), LARGEST) if original else None,
        "unsaved": unsaved,
        "selected": selected,
        "undo": now.what if former else None,
        "redo": after.what if after else None,
        "changed": now.key != history.first.key,
    }


def progress_view(studio: Studio) -> View | None:
    """What is about to be rendered, and the seconds that it may take; None where it is quick."""
    with studio.lock:
        serial, (height, width) = studio.serial(), studio.now.objects.ids.shape
        if height * width < SLOW or studio.has_picture():
            return None
    seconds = studio.engine.forecast(height * width)
    return {"serial": serial, "width": width, "height": height, "seconds": seconds}


def strip_view(
    studio: Studio, ident: int | None = None, thumbs: Thumbs | None = None
) -> View | None:
    """The styles of the selected object.

    Args:
        ident, thumbs: pictures of the styles, made for this object.

    Returns:
        None where the pictures are of another object than the selected one.
    """
    with studio.lock:
        serial, selected, chosen = studio.serial(), studio.selected, studio.selected_class
        styles, now = studio.styles, studio.now
    if thumbs is not None and ident != selected:
        return None
    view: View = {"serial": serial, "selected": selected, "styles": [], "note": ""}
    remark = studio.engine.remark
    if selected is None or chosen is None:
        view["note"] = remark or "Click an object in the picture to see its styles."
        return view
    number, cls = chosen
    choice = now.look.get(selected)
    view["class"] = cls.name
    view["others"] = sum(n == number for n in now.objects.classes.values()) - 1
    known = find(styles, choice) if choice else None
    view["current"] = known.name if known else choice.style if choice else ""
    view["copied"] = studio.copied.style if studio.copied else None
    view["photo"] = studio.work.scene.photo is not None
    view["styles"] = [_card(s.name, s.count, (thumbs or {}).get(s.name)) for s in styles]
    if not styles:
        view["note"] = remark or (
            f"The style book has no styles of {cls.name}: its training photos show none."
        )
    return view


def _card(name: str, count: int, thumb: np.ndarray | None) -> View:
    url = None if thumb is None else picture_url(thumb, LARGEST_THUMB)
    return {"name": name, "count": count, "thumb": url}


def picture_url(picture: np.ndarray, largest: int) -> str:
    """A picture as a data URL; reduced where it is larger than the page shows it.

    Args:
        picture: uint8 RGB (H, W, 3).
        largest: pixels of the longer side.
    """
    height, width = picture.shape[:2]
    if max(height, width) > largest:
        factor = largest / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()


def notice(text: str = "", *, kind: str = "error") -> View:
    """A message to the person; an empty one takes the former away.

    Args:
        kind: `error`, `doubt` or `done`.
    """
    # Numbered, so that the page sees that the same complaint comes again.
    return {
        "serial": next(_NOTICES),
        "text": showable(text),
        "kind": kind,
        "files": [],
        "command": "",
    }


def saved_notice(links: Mapping[Path, str], command: str) -> View:
    """What was saved: files with the addresses they can be fetched from, and how to render it again."""
    view = notice(f"Saved {len(links)} files:", kind="done")
    files = [{"name": showable(path), "url": url} for path, url in links.items()]
    return {**view, "files": files, "command": showable(command)}
