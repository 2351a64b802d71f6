for (const film of document.querySelectorAll(".film")) {
  const reel = film.querySelector(".reel input"), said = film.querySelector("output");
  const sheets = film.querySelectorAll("figure");
  const show = () => {
    sheets.forEach((sheet, number) => sheet.classList.toggle("on", number == reel.value));
    said.textContent = sheets[reel.value].querySelector("figcaption").textContent;
    reel.setAttribute("aria-valuetext", said.textContent);
  };
  reel.addEventListener("input", show);
  show();
}
