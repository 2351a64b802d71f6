"""The report on one set of pictures: scores, pictures, and how the training went."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from img2img.evaluation.pages.curves import curves
from img2img.evaluation.pages.scores import flattened, picture_scores, score_rows
from img2img.evaluation.pages.training_log import read_log
from img2img.evaluation.result import Evaluation, Shown, chief
from img2img.reporting.html import render


def report_page(
    evaluation: Evaluation,
    shown: Mapping[str, list[Shown]],
    run: Path | None,
    grid: np.ndarray | None = None,
) -> str:
    """The whole report as one HTML file.

    Args:
        shown: pictures by heading, such as "best", "median", "worst".
        run: the run's folder, of which whatever can still be read is shown; None for pictures
            that no run of ours made.
        grid: of a run that draws from noise, uint8 RGB (H, W, 3), instead of pairs.
    """
    return render(
        "evaluation.html",
        title=f"Evaluation: {evaluation.name}",
        origin=run or "pictures of a folder, without a run",
        scores=score_rows(evaluation.scores),
        terms=evaluation.terms,
        doubts=evaluation.doubts,
        reasons=evaluation.reasons,
        chief=chief(evaluation),
        pairs=[
            (heading, one, ", ".join(map(" ".join, picture_scores(evaluation, one.name).items())))
            for heading, some in shown.items()
            for one in some
        ],
        grid=grid,
        protocol=flattened(evaluation.protocol),
        gone=run is not None and not run.is_dir(),
        **_training(run),
    )


def _training(run: Path | None) -> dict[str, Any]:
    """What the run's folder says of its training; nothing without a folder."""
    if run is None or not run.is_dir():
        return {"log": None}
    log = read_log(run)
    charts, once = curves(log.curves, log.roles)
    return {"log": log, "charts": charts, "once": once}
