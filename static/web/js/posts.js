// What members do with posts in a page.
import { on, send, showMessage } from "./app.js";

// ── Like and save: the button reacts at once, one request runs at a time, the last state wins ────────────
const pending = new WeakMap();

on("submit", "form[data-toggle]", (event, form) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const wanted = button.getAttribute("aria-pressed") !== "true";
  show(form, wanted);
  const state = pending.get(form) ?? { confirmed: !wanted, running: false };
  state.wanted = wanted;
  pending.set(form, state);
  if (!state.running) void settle(form, state);
});

async function settle(form, state) {
  state.running = true;
  try {
    while (state.wanted !== state.confirmed) {
      const sent = state.wanted;
      await send("POST", form.action, new URLSearchParams({ [form.dataset.toggle]: String(sent) }), {
        headers: { "HX-Request": "true" },
      });
      state.confirmed = sent;
    }
  } catch (error) {
    state.wanted = state.confirmed;
    show(form, state.confirmed);
    showMessage(error.message, { kind: "error" });
  } finally {
    state.running = false;
  }
}

function show(form, pressed) {
  form.querySelector("button").setAttribute("aria-pressed", String(pressed));
  const field = form.querySelector(`[name=${form.dataset.toggle}]`);
  if (field) field.value = String(!pressed);
}
