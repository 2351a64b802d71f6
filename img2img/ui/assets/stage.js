// The translated picture: hovering names an object, clicking selects it.
const { picker } = window;
const frame = element.querySelector(".frame");
const image = element.querySelector("img");
const canvas = element.querySelector("canvas");
const tip = element.querySelector(".tip");
const ROOM = 352; // pixels of the window's height that the rest of the page takes
let hovered = -1;
let comparing = null; // "former" or "original"
const SHARPEST = 4096; // pixels of the canvas, on a side
const zoom = window.pickerZoom(frame, element.querySelector(".zoom"), draw, true);
const SAID = { former: "before the last change", original: "the original" };

function draw() {
  const { scene, stage } = picker.state;
  element.querySelector(".stage").classList.toggle("empty", !scene || !stage);
  if (!scene || !stage) return;
  const room = Math.max(220, window.innerHeight - ROOM);
  const size = picker.fit(scene.width, scene.height, element.clientWidth || 300, room);
  frame.parentElement.style.width = `${size.width}px`;
  frame.parentElement.style.height = `${size.height}px`;
  for (const key of ["factor", "width", "height"]) size[key] *= zoom();
  frame.style.width = `${size.width}px`;
  frame.style.height = `${size.height}px`;
  image.style.imageRendering = size.factor > 1 ? "pixelated" : "auto";
  const source = (comparing && stage[comparing]) || stage.picture;
  if (image.getAttribute("src") !== source) image.src = source;
  element.dataset.serial = stage.serial;
  overlay(size);
}

function overlay(size) {
  const { scene, stage } = picker.state;
  const dots = Math.min(window.devicePixelRatio || 1, SHARPEST / Math.max(size.width, size.height));
  canvas.width = Math.round(size.width * dots);
  canvas.height = Math.round(size.height * dots);
  const context = canvas.getContext("2d");
  const scale = canvas.width / scene.width;
  const selected = scene.objects.findIndex((o) => o[0] === stage.selected);
  const found = String(selected >= 0 ? stage.selected : "");
  if (found !== element.dataset.selected && selected >= 0 && zoom() > 1) uncover(size, selected);
  element.dataset.selected = found;
  tip.textContent = comparing
    ? stage[comparing] ? SAID[comparing] : "nothing to compare with yet"
    : hovered >= 0 && hovered < scene.objects.length ? picker.nameOf(scene, hovered) : "";
  if (comparing) return;
  context.scale(scale, canvas.height / scene.height);
  context.lineCap = "square";
  if (hovered >= 0 && hovered !== selected && hovered < scene.objects.length) {
    stroke(context, scene, hovered, [["rgba(255,255,255,.75)", 1.5]], dots / scale);
  }
  if (selected >= 0) {
    const lines = [["rgba(255,255,255,.95)", 5], ["#1d4ed8", 2.5]];
    stroke(context, scene, selected, lines, dots / scale);
  }
}

// Brings a selected object into the view of a picture that is zoomed.
function uncover(size, number) {
  const view = frame.parentElement;
  const { scene } = picker.state;
  const [left, top, right, bottom] = scene.boxes[number].map((v) => (v * size.width) / scene.width);
  const seen = left >= view.scrollLeft && right <= view.scrollLeft + view.clientWidth;
  if (seen && top >= view.scrollTop && bottom <= view.scrollTop + view.clientHeight) return;
  view.scrollLeft = (left + right - view.clientWidth) / 2;
  view.scrollTop = (top + bottom - view.clientHeight) / 2;
}

function stroke(context, scene, number, lines, unit) {
  const { path } = picker.outline(scene, number);
  for (const [colour, width] of lines) {
    context.strokeStyle = colour;
    context.lineWidth = width * unit;
    context.stroke(path);
  }
}

frame.addEventListener("click", (event) => {
  const { scene } = picker.state;
  if (!scene) return;
  const [x, y] = picker.pixel(event, frame, scene);
  picker.send("pick", { x, y });
});
frame.addEventListener("pointermove", (event) => {
  const { scene } = picker.state;
  if (!scene || event.pointerType === "touch") return;
  const [x, y] = picker.pixel(event, frame, scene).map(Math.floor);
  const inside = x >= 0 && y >= 0 && x < scene.width && y < scene.height;
  const now = inside ? scene.index[y * scene.width + x] : -1;
  if (now !== hovered) {
    hovered = now;
    draw();
  }
});
frame.addEventListener("pointerleave", () => {
  hovered = -1;
  draw();
});
document.addEventListener("picker-compare", (event) => {
  comparing = event.detail;
  draw();
});
// The keyboard's way to every object.
document.addEventListener("picker-object", (event) => {
  const { scene, stage } = picker.state;
  if (!scene || !stage || !element.offsetParent) return;
  const count = scene.objects.length;
  const now = scene.objects.findIndex((o) => o[0] === stage.selected);
  picker.reach(now < 0 ? (event.detail > 0 ? 0 : count - 1) : (now + event.detail + count) % count);
});
document.addEventListener("picker-resize", draw);
new ResizeObserver(draw).observe(element);
picker.add(element, ["scene", "stage"], draw);
