const body = document.body;
body.classList.add("scripted");
for (const box of document.querySelectorAll(".switch input")) {
  const set = () => body.classList.toggle("sliding", box.checked);
  box.addEventListener("change", set);
  set();
}
for (const both of document.querySelectorAll(".both")) {
  const at = both.querySelector(".at");
  const show = (percent) => both.style.setProperty("--at", percent + "%");
  const follow = (event) => {
    const box = both.getBoundingClientRect();
    const percent = 100 * (event.clientX - box.left) / box.width;
    at.value = percent;
    show(Math.min(100, Math.max(0, percent)));
  };
  at.addEventListener("input", () => show(at.value));
  both.addEventListener("mousedown", (event) => event.preventDefault());
  both.addEventListener("pointerdown", (event) => {
    both.setPointerCapture(event.pointerId);
    at.focus({preventScroll: true});
    // A finger may be about to scroll the page.
    if (event.pointerType == "mouse") follow(event);
  });
  both.addEventListener("pointerup", follow);
  both.addEventListener("pointermove", (event) => event.buttons && follow(event));
}
