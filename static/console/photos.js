// Blurred photos, and photos in full size.
(() => {
  "use strict";

  // A tap or a click shows a blurred photo in its place, and blurs it again.
  document.addEventListener("click", (event) => {
    const photo = event.target.closest("[data-blurred]");
    if (photo) photo.setAttribute("aria-pressed", String(photo.getAttribute("aria-pressed") !== "true"));
  });

  // Without a pointer, the first tap on a blurred photo in a link shows it, and the second one follows the link. A click
  // by the keyboard has no detail.
  document.addEventListener("click", (event) => {
    const photo = event.target.closest("a")?.querySelector(".pg-sensitive:not([data-shown])");
    if (!photo || !event.detail || !matchMedia("(hover: none)").matches) return;
    event.preventDefault();
    photo.dataset.shown = "";
  });

  // The original opens in a dialog. A link would leave its signed URL in the history of the browser.
  const dialog = document.createElement("dialog");
  dialog.className = "pg-original";
  dialog.setAttribute("aria-label", "Original");
  dialog.innerHTML = '<img><form method="dialog"><button class="pg-button">Close</button></form>';
  const image = dialog.querySelector("img");
  dialog.addEventListener("close", () => image.removeAttribute("src"));

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-original]");
    if (!opener) return;
    if (!dialog.isConnected) document.body.append(dialog);
    image.src = opener.dataset.original;
    image.alt = opener.dataset.alt;
    dialog.showModal();
  });
})();
