// The keyboard: arrows through the styles, ctrl-Z and its reverse, C to compare.
if (!window.pickerKeys) {
  window.pickerKeys = true;
  const typing = (target) =>
    target instanceof Element &&
    target.closest("input, textarea, select, [contenteditable=true], [role=tab], [role=listbox]");
  const click = (id) => {
    const button = document.getElementById(id);
    if (button && !button.disabled) button.click();
  };
  const compare = (on) => document.dispatchEvent(new CustomEvent("picker-compare", { detail: on }));

  document.addEventListener("keydown", (event) => {
    if (typing(event.target) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      click(key === "y" || event.shiftKey ? "redo" : "undo");
    } else if (key === "arrowleft" || key === "arrowright") {
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
  const onButton = (event) => event.target instanceof Element && event.target.closest("#compare");
  document.addEventListener("pointerdown", (event) => onButton(event) && compare(true));
  for (const end of ["pointerup", "pointercancel", "blur"]) {
    window.addEventListener(end, () => compare(false));
  }
  document.addEventListener("contextmenu", (event) => onButton(event) && event.preventDefault());
  const pressed = (event) => onButton(event) && (event.key === " " || event.key === "Enter");
  document.addEventListener("keydown", (event) => pressed(event) && compare(true));
  document.addEventListener("keyup", (event) => pressed(event) && compare(false));
}
