// The styles of the selected object: a card each, the present one framed.
const { picker } = window;
const head = element.querySelector(".strip-head");
const cards = element.querySelector(".cards");
const note = element.querySelector(".note");
let shown = null; // what was selected when this was drawn last
let wanted = null; // the style asked for last, so that keys can run ahead of the server

function draw() {
  const { strip, scene } = picker.state;
  if (!strip) return;
  wanted = strip.current;
  note.textContent = strip.note;
  note.hidden = !strip.note;
  const number = scene ? scene.objects.findIndex((o) => o[0] === strip.selected) : -1;
  head.hidden = number < 0;
  if (number >= 0) {
    head.querySelector(".what").textContent = picker.nameOf(scene, number);
    const mine = strip.styles.some((s) => s.name === strip.current);
    head.querySelector(".style").textContent = strip.current;
    const whole = head.querySelector(".whole");
    whole.hidden = !mine || strip.others < 1;
    whole.textContent = `Apply ${strip.current} to all ${strip.others + 1} of class ${strip.class}`;
  }
  while (cards.children.length > strip.styles.length) cards.lastChild.remove();
  strip.styles.forEach((style, i) => card(i, style));
  element.dataset.serial = strip.serial;
  const key = `${strip.selected} ${strip.current}`;
  if (key !== shown) {
    const now = cards.querySelector('[aria-pressed="true"]');
    if (now) cards.scrollLeft = Math.max(0, now.offsetLeft - cards.offsetLeft - 60);
    shown = key;
  }
  element.dataset.ready = strip.styles.every((s) => s.thumb);
}

function card(i, style) {
  let button = cards.children[i];
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.className = "card";
    button.append(document.createElement("span"), document.createElement("small"));
    cards.append(button);
  }
  const { strip } = picker.state;
  const [frame, name] = button.children;
  name.textContent = style.name;
  button.dataset.style = style.name;
  button.title = `${style.name}: ${style.count} in the training photos`;
  const now = style.name === strip.current;
  button.setAttribute("aria-pressed", now);
  let image = frame.querySelector("img");
  if (!style.thumb) {
    if (image) image.remove();
    frame.className = "thumb waiting";
    return;
  }
  frame.className = "thumb";
  if (!image) {
    image = document.createElement("img");
    image.alt = "";
    frame.append(image);
  }
  if (image.getAttribute("src") !== style.thumb) image.src = style.thumb;
}

function choose(name) {
  wanted = name;
  for (const button of cards.children) {
    button.setAttribute("aria-pressed", button.dataset.style === name);
  }
  picker.send("style", { style: name });
}

cards.addEventListener("click", (event) => {
  const button = event.target.closest(".card");
  if (button) choose(button.dataset.style);
});
head.querySelector(".whole").addEventListener("click", () => {
  picker.send("whole", { style: picker.state.strip.current });
});
document.addEventListener("picker-step", (event) => {
  const { strip } = picker.state;
  if (!element.isConnected || !element.offsetParent || !strip || !strip.styles.length) return;
  const names = strip.styles.map((s) => s.name);
  const at = names.indexOf(wanted);
  const next = at < 0 ? 0 : (at + event.detail + names.length) % names.length;
  choose(names[next]);
  cards.children[next].scrollIntoView({ block: "nearest", inline: "nearest" });
});
picker.add(element, ["scene", "strip"], draw);
