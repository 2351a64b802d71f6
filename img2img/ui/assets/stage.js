// The translated picture: hovering names an object, clicking selects it.
const { picker } = window;
const frame = element.querySelector(".frame");
const image = element.querySelector("img");
const canvas = element.querySelector("canvas");
const tip = element.querySelector(".tip");
const ROOM = 348; // pixels of the window's height that the rest of the page takes
let hovered = -1;
let comparing = false;

function draw() {
  const { scene, stage } = picker.state;
  element.querySelector(".stage").classList.toggle("empty", !scene || !stage);
  if (!scene || !stage) return;
  const room = Math.max(220, window.innerHeight - ROOM);
  const size = picker.fit(scene.width, scene.height, element.clientWidth || 300, room);
  frame.style.width = `${size.width}px`;
  frame.style.height = `${size.height}px`;
  image.style.imageRendering = size.factor > 1 ? "pixelated" : "auto";
  const source = comparing && stage.former ? stage.former : stage.picture;
  if (image.getAttribute("src") !== source) image.src = source;
  element.dataset.serial = stage.serial;
  overlay(size);
}

function overlay(size) {
  const { scene, stage } = picker.state;
  const dots = window.devicePixelRatio || 1;
  canvas.width = Math.round(size.width * dots);
  canvas.height = Math.round(size.height * dots);
  const context = canvas.getContext("2d");
  const scale = canvas.width / scene.width;
  const selected = scene.objects.findIndex((o) => o[0] === stage.selected);
  element.dataset.selected = selected >= 0 ? stage.selected : "";
  tip.textContent = comparing
    ? stage.former ? "before the last change" : "nothing to compare with yet"
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
document.addEventListener("picker-resize", draw);
new ResizeObserver(draw).observe(element);
picker.add(element, ["scene", "stage"], draw);
