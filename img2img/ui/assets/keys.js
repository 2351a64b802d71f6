// The keyboard (help.html lists it), and the buttons that compare as long as they are held.
if (!window.pickerKeys) {
  window.pickerKeys = true;
  const inside = (target, where) => target instanceof Element && target.closest(where);
  const TEXT = "input:not([type=range]), textarea, select, [contenteditable=true], [role=listbox]";
  const ARROWS = "input, [role=tab]"; // what moves by arrows itself
  const ZOOM = { "+": "in", "=": "in", "-": "out", 0: "fit" };
  const click = (id) => {
    const button = document.getElementById(id);
    if (button && !button.disabled) button.click();
  };
  const tell = (what, detail) => document.dispatchEvent(new CustomEvent(`picker-${what}`, { detail }));
  const compare = (what) => tell("compare", what);
  const HELD = { c: "former", o: "original" };

  document.addEventListener("keydown", (event) => {
    if (inside(event.target, TEXT) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if ((key === "c" || key === "v") && !String(getSelection())) {
        tell("palette", key === "c" ? "copy" : "paste");
      }
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      click(key === "y" || event.shiftKey ? "redo" : "undo");
    } else if (key === "arrowleft" || key === "arrowright") {
      if (inside(event.target, ARROWS)) return;
      const step = key === "arrowright" ? 1 : -1;
      tell("step", step);
    } else if (key in HELD && !event.repeat) {
      compare(HELD[key]);
    } else if (key === "n" || key === "p") {
      tell("object", key === "n" ? 1 : -1);
    } else if (key in ZOOM) {
      tell("zoom", ZOOM[key]);
    } else if (key === "?") {
      tell("help");
    }
  });
  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() in HELD) compare(null);
  });

  // The button compares as long as it is held, by pointer or key.
  const onButton = (event) => {
    const button = inside(event.target, "#compare, #original");
    return button && !button.disabled && (button.id === "compare" ? "former" : "original");
  };
  document.addEventListener("pointerdown", (event) => onButton(event) && compare(onButton(event)));
  for (const end of ["pointerup", "pointercancel", "blur"]) {
    window.addEventListener(end, () => compare(null));
  }
  document.addEventListener("contextmenu", (event) => onButton(event) && event.preventDefault());
  const pressed = (event) => onButton(event) && (event.key === " " || event.key === "Enter");
  document.addEventListener("keydown", (event) => pressed(event) && compare(onButton(event)));
  document.addEventListener("keyup", (event) => pressed(event) && compare(null));
}
