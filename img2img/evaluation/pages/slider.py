"""Two pictures of the same thing, one wiped over the other; side by side without a script."""

from collections.abc import Mapping

import numpy as np

from img2img.reporting.html import Html, picture, tag

LARGEST = 150_000  # bytes of a picture without loss; larger ones become JPEGs
SMALL = 320  # pixels of width up to which enlarging keeps pixels as they are

SLIDER_STYLE = """
.pair{margin:1.2rem 0 2rem}.pair h3{font-size:1rem;margin:0}.pair p{margin:0 0 .5rem}
.views{display:grid;gap:.6rem;align-items:start;
grid-template-columns:repeat(auto-fit,minmax(min(220px,46%),1fr))}
.views img{width:100%}.frame{position:relative;border:1px solid var(--line)}
.both{display:grid;gap:.6rem;grid-template-columns:1fr 1fr;grid-column:span 2}
.small img{image-rendering:pixelated}.at,.switch{display:none}
.scripted .switch{display:inline-flex;gap:.5em;align-items:center;cursor:pointer}
@media screen{
.sliding .views{display:flex;flex-wrap:wrap}
.sliding .views>figure{flex:1 1 180px;max-width:280px}
.sliding .both{display:block;position:relative;cursor:ew-resize;touch-action:pan-y;user-select:none;
flex:none;order:-1;width:min(100%,560px,75vh*var(--ratio));--at:50%}
.sliding .over{position:absolute;inset:0;text-align:right}
.sliding .over img{clip-path:inset(0 0 0 var(--at))}.sliding .over .frame{border-color:#0000}
.sliding .over .frame::before{content:"";position:absolute;inset:0 auto 0 calc(var(--at) - 1px);
width:2px;background:#fff;box-shadow:0 0 3px #000}
.sliding .over .frame::after{content:"\\2194";position:absolute;left:var(--at);top:50%;
translate:-50% -50%;width:2rem;height:2rem;border-radius:50%;background:#fff;color:#1d2329;
box-shadow:0 0 4px #0009;font:1.2rem/1.9rem sans-serif;text-align:center}
.sliding .at{display:block;position:absolute;inset:0;margin:0;opacity:0;pointer-events:none}
.sliding .at:focus-visible~.over .frame::after{outline:3px solid #0072b2}}
@media (max-width:500px){.sliding .views>figure{flex-basis:46%}}
"""

SLIDER_SCRIPT = """
const body = document.body;
body.classList.add("scripted");
for (const box of document.querySelectorAll(".switch input")) {
  const set = () => body.classList.toggle("sliding", box.checked);
  box.addEventListener("change", set);
  set();
}
for (const both of document.querySelectorAll(".both")) {
  const at = both.querySelector(".at");
  const show = (percent) => both.style.setProperty("--at", percent + "%");
  const follow = (event) => {
    const box = both.getBoundingClientRect();
    const percent = 100 * (event.clientX - box.left) / box.width;
    at.value = percent;
    show(Math.min(100, Math.max(0, percent)));
  };
  at.addEventListener("input", () => show(at.value));
  both.addEventListener("mousedown", (event) => event.preventDefault());
  both.addEventListener("pointerdown", (event) => {
    both.setPointerCapture(event.pointerId);
    at.focus({preventScroll: true});
    // A finger may be about to scroll the page.
    if (event.pointerType == "mouse") follow(event);
  });
  both.addEventListener("pointerup", follow);
  both.addEventListener("pointermove", (event) => event.buttons && follow(event));
}
"""


def switch(text: str, *, on: bool) -> Html:
    """The page's one switch between sliders and side by side; absent without a script.

    Args:
        on: whether the page opens with sliders.
    """
    # Without autocomplete=off a browser may bring back what was set before a reload.
    box = tag("input", type="checkbox", autocomplete="off", checked="" if on else None)
    return tag("label", box, text, class_="switch")


def pair(
    name: str,
    note: str,
    under: tuple[str, np.ndarray],
    over: tuple[str, np.ndarray],
    *,
    before: Mapping[str, np.ndarray],
    after: Mapping[str, np.ndarray] | None = None,
) -> Html:
    """Two pictures to be compared, and others beside them.

    Args:
        note: a line below the name.
        under, over: caption and picture, uint8 RGB (H, W, 3); the slider shows `under` to
            the left of its divide, `over` to the right.
        before, after: pictures before and behind the two, by caption.
    """
    height, width = under[1].shape[:2]
    label = f"{name}: {under[0]} to the left, {over[0]} to the right"
    both = tag(
        "div",
        tag("input", type="range", class_="at", autocomplete="off", **{"aria-label": label}),
        _figure(name, *under, class_="under"),
        _figure(name, *over, class_="over"),
        class_="both",
        style=f"--ratio:{width / height:.4f}",
    )
    left = (_figure(name, *item) for item in before.items())
    right = (_figure(name, *item) for item in (after or {}).items())
    views = tag("div", *left, both, *right, class_="views")
    return tag("section", tag("h3", name), tag("p", note, class_="faint"), views, class_="pair")


def _figure(name: str, caption: str, array: np.ndarray, **attributes: str) -> Html:
    shown = picture(array, f"{name}: {caption}", largest=LARGEST)
    kind = "frame small" if array.shape[1] <= SMALL else "frame"
    return tag("figure", tag("div", shown, class_=kind), tag("figcaption", caption), **attributes)
