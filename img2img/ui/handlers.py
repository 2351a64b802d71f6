"""What the page asks for, and the answers: nothing of Gradio, so that it can be tested alone.

An answer is a dictionary of what changes on the page: `scene`, `stage`, `strip`, `notice`, `progress`
(see `views`), and `opened`: the number of the open scene, `place`, and all `choices` with their names;
those that a person uploaded have numbers below 0.
"""

import logging
import random
import re
import secrets
import shlex
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from img2img.errors import DataError, UserError
from img2img.text import showable
from img2img.ui import editing, palette
from img2img.ui.engine import Engine
from img2img.ui.history import Pictures
from img2img.ui.saving import save
from img2img.ui.scenes import Offer, from_upload, read_styles
from img2img.ui.studio import Studio
from img2img.ui.thumbs import thumbnails
from img2img.ui.uploads import Downloads, Uploads
from img2img.ui.views import notice, progress_view, saved_notice, scene_view, stage_view, strip_view

Answer = dict[str, Any]

LARGEST_BRUSH = 64  # pixels across
LONGEST_NAME = 40  # characters of a style's name
LONGEST_STROKE = 20_000  # points
MOST_WORK = 2**26  # pixels that are looked at for one stroke: four lines across the largest picture
NOTHING = "No picture to start with: the run's data are not here. Open a label map of yours."
LOST = "The picker was started anew and no longer has this page's picture; reload the page."
MOST_KEPT = 16  # tabs whose work is kept for a reload
PICTURED = 4  # of these tabs, how many also keep the pictures that were rendered
TAB = re.compile(r"[\w-]{22,64}")  # a name that nobody guesses

log = logging.getLogger(__name__)


class Handlers:
    """The actions of the page on a tab's studio; each yields answers as they become ready.

    Args:
        offers: pictures to choose from, the first of which is opened at the start.
        out: folder for what is saved.

    Attributes:
        uploads, downloads: files that the page has sent, and that it may fetch.
        kept: work of tabs by the names that they gave themselves, for when they come back.
    """

    def __init__(self, engine: Engine, offers: Sequence[Offer], out: Path):
        self.engine, self.offers, self.out = engine, offers, out
        self.uploads, self.downloads = Uploads(), Downloads()
        self.kept: OrderedDict[str, Studio] = OrderedDict()

    def start(self, tab: object = None) -> tuple[Studio, Iterator[Answer]]:
        """A tab's studio, and what it shows: what the tab of this name left, else a new one.

        The name alone opens the work, not the browser's session, which ends with the browser.
        """
        name = tab if isinstance(tab, str) and TAB.fullmatch(tab) else secrets.token_urlsafe(24)
        studio = self.kept.pop(name, None) or Studio(self.engine)
        self.kept[name] = studio
        while len(self.kept) > MOST_KEPT:
            saved = (name for name, of_tab in self.kept.items() if not of_tab.unsaved)
            del self.kept[next(saved, next(iter(self.kept)))]
        for idle in list(self.kept.values())[:-PICTURED]:  # they are rendered anew when asked for
            idle.pictures = Pictures()
        place = studio.place
        first: Answer = {"notice": notice(NOTHING)}
        if place is None:
            place = 0 if self.offers else None
        answers = self.open(studio, place) if place is not None else iter([first])
        return studio, (self._complete(studio, answer) for answer in answers)

    def _complete(self, studio: Studio, answer: Answer) -> Answer:
        """An answer at the start, with the list of pictures and what there is to say of the run."""
        remark = self.engine.translator.remark
        if remark and "notice" in answer:
            known = answer["notice"]["text"]
            answer["notice"] = notice(f"{known} Warning: {remark}".strip())
        return {**answer, "opened": self._opened(studio)}

    def open(self, studio: Studio, number: int) -> Iterator[Answer]:
        """One of the offered pictures; below 0: one that was uploaded. Goes on where it was left."""

        def change() -> None:
            if not studio.reopen(number):
                if not 0 <= number < len(self.offers):
                    raise DataError("this picture is no longer kept; open its file again")
                studio.open(self.offers[number].open(), number)

        return self._answers(studio, change)

    def upload(self, studio: Studio, data: Any, session: str) -> Iterator[Answer]:
        """`label`, `instances`, `photo` and `look`, each perhaps null: ids of files that this session has
        sent; and the label map's `name`. A look alone is for the open picture."""

        doubt: list[str] = []

        def change() -> None:
            given = [data[key] for key in ("label", "instances", "photo", "look")]
            if given[0] is given[3] is None:
                raise DataError("choose a label map, or saved styles, first")
            with self.uploads.taken(session, given) as (label, instances, photo, look_file):
                look = read_styles(look_file, self.engine.translator) if look_file else None
                if label is not None:
                    scene = from_upload(
                        label, instances, self.engine.spec, str(data["name"]), photo
                    )
                    place = min([0, *studio.works]) - 1
                    studio.open(scene, place)
                    doubt.append(scene.doubt)
            if look is not None and (missing := studio.apply(look, "saved styles")):
                doubt.append(
                    f"{missing} of the {len(look)} objects of these styles are not in this picture, "
                    "by their ids: open the label map and the instance map that were saved with them."
                )

        for answer in self._answers(studio, change):
            if "stage" in answer:
                answer["opened"] = self._opened(studio)
                answer["notice"] = notice("\n".join(filter(None, doubt)), kind="doubt")
            yield answer

    def _opened(self, studio: Studio) -> dict[str, Any]:
        """What the list of pictures shows."""
        offered = [(number, offer.name) for number, offer in enumerate(self.offers)]
        return {"place": studio.place, "choices": [*offered, *studio.uploads()]}

    def undo(self, studio: Studio) -> Iterator[Answer]:
        return self._answers(studio, lambda: studio.undo())

    def redo(self, studio: Studio) -> Iterator[Answer]:
        return self._answers(studio, lambda: studio.redo())

    def reset(self, studio: Studio) -> Iterator[Answer]:
        return self._answers(studio, lambda: studio.reset())

    def roll(self, studio: Studio) -> Iterator[Answer]:
        return self._answers(studio, lambda: studio.roll(random.getrandbits(32)))

    def pick(self, studio: Studio, data: Any) -> Iterator[Answer]:
        """`x`, `y`: the point that was clicked, in pixels of the picture."""
        return self._answers(studio, lambda: studio.select(*_point([data["x"], data["y"]])))

    def style(self, studio: Studio, data: Any) -> Iterator[Answer]:
        """`style`: a name, for the selected object."""
        return self._answers(studio, lambda: studio.choose(str(data["style"])))

    def whole(self, studio: Studio, data: Any) -> Iterator[Answer]:
        """`style`: a name, for all objects of the selected one's class."""
        return self._answers(studio, lambda: studio.choose(str(data["style"]), whole_class=True))

    def palette(self, studio: Studio, data: Any) -> Iterator[Answer]:
        """`do`: `copy`, `paste`, `photo`; `keep` with a `name`; `mix` with `first`, `second`, `share`."""
        todo: dict[str, Callable[[], None]] = {
            "copy": lambda: palette.copy(studio),
            "paste": lambda: palette.paste(studio),
            "photo": lambda: palette.from_photo(studio),
            "keep": lambda: palette.keep(studio, showable(data["name"]).strip()[:LONGEST_NAME]),
            "mix": lambda: palette.mix(
                studio, str(data["first"]), str(data["second"]), float(data["share"])
            ),
        }
        return self._answers(studio, lambda: todo[str(data["do"])]())

    def edit(self, studio: Studio, data: Any) -> Iterator[Answer]:
        """`tool`, `cls` (an id), `points` and `radius`, of a stroke on the label map."""
        return self._answers(studio, lambda: studio.edit(*self._change(data)))

    def _change(self, data: Any) -> tuple[Callable[[editing.LabelMap], editing.LabelMap], str]:
        tool, cls, radius = str(data["tool"]), int(data["cls"]), float(data["radius"])
        points = [_point(point) for point in data["points"]]
        names = {c.ident: c.name for c in self.engine.classes.values()}
        sizes = 0 <= radius <= LARGEST_BRUSH / 2 and 0 < len(points) <= LONGEST_STROKE
        sizes = sizes and editing.work_of(points, radius) <= MOST_WORK
        if cls not in names or not sizes:
            raise ValueError("out of range")
        if tool in ("brush", "new"):

            def change(before: editing.LabelMap) -> editing.LabelMap:
                mask = editing.stroke(before.label.shape, points, radius)
                return editing.paint(before, mask, cls, start=points[0], new=tool == "new")

            return change, f"painting {names[cls]}"
        if tool == "fill":
            return partial(editing.fill, point=points[0], cls=cls), f"filling with {names[cls]}"
        if tool == "replace":
            return partial(editing.replace_at, point=points[0], new=cls), "replacing a class"
        if tool == "erase":
            return partial(editing.erase, points=points, radius=radius), "erasing"
        raise ValueError(f"no tool {tool!r}")

    def save(self, studio: Studio) -> Iterator[Answer]:
        """Writes the picture, its styles and its maps."""

        def work() -> Answer:
            if studio is None:
                raise UserError(LOST)
            with studio.lock:
                now, work = studio.now, studio.work
            saved = save(self.engine, now, work.scene.name, self.out)
            work.saved = now.key
            command = shlex.join(["img2img", *saved.command]) if saved.command else ""
            links = {path: self.downloads.offer(path) for path in saved.files}
            return {"notice": saved_notice(links, command), "stage": stage_view(studio)}

        yield from _guarded(lambda: iter([work()]))

    def _answers(self, studio: Studio | None, change: Callable[[], None]) -> Iterator[Answer]:
        """Makes a change and tells all that follows from it, the quickest first."""

        def work() -> Iterator[Answer]:
            if studio is None:
                raise UserError(LOST)
            change()
            scene = {}
            if studio.now.version != studio.sent:
                scene = {"scene": scene_view(studio)}
                # A new label map is there at once, its picture follows; a new picture comes whole.
                if studio.sent is not None and studio.history.former is not None:
                    yield scene
                    studio.mark_sent(**_state(scene))
                    scene = {}
            progress = progress_view(studio)
            if progress is not None:
                yield {"progress": progress}
            # Of several changes that wait for the model, only the last is rendered.
            with studio.turn:
                stage = stage_view(studio, original=studio.sent is None)
            yield {**scene, "stage": stage, "strip": strip_view(studio), "notice": notice()}
            if scene:  # only now: where rendering fails, the page still has the former one
                studio.mark_sent(**_state(scene))
            for ident, thumbs in thumbnails(studio):
                strip = strip_view(studio, ident, thumbs)
                if strip is not None:
                    yield {"strip": strip}

        yield from _guarded(work)


def _state(answer: Answer) -> dict[str, int]:
    return {key: answer["scene"][key] for key in ("serial", "version")}


def _guarded(work: Callable[[], Iterator[Answer]]) -> Iterator[Answer]:
    """Turns what goes wrong into a message on the page; never a traceback."""
    try:
        yield from work()
    except UserError as error:
        yield {"notice": notice(str(error))}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        log.warning("a request that makes no sense: %r", error, exc_info=True)
        yield {"notice": notice("The page sent something that makes no sense; reload it.")}
    except Exception:  # a bug of ours or of a library: the tab must go on
        log.exception("an answer failed")
        yield {"notice": notice("Something went wrong inside; the terminal says what.")}


def _point(pair: Sequence[Any] | Mapping[str, Any]) -> editing.Point:
    x, y = (float(v) for v in pair)
    if not abs(x) + abs(y) < 1e6:
        raise ValueError("a point far outside")
    return x, y
