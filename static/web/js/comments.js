// Comments: a new one appears at once and becomes final when the server has it. A deleted one disappears at once and is
// deleted when the message with "Undo" has gone.
import { on, postpone, removeItem, send, text } from "./app.js";
import { enhance } from "./posts.js";

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

on("submit", ".comment-form", (event, form) => {
  event.preventDefault();
  const field = form.elements.text;
  const draft = field.value.trim();
  if (!draft) return;
  // The same text gets the same key until it is posted, so that it is posted once whatever happens on the way.
  const key = form.dataset.refused === undefined || form.dataset.refused === draft ? form.elements.key.value : newKey();
  const body = new URLSearchParams({ text: draft, key, parent_id: form.elements.parent_id.value });
  const pending = showPending(form, draft);
  delete form.dataset.refused;
  form.elements.key.value = newKey();
  field.value = "";
  showError(form, "");
  void post(form, body, pending);
});

// Ctrl or Command and Enter send the form.
on("keydown", ".comment-form textarea", (event, field) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) field.form.requestSubmit();
});

function showPending(form, draft) {
  const entry = document.getElementById("pending-comment").content.firstElementChild.cloneNode(true);
  entry.querySelector(".comment-text").textContent = draft;
  const parent = form.elements.parent_id.value;
  const replies = parent && document.querySelector(`#comment-${CSS.escape(parent)} .replies`);
  if (replies) replies.append(entry);
  // The page of a thread lists the oldest reply first.
  else if (parent) document.getElementById("comment-list").append(entry);
  else document.getElementById("comment-list").prepend(entry);
  return entry;
}

async function post(form, body, pending) {
  try {
    const made = await send("POST", form.action, body);
    const holder = document.createElement("template");
    holder.innerHTML = made.html;
    const entry = holder.content.firstElementChild;
    // A key that was used before gives the comment of the first time.
    document.getElementById(entry.id)?.remove();
    pending.replaceWith(entry);
    enhance(entry);
    if (!form.dataset.refused) cancelReply(form);
  } catch (error) {
    pending.remove();
    const field = form.elements.text;
    // What the member has begun meanwhile is kept.
    field.value = [body.get("text"), field.value].filter(Boolean).join("\n");
    form.elements.key.value = body.get("key");
    form.dataset.refused = body.get("text");
    const [refused] = error.problem?.errors ?? [];
    showError(form, refused?.message ?? error.message);
    field.focus();
  }
}

function showError(form, message) {
  document.getElementById("comment-error").textContent = message;
  form.elements.text.toggleAttribute("aria-invalid", Boolean(message));
}

// ── Replying ─────────────────────────────────────────────────────────────────────────────────────────────
on("click", "[data-reply]", (event, link) => {
  const form = document.querySelector(".comment-form");
  if (!form) return;
  event.preventDefault();
  const handle = link.closest(".comment").querySelector("[data-handle]").textContent;
  form.elements.parent_id.value = link.dataset.reply;
  const note = form.querySelector(".replying");
  note.hidden = false;
  note.querySelector("span").textContent = text("replyingTo", { name: `@${handle}` });
  const field = form.elements.text;
  if (!field.value) field.value = `@${handle} `;
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
});

on("click", "[data-cancel-reply]", (event, button) => {
  const form = button.closest("form");
  cancelReply(form);
  if (/^@\S+ $/.test(form.elements.text.value)) form.elements.text.value = "";
  form.elements.text.focus();
});

function cancelReply(form) {
  const note = form.querySelector(".replying");
  if (note.hidden) return;
  note.hidden = true;
  form.elements.parent_id.value = "";
}

// ── Deleting ─────────────────────────────────────────────────────────────────────────────────────────────
on("click", "[data-delete-comment]", (event, button) => {
  event.preventDefault();
  const run = () => send("POST", button.formAction, new URLSearchParams(), { keepalive: true });
  postpone(text("commentDeleted"), run, removeItem(button.closest(".comment")));
});
