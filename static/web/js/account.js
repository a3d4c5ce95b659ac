// Forms of the account and settings pages.
import { on, onContent } from "./app.js";

// ── A form is sent once, however often its button is pressed ─────────────────────────────────────────────
on("submit", "form[data-once]", (event, form) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "true";
});
// The page comes back from the browser's memory.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// ── The time zone of the browser ─────────────────────────────────────────────────────────────────────────
onContent((root) => {
  for (const field of root.querySelectorAll("[data-time-zone]"))
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
});

// ── Show and hide a password ─────────────────────────────────────────────────────────────────────────────
onContent((root) => {
  for (const button of root.querySelectorAll("[data-reveal]")) button.hidden = false;
});
on("click", "[data-reveal]", (event, button) => {
  const field = document.getElementById(button.dataset.reveal);
  const isShown = field.type === "password";
  field.type = isShown ? "text" : "password";
  button.setAttribute("aria-pressed", String(isShown));
});

// ── Passkeys ─────────────────────────────────────────────────────────────────────────────────────────────
onContent((root) => {
  if (root.querySelector("[data-passkey]")) void import("./passkeys.js");
});
