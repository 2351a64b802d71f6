// The styles of the selected object: a card each, the present one framed.
const { picker } = window;
const head = element.querySelector(".strip-head");
const cards = element.querySelector(".cards");
const note = element.querySelector(".note");
const naming = head.querySelector(".name");
const mix = head.querySelector(".mix");
const [other, share] = [mix.querySelector("select"), mix.querySelector("input")];
const favourites = new Set(JSON.parse(localStorage.pickerFavourites || "[]"));
let base = null; // what is mixed with another style: the last of the book's that was chosen
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
  if (number >= 0) acts(strip);
  while (cards.children.length > strip.styles.length) cards.lastChild.remove();
  styles().forEach((style, i) => card(i, style));
  element.dataset.serial = strip.serial;
  const key = `${strip.selected} ${strip.current}`;
  if (key !== shown) {
    const now = cards.querySelector('[aria-pressed="true"]');
    if (now) cards.scrollLeft = Math.max(0, now.offsetLeft - cards.offsetLeft - 60);
    shown = key;
  }
  element.dataset.ready = strip.styles.every((s) => s.thumb);
}

const liked = (style) => favourites.has(`${picker.state.strip.class}/${style.name}`);

// Favourites first.
function styles() {
  const all = picker.state.strip.styles;
  return [...all.filter(liked), ...all.filter((s) => !liked(s))];
}

function acts(strip) {
  head.querySelector(".acts").hidden = !strip.current;
  const paste = head.querySelector("[data-do=paste]");
  paste.disabled = !strip.copied;
  paste.title = strip.copied ? `${strip.copied} (ctrl V)` : "Copy a style first";
  head.querySelector("[data-do=photo]").hidden = !strip.photo;
  const names = strip.styles.map((s) => s.name);
  if (strip.selected !== acts.selected) naming.hidden = true;
  if (names.includes(strip.current) || !names.includes(base)) {
    base = names.includes(strip.current) ? strip.current : names[0];
    share.value = 0;
  }
  acts.selected = strip.selected;
  mix.hidden = names.length < 2;
  const choices = names.filter((n) => n !== base);
  if (choices.join("/") !== other.dataset.names) {
    other.dataset.names = choices.join("/");
    other.replaceChildren(...choices.map((n) => new Option(n)));
  }
  mix.querySelector("output").textContent = `${share.value} %`;
}

function card(i, style) {
  let button = cards.children[i];
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.className = "card";
    const star = document.createElement("i");
    star.title = "Favourites stand first";
    button.append(document.createElement("span"), document.createElement("small"), star);
    cards.append(button);
  }
  const { strip } = picker.state;
  const [frame, name, star] = button.children;
  star.textContent = liked(style) ? "\u2605" : "\u2606";
  star.classList.toggle("liked", liked(style));
  name.textContent = style.name;
  button.dataset.style = style.name;
  button.title = `${style.name}: ${style.count ? `${style.count} in the training photos` : "your own"}`;
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
  if (button && event.target.closest("i")) like(button.dataset.style);
  else if (button) choose(button.dataset.style);
});
function like(name) {
  const key = `${picker.state.strip.class}/${name}`;
  if (!favourites.delete(key)) favourites.add(key);
  localStorage.pickerFavourites = JSON.stringify([...favourites]);
  draw();
}

const ask = (what, more) => picker.send("palette", { do: what, ...more });
head.querySelector(".acts").addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  if (button.dataset.do !== "keep") return ask(button.dataset.do);
  naming.hidden = !naming.hidden;
  naming.querySelector("input").value = picker.state.strip.current;
  if (!naming.hidden) naming.querySelector("input").select();
});
naming.addEventListener("submit", (event) => {
  event.preventDefault();
  naming.hidden = true;
  ask("keep", { name: naming.querySelector("input").value });
});
share.addEventListener("input", () => {
  mix.querySelector("output").textContent = `${share.value} %`;
});
for (const control of [share, other]) {
  control.addEventListener("change", () => {
    if (control === share || Number(share.value)) {
      ask("mix", { first: base, second: other.value, share: share.value / 100 });
    }
  });
}
document.addEventListener("picker-palette", (event) => {
  const { strip } = picker.state;
  if (!element.offsetParent || !strip || strip.selected === null) return;
  if (event.detail === "copy" || strip.copied) ask(event.detail);
});
head.querySelector(".whole").addEventListener("click", () => {
  picker.send("whole", { style: picker.state.strip.current });
});
document.addEventListener("picker-step", (event) => {
  const { strip } = picker.state;
  if (!element.isConnected || !element.offsetParent || !strip || !strip.styles.length) return;
  const names = styles().map((s) => s.name);
  const at = names.indexOf(wanted);
  const next = at < 0 ? 0 : (at + event.detail + names.length) % names.length;
  choose(names[next]);
  cards.children[next].scrollIntoView({ block: "nearest", inline: "nearest" });
});
picker.add(element, ["scene", "strip"], draw);
