// The label map: a canvas of one pixel a label, painted here at once and by the server for good.
const { picker } = window;
const canvas = element.querySelector(".map canvas.labels");
const ring = element.querySelector(".map canvas.ring");
const frame = element.querySelector(".map .frame");
const result = element.querySelector(".result img");
const size = element.querySelector("input[type=range]");
const hint = element.querySelector(".hint");
const list = element.querySelector(".legend");
const tip = element.querySelector(".tip");
const HINTS = {
  brush: "Paint. A stroke that begins on an object of the class makes it larger; else it is a new one.",
  new: "Paint a new object of the class, also on top of one of the same class.",
  fill: "Click an area: it becomes the class.",
  replace: "Click an object: everything of its class becomes the class chosen here.",
  erase: "Click an object to remove it, or drag to rub out a part of it. Road, sky and the like close the gap.",
};
const SHARPEST = 4096; // pixels of the canvas above the map, on a side
const zoom = window.pickerZoom(frame, element.querySelector(".zoom"), layout, false);
let tool = "brush";
let cls = null;
let points = null; // of the stroke being drawn
let pointer = null;

function draw() {
  const { scene, stage } = picker.state;
  if (!scene || !stage) return;
  if (cls === null || !scene.byClass.has(cls)) cls = scene.classes.length ? scene.classes[0].id : null;
  element.querySelector(".editor").classList.toggle("empty", cls === null);
  if (result.getAttribute("src") !== stage.picture) result.src = stage.picture;
  paintLabels(scene);
  legend(scene);
  layout();
  name(scene);
  element.dataset.version = scene.version;
  element.dataset.serial = stage.serial;
}

function layout() {
  const { scene } = picker.state;
  if (!scene) return;
  const room = Math.max(220, window.innerHeight - 338);
  const map = element.querySelector(".map");
  const fitted = picker.fit(scene.width, scene.height, map.clientWidth || 300, room);
  frame.parentElement.style.width = `${fitted.width}px`;
  frame.parentElement.style.height = `${fitted.height}px`;
  const [width, height] = [fitted.width * zoom(), fitted.height * zoom()];
  frame.style.width = `${width}px`;
  frame.style.height = `${height}px`;
  const finest = Math.min(1, SHARPEST / Math.max(width, height));
  ring.width = Math.round(width * finest);
  ring.height = Math.round(height * finest);
  const side = element.querySelector(".result");
  const small = picker.fit(scene.width, scene.height, side.clientWidth || 300, room * 0.6);
  result.style.width = `${small.width}px`;
  result.style.height = `${small.height}px`;
  result.style.imageRendering = small.factor > 1 ? "pixelated" : "auto";
  cursor();
}

function paintLabels(scene) {
  canvas.width = scene.width;
  canvas.height = scene.height;
  const context = canvas.getContext("2d");
  const data = context.createImageData(scene.width, scene.height);
  const pixels = new Uint32Array(data.data.buffer);
  const colours = scene.objects.map((o) => colour(scene, o[1]));
  const { index, width } = scene;
  for (let i = 0; i < index.length; i++) {
    // Objects of one class touch: a darker line keeps them apart.
    const edge = (i % width && index[i] !== index[i - 1]) || (i >= width && index[i] !== index[i - width]);
    pixels[i] = edge ? darker(colours[index[i]]) : colours[index[i]];
  }
  context.putImageData(data, 0, 0);
}

function colour(scene, id) {
  const hex = parseInt((scene.byClass.get(id) || { colour: "#808080" }).colour.slice(1), 16);
  return (255 << 24) | ((hex & 255) << 16) | (hex & 0xff00) | (hex >> 16);
}

function darker(value) {
  return (value & 0xff000000) | (((value & 0xfefefe) >>> 1) + ((value & 0xfcfcfc) >>> 2));
}

function legend(scene) {
  const key = JSON.stringify(scene.classes);
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(...scene.classes.map(entry));
  }
  for (const button of list.children) {
    button.setAttribute("aria-pressed", Number(button.dataset.id) === cls);
  }
}

function entry(c) {
  const button = document.createElement("button");
  const swatch = document.createElement("i");
  swatch.style.background = c.colour;
  const name = document.createElement("span");
  name.textContent = c.name;
  button.type = "button";
  button.dataset.id = c.id;
  button.append(swatch, name);
  button.addEventListener("click", () => {
    cls = c.id;
    draw();
  });
  return button;
}

// The same rule as on the server: centres within the radius of the line, and the first pixel.
function preview(from, to) {
  const { scene } = picker.state;
  const context = canvas.getContext("2d");
  const radius = size.value / 2;
  const c = scene.byClass.get(cls);
  context.fillStyle = tool === "erase" ? "#fff" : c.colour;
  const [x0, y0] = from, [x1, y1] = to;
  const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy;
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius));
  const bottom = Math.min(scene.height - 1, Math.ceil(Math.max(y0, y1) + radius));
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius));
  const right = Math.min(scene.width - 1, Math.ceil(Math.max(x0, x1) + radius));
  // The eraser rubs out of the object under its beginning alone.
  const own = tool === "erase" ? objectAt(scene, points[0]) : -1;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      if (own >= 0 && scene.index[y * scene.width + x] !== own) continue;
      const px = x + 0.5 - x0, py = y + 0.5 - y0;
      const t = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      if ((px - t * dx) ** 2 + (py - t * dy) ** 2 <= radius * radius) context.fillRect(x, y, 1, 1);
    }
  }
  if (points.length === 1) context.fillRect(Math.floor(x0), Math.floor(y0), 1, 1);
}

function cursor() {
  const { scene } = picker.state;
  const context = ring.getContext("2d");
  context.clearRect(0, 0, ring.width, ring.height);
  const under = scene ? objectAt(scene, pointer) : -1;
  if (under < 0) return;
  const scale = ring.width / scene.width;
  if (["erase", "fill", "replace"].includes(tool) && !points) {
    const { objects } = scene;
    const same = (o, i) => (tool === "replace" ? o[1] === objects[under][1] : i === under);
    context.save();
    context.scale(scale, scale);
    objects.forEach((o, i) => same(o, i) && mark(context, picker.outline(scene, i).path, scale));
    context.restore();
  }
  if (tool === "fill" || tool === "replace") return;
  context.beginPath();
  context.arc(pointer[0] * scale, pointer[1] * scale, Math.max(2, (size.value / 2) * scale), 0, 7);
  context.strokeStyle = "rgba(0,0,0,.85)";
  context.lineWidth = 3;
  context.stroke();
  context.strokeStyle = "#fff";
  context.lineWidth = 1.5;
  context.stroke();
}

// What a click will change.
function mark(context, path, scale) {
  for (const [colour, width, dash] of [["#fff", 3.5, []], [tool === "erase" ? "#c81e1e" : "#1d4ed8", 2, [6, 3]]]) {
    context.strokeStyle = colour;
    context.lineWidth = width / scale;
    context.setLineDash(dash.map((d) => d / scale));
    context.stroke(path);
  }
}

function objectAt(scene, point) {
  const [x, y] = (point || [-1, -1]).map(Math.floor);
  const inside = x >= 0 && y >= 0 && x < scene.width && y < scene.height;
  return inside ? scene.index[y * scene.width + x] : -1;
}

function name(scene) {
  const under = objectAt(scene, pointer);
  tip.textContent = under < 0 ? "" : picker.nameOf(scene, under) + (tool === "erase" ? erased(scene, under) : "");
}

// What closes the gap that an object will leave.
function erased(scene, under) {
  const around = [...picker.outline(scene, under).around].map((i) => scene.objects[i][1]);
  const closing = [...new Set(around)].filter((id) => scene.stuff.includes(id) && id !== scene.objects[under][1]);
  const names = closing.map((id) => scene.byClass.get(id).name).sort().join(", ");
  return `: a click removes it; ${names || "the nearest background"} will close the gap`;
}

const rounded = (p) => p.map((v) => Math.round(v * 100) / 100);

frame.addEventListener("pointerdown", (event) => {
  const { scene } = picker.state;
  if (!scene || cls === null || event.button) return;
  event.preventDefault();
  const point = rounded(picker.pixel(event, frame, scene));
  if (tool === "fill" || tool === "replace") {
    picker.send("edit", { tool, cls, points: [point], radius: 0 });
    return;
  }
  frame.setPointerCapture(event.pointerId);
  points = [point];
  if (tool !== "erase") preview(point, point);
});
frame.addEventListener("pointermove", (event) => {
  const { scene } = picker.state;
  if (!scene) return;
  pointer = picker.pixel(event, frame, scene);
  name(scene);
  cursor();
  if (!points) return;
  const point = rounded(pointer);
  const last = points[points.length - 1];
  if (Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.3) return;
  points.push(point);
  preview(last, point);
});
const finish = () => {
  if (points) picker.send("edit", { tool, cls, points, radius: size.value / 2 });
  points = null;
};
frame.addEventListener("pointerup", finish);
frame.addEventListener("pointercancel", () => {
  points = null;
  draw();
});
frame.addEventListener("pointerleave", () => {
  pointer = null;
  tip.textContent = "";
  cursor();
});
element.querySelectorAll(".tools button").forEach((button) => {
  button.title = HINTS[button.dataset.tool];
  button.addEventListener("click", () => choose(button.dataset.tool));
});
size.addEventListener("input", () => {
  element.querySelector(".size output").textContent = `${size.value} px`;
});

function choose(name) {
  tool = name;
  hint.textContent = HINTS[name];
  element.querySelectorAll(".tools button").forEach((button) => {
    button.setAttribute("aria-pressed", button.dataset.tool === name);
  });
  element.querySelector(".size").classList.toggle("off", name === "fill" || name === "replace");
}

choose(tool);
document.addEventListener("picker-resize", layout);
document.addEventListener("picker-redraw", draw);
new ResizeObserver(layout).observe(element);
picker.add(element, ["scene", "stage"], draw);
