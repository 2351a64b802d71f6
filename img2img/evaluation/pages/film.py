"""Sample sheets over the training: one at a time, by step; one below the other without a script."""

from collections.abc import Mapping

import numpy as np

from img2img.reporting.html import Html, join, picture, tag

WIDEST = 1100  # pixels of a sheet
TALLEST = 2400  # pixels; of a sheet with very many rows the first are shown

FILM_STYLE = """
.film img{min-width:min(640px,180vw)}.film figure{overflow-x:auto}.film .reel{display:none}
.scripted .film .reel{display:flex;flex-wrap:wrap;align-items:center;gap:.2rem 1rem;margin:.4rem 0}
.film .reel input{flex:0 1 420px;min-width:200px;margin:0}.film .reel input:disabled{display:none}
@media screen{.scripted .film figure:not(.on){display:none}.scripted .film figcaption{display:none}}
"""

FILM_SCRIPT = """
for (const film of document.querySelectorAll(".film")) {
  const reel = film.querySelector(".reel input"), said = film.querySelector("output");
  const sheets = film.querySelectorAll("figure");
  const show = () => {
    sheets.forEach((sheet, number) => sheet.classList.toggle("on", number == reel.value));
    said.textContent = sheets[reel.value].querySelector("figcaption").textContent;
    reel.setAttribute("aria-valuetext", said.textContent);
  };
  reel.addEventListener("input", show);
  show();
}
"""


def film(samples: Mapping[int, np.ndarray]) -> Html:
    """Sheets that one leafs through; opens with the last.

    Args:
        samples: at least one, uint8 RGB (H, W, 3), by step, in their order.
    """
    last = len(samples) - 1
    reel = tag(
        "input",
        type="range",
        min=0,
        max=last,
        value=last,
        autocomplete="off",
        disabled=None if last else "",
        **{"aria-label": "step"},
    )
    sheets = (
        tag("figure", _sheet(step, array), tag("figcaption", f"step {step}"))
        for step, array in samples.items()
    )
    return tag("div", tag("div", reel, tag("output"), class_="reel"), join(*sheets), class_="film")


def _sheet(step: int, array: np.ndarray) -> Html:
    rows = round(TALLEST * max(1, array.shape[1] / WIDEST))
    return picture(array[:rows], f"samples at step {step}", lossy=True, widest=WIDEST)
