// How long a large picture has been rendered for, and by the last one, how long it may take.
const { picker } = window;
const box = element.querySelector(".progress");
let since = 0;
let ticking = null;

function tick() {
  const { progress } = picker.state;
  const passed = (Date.now() - since) / 1000;
  const about = progress.seconds ? ` of about ${Math.max(1, Math.round(progress.seconds))}` : "";
  box.querySelector("p").textContent =
    `Rendering ${progress.width} x ${progress.height} pixels: ${Math.floor(passed)}${about} s`;
  // It never says that it is done before it is.
  const part = progress.seconds ? Math.min(0.97, passed / progress.seconds) : 0.5;
  box.querySelector("b").style.width = `${100 * part}%`;
  box.classList.toggle("unknown", !progress.seconds);
}

function draw() {
  const { progress, stage, notice } = picker.state;
  const failed = notice && notice.text && notice !== draw.notice;
  const waiting = progress && progress !== draw.done && !failed && !(stage && stage.serial > progress.serial);
  draw.notice = notice;
  if (waiting && progress !== draw.progress) since = Date.now();
  draw.progress = progress;
  if (!waiting) draw.done = progress;
  box.hidden = !waiting;
  clearInterval(ticking);
  if (waiting) {
    tick();
    ticking = setInterval(tick, 200);
  }
}

picker.add(element, ["progress", "stage", "notice"], draw);
