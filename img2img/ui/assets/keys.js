// The keyboard: arrows through the styles, ctrl-Z and its reverse, C to compare.
if (!window.pickerKeys) {
  window.pickerKeys = true;
  const inside = (target, where) => target instanceof Element && target.closest(where);
  const TEXT = "input:not([type=range]), textarea, select, [contenteditable=true], [role=listbox]";
  const ARROWS = "input, [role=tab]"; // what moves by arrows itself
  const click = (id) => {
    const button = document.getElementById(id);
    if (button && !button.disabled) button.click();
  };
  const compare = (on) => document.dispatchEvent(new CustomEvent("picker-compare", { detail: on }));

  document.addEventListener("keydown", (event) => {
    if (inside(event.target, TEXT) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      click(key === "y" || event.shiftKey ? "redo" : "undo");
    } else if (key === "arrowleft" || key === "arrowright") {
      if (inside(event.target, ARROWS)) return;
      const step = key === "arrowright" ? 1 : -1;
      document.dispatchEvent(new CustomEvent("picker-step", { detail: step }));
    } else if (key === "c" && !event.repeat) {
      compare(true);
    }
  });
  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "c") compare(false);
  });

  // The button compares as long as it is held, by pointer or key.
  const onButton = (event) => inside(event.target, "#compare");
  document.addEventListener("pointerdown", (event) => onButton(event) && compare(true));
  for (const end of ["pointerup", "pointercancel", "blur"]) {
    window.addEventListener(end, () => compare(false));
  }
  document.addEventListener("contextmenu", (event) => onButton(event) && event.preventDefault());
  const pressed = (event) => onButton(event) && (event.key === " " || event.key === "Enter");
  document.addEventListener("keydown", (event) => pressed(event) && compare(true));
  document.addEventListener("keyup", (event) => pressed(event) && compare(false));
}
