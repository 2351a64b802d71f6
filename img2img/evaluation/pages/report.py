"""The report on one set of pictures: scores, pictures, and how the training went."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from img2img.errors import counted
from img2img.evaluation.pages.curves import curves
from img2img.evaluation.pages.film import FILM_SCRIPT, FILM_STYLE, film
from img2img.evaluation.pages.record import Message, Record, read_record
from img2img.evaluation.pages.scores import (
    SCORES_STYLE,
    missing,
    picture_scores,
    protocol_table,
    score_table,
)
from img2img.evaluation.pages.slider import SLIDER_SCRIPT, SLIDER_STYLE, pair, switch
from img2img.evaluation.result import Evaluation, Shown, chief
from img2img.reporting.charts import CHART_STYLE
from img2img.reporting.html import Html, page, picture, table, tag
from img2img.runs.folder import CONFIG, HEALTH, METRICS, SAMPLES

MESSAGES = 100  # of the health monitor that are listed
LARGEST = 500_000  # bytes of a grid as PNG
_STYLE = SCORES_STYLE + SLIDER_STYLE + CHART_STYLE + FILM_STYLE


def report_page(evaluation: Evaluation, shown: Mapping[str, list[Shown]], run: Path | None) -> str:
    """The whole report as one HTML file.

    Args:
        shown: pictures by heading, such as "best", "median", "worst".
        run: the run's folder, of which whatever can still be read is shown; None for pictures
            that no run of ours made.
    """
    return _whole(evaluation, _pictures(evaluation, shown), run)


def drawn_page(evaluation: Evaluation, grid: np.ndarray, run: Path) -> str:
    """The same of a run that draws from noise: a grid, uint8 RGB (H, W, 3), instead of pairs."""
    return _whole(evaluation, [picture(grid, "drawn pictures", largest=LARGEST)], run)


def _whole(evaluation: Evaluation, pictures: Iterable[Html], run: Path | None) -> str:
    title = f"Evaluation: {evaluation.name}"
    origin = str(run) if run else "pictures of a folder, without a run"
    body = [
        tag("h1", title),
        tag("div", origin, class_="faint"),
        tag("h2", "Scores"),
        score_table(evaluation.scores) if evaluation.scores else tag("p", "There are none."),
        *missing(evaluation),
        tag("h2", "Pictures"),
        tag("div", *pictures),
    ]
    record = None
    if run and not run.is_dir():
        body.append(tag("p", "The run's folder is not there any more, nor what it recorded."))
    elif run:
        record = read_record(run)
        body += _training(record)
    body += [tag("h2", "How it was measured"), protocol_table(evaluation.protocol)]
    if record:
        body += _config(record)
    return page(title, *body, style=_STYLE, script=SLIDER_SCRIPT + FILM_SCRIPT)


def _pictures(evaluation: Evaluation, shown: Mapping[str, list[Shown]]) -> Iterator[Html]:
    if not any(shown.values()):
        yield tag("p", "There are none to show.")
        return
    yield tag("p", f"Best, median and worst by {chief(evaluation)}.", class_="faint")
    yield switch("slide between translated and real", on=True)
    for heading, some in shown.items():
        for one in some:
            values = picture_scores(evaluation, one.name)
            note = ", ".join(f"{metric} {value}" for metric, value in values.items())
            yield pair(
                f"{heading.capitalize()}: {one.name}",
                note,
                ("translated", one.translated),
                ("real", one.real),
                before=one.inputs,
            )


def _training(record: Record) -> Iterator[Html]:
    yield tag("h2", "Training")
    yield curves(record.curves, record.roles)
    yield from _broken(record, METRICS)
    yield tag("h2", "Samples over time")
    if record.samples:
        yield film(record.samples)
    else:
        yield tag("p", f"The run holds none that can be read ({SAMPLES}/step-N.png).")
    yield tag("h2", "Health")
    yield from _health(record.health, record.last)
    yield from _broken(record, HEALTH)


def _health(messages: Sequence[Message] | None, last: int) -> Iterator[Html]:
    if messages is None:
        yield tag("p", f"This run was not watched: it has no {HEALTH}.")
    elif not messages:
        within = f" in {counted(last, 'step')}" if last else ""
        yield tag("p", f"Nothing was found wrong{within}.")
    else:
        rows = ((message.step, message.rule, message.text) for message in messages[:MESSAGES])
        yield table(("step", "rule", "message"), rows)
        if len(messages) > MESSAGES:
            yield tag("p", f"and {len(messages) - MESSAGES} more in {HEALTH}")


def _broken(record: Record, file: str) -> Iterator[Html]:
    if count := record.broken.get(file):
        what = f"{counted(count, 'line')} of {file} cannot be read and are left out."
        yield tag("p", what, class_="faint")


def _config(record: Record) -> Iterator[Html]:
    yield tag("h2", "Config")
    if record.config is None:
        yield tag("p", f"The run's {CONFIG} cannot be read.")
    else:
        yield tag("details", tag("summary", CONFIG), tag("pre", record.config))
