// The list of keys, and what the buttons say when they are pointed at.
const { picker } = window;
const dialog = element.querySelector("dialog");
const TITLES = {
  undo: "Takes the last change back (ctrl Z)",
  redo: "Makes it again (ctrl Y)",
  reset: "Back to the picture as it was opened; can be undone",
  roll: "A style at random for every object",
  compare: "Shows the picture before the last change, as long as you hold it (C)",
  original: "Shows the picture as it was opened, as long as you hold it (O)",
  save: "Writes the picture, its styles and its maps",
  keys: "The keys (?)",
  upload: "Opens a label map of yours, or saved styles",
};

function draw() {
  const { stage } = picker.state;
  for (const [id, title] of Object.entries(TITLES)) {
    const button = document.getElementById(id);
    const what = stage && { undo: stage.undo, redo: stage.redo }[id];
    if (button) button.title = what ? `${title}: ${what}` : title;
  }
}

const toggle = () => (dialog.open ? dialog.close() : dialog.showModal());
document.addEventListener("picker-help", () => element.isConnected && toggle());
document.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
  if (element.isConnected && event.target.closest && event.target.closest("#keys")) toggle();
});
picker.add(element, ["stage"], draw);
