// Messages: what went wrong, or what was saved and how to render it again.
const { picker } = window;
const box = element.querySelector(".notice");

function draw() {
  const { notice } = picker.state;
  box.hidden = !notice || !notice.text;
  if (!notice) return;
  box.className = `notice ${notice.kind}`;
  box.querySelector("p").textContent = notice.text;
  const list = box.querySelector("ul");
  list.replaceChildren(
    ...notice.files.map((file) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.textContent = file.name;
      link.href = file.url;
      link.download = file.name.split("/").pop();
      item.append(link);
      return item;
    }),
  );
  list.hidden = !notice.files.length;
  const again = box.querySelector(".again");
  again.hidden = !notice.command;
  again.querySelector("code").textContent = notice.command;
  // A stroke that the server refused is only painted here: take it away again.
  if (notice.kind === "error") document.dispatchEvent(new Event("picker-redraw"));
}

box.querySelector("button").addEventListener("click", () => {
  box.hidden = true;
});
picker.add(element, ["notice"], draw);
