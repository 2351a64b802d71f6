// A person's own files: sent to the server first, then opened by the ids that it gave them.
const { picker } = window;
const form = element.querySelector(".upload");
const button = form.querySelector(".open");
let opening = false;

async function send(file) {
  if (!file) return null;
  const largest = Number(form.dataset.largest);
  if (file.size > largest) throw new Error(`${file.name} has more than ${largest >> 20} MB.`);
  const answer = await fetch("/upload", { method: "POST", body: file });
  const said = await answer.text();
  if (!answer.ok) throw new Error(said);
  return said;
}

function complain(text) {
  picker.put("notice", { text, kind: "error", files: [], command: "" });
}

function busy(on) {
  opening = on;
  button.disabled = on;
}

document.addEventListener("click", (event) => {
  if (element.isConnected && event.target.closest && event.target.closest("#upload")) {
    form.hidden = false;
    form.elements.label.focus();
  }
});
form.querySelector(".cancel").addEventListener("click", () => {
  form.hidden = true;
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (opening) return;
  busy(true);
  try {
    const file = form.elements.label.files[0];
    const label = await send(file);
    const instances = await send(form.elements.instances.files[0]);
    const photo = await send(form.elements.photo.files[0]);
    const look = await send(form.elements.look.files[0]);
    picker.send("upload", { label, instances, photo, look, name: file ? file.name : "" });
  } catch (error) {
    busy(false);
    complain(error instanceof TypeError ? "The picker does not answer; is it still running?" : error.message);
  }
});
// The server's answer: a picture closes the panel, a complaint leaves it open for another file.
picker.add(element, ["notice"], () => {
  const { notice } = picker.state;
  if (!opening || !notice) return;
  busy(false);
  if (notice.text && notice.kind === "error") return;
  form.hidden = true;
  form.reset();
});
