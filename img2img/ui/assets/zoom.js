// Zooming and panning: a frame grows inside a view that scrolls. Runs once, before the parts.
if (!window.pickerZoom) {
  const MOST = 16;
  const BAR =
    '<button type="button" data-zoom="out" aria-label="Zoom out" title="Zoom out (-)">&minus;</button>' +
    '<button type="button" data-zoom="fit" title="The whole picture (0)">100 %</button>' +
    '<button type="button" data-zoom="in" aria-label="Zoom in" title="Zoom in (+, or ctrl and the wheel)">+</button>';
  let space = false;
  const onSpace = (on) => (event) => {
    if (event.code === "Space") space = on;
  };
  document.addEventListener("keydown", onSpace(true));
  document.addEventListener("keyup", onSpace(false));

  // Args: the frame, whose parent is the view; what lays it out; whether a plain drag pans, too.
  // Gives the factor by which the frame is to be larger than what fits.
  window.pickerZoom = (frame, bar, layout, free) => {
    const view = frame.parentElement;
    let factor = 1;
    bar.innerHTML = BAR;

    function set(wanted, x, y) {
      const old = frame.getBoundingClientRect();
      const across = (x - old.left) / old.width;
      const down = (y - old.top) / old.height;
      factor = Math.min(MOST, Math.max(1, wanted));
      layout();
      const now = frame.getBoundingClientRect();
      view.scrollLeft += now.left + across * now.width - x; // the point stays where it is
      view.scrollTop += now.top + down * now.height - y;
      bar.querySelector("[data-zoom=fit]").textContent = `${Math.round(100 * factor)} %`;
      view.classList.toggle("zoomed", factor > 1);
    }

    function step(name) {
      const box = view.getBoundingClientRect();
      const wanted = { in: factor * 1.5, out: factor / 1.5, fit: 1 }[name];
      set(wanted, box.left + box.width / 2, box.top + box.height / 2);
    }

    bar.addEventListener("click", (event) => {
      const button = event.target.closest("[data-zoom]");
      if (button) step(button.dataset.zoom);
    });
    document.addEventListener("picker-zoom", (event) => view.offsetParent && step(event.detail));
    view.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        set(factor * Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
      },
      { passive: false },
    );

    let from = null; // of a drag: where the pointer and the view were
    let moved = false;
    view.addEventListener(
      "pointerdown",
      (event) => {
        const pans = event.button === 1 || (event.button === 0 && (space || free));
        moved = false;
        if (!pans || factor === 1 || event.pointerType === "touch") return;
        event.preventDefault();
        if (!free || event.button === 1) event.stopPropagation();
        from = [event.clientX + view.scrollLeft, event.clientY + view.scrollTop, event.clientX, event.clientY];
      },
      true,
    );
    window.addEventListener("pointermove", (event) => {
      if (!from) return;
      moved ||= Math.hypot(event.clientX - from[2], event.clientY - from[3]) > 4;
      if (!moved) return;
      view.scrollLeft = from[0] - event.clientX;
      view.scrollTop = from[1] - event.clientY;
    });
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => (from = null));
    view.addEventListener("click", (event) => moved && event.stopPropagation(), true);
    return () => factor;
  };
}
