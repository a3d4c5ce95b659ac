// The composer: choose, describe and order photos, and write a caption. `queue.js` keeps and sends them.
import { on, onContent, openDialog } from "./app.js";
import * as queue from "./queue.js";

const SAVE_MS = 300;
const POLL_MS = 3000;
const UNSEEN = ["image/heic", "image/heif", "image/avif"];

let form = null;
let draft = null;
let isStored = false;
let isLeaving = false;
/** The change of typed texts that is not stored yet. */
let dirty = null;
/** Changes of this page that are being stored. */
const unstored = new Set();
/** Photos that are checked before they are stored. */
let pending = [];
let timer = 0;
/** {photo id: object URL} and {photo id: <li>} */
const urls = new Map();
const items = new Map();

const $ = (id) => document.getElementById(id);
const text = (name, values = {}) => queue.format(form.dataset[name], values);

onContent(() => {
  const found = $("composer");
  if (found && found !== form) void start(found);
});

async function start(found) {
  form = found;
  // A draft in memory stays until the stored one is read.
  if (draft?.state !== "editing" || draft.owner !== queue.owner()) draft = blank();
  const wasStored = isStored;
  isStored = isLeaving = false;
  pending = [];
  items.clear();
  form.hidden = false;
  const camera = $("composer-camera");
  camera.hidden = camera.labels[0].hidden = !matchMedia("(pointer: coarse)").matches;
  try {
    const stored = (await queue.list()).filter(({ state }) => state === "editing").pop();
    if (stored) {
      [draft, isStored] = [stored, true];
      $("composer-kept").textContent = text("kept");
    } else if (wasStored) draft = blank();
  } catch {
    notify([text("storage")]);
  }
  fill();
  render();
  form.dataset.started = "true";
  queue.resume();
  setTimeout(poll, POLL_MS);
}

function blank() {
  return {
    id: queue.newId(),
    key: queue.newId(),
    owner: queue.owner(),
    created: Date.now(),
    state: "editing",
    caption: "",
    visibility: "public",
    sensitive: false,
    comments_enabled: true,
    photos: [],
    error: null,
  };
}

const isActive = () => form?.isConnected && draft.owner === queue.owner();

// ── Keeping the draft ────────────────────────────────────────────────────────────────────────────────────
/** Apply `mutate` to the draft of this page at once, and to the stored one. It may be applied twice to the same draft. */
async function update(mutate, added) {
  mutate(draft);
  unstored.add(mutate);
  render();
  const isNew = !isStored;
  isStored = true;
  try {
    await (isNew ? queue.create(draft, added) : queue.change(draft.id, mutate, added));
    return true;
  } catch {
    isStored = !isNew;
    notify([text("storage")]);
    return false;
  } finally {
    unstored.delete(mutate);
  }
}

/** Save typed texts a moment later. */
function saveSoon(mutate) {
  mutate(draft);
  const others = dirty;
  dirty = (each) => {
    others?.(each);
    mutate(each);
  };
  clearTimeout(timer);
  timer = setTimeout(save, SAVE_MS);
}

async function save() {
  clearTimeout(timer);
  const mutate = dirty;
  dirty = null;
  if (mutate) await update(mutate);
}

addEventListener("pagehide", save);
document.addEventListener("visibilitychange", () => document.hidden && void save());

on("input", "#composer", (event) => {
  const field = event.target;
  const item = field.closest(".composer-photo");
  if (field.type === "file") return;
  if (item) {
    const { value } = field;
    saveSoon((each) => {
      const photo = each.photos.find(({ id }) => id === item.dataset.photo);
      if (photo) photo.alt = value;
    });
  } else if (field.name) {
    const value = field.type === "checkbox" ? field.checked : field.value;
    saveSoon((each) => (each[field.name] = value));
    if (field.name === "caption") clearCaptionError();
  }
  count();
});

// Another tab, or the queue, has changed something.
queue.onChange(async (event) => {
  if (!isActive()) return;
  if (event.posted && event.draft === draft.id) {
    isLeaving = true;
    location.assign(`/p/${event.posted}`);
    return;
  }
  if (event.progress) return showProgress();
  const stored = (await queue.list()).find(({ id }) => id === draft.id);
  if (!isActive() || (!stored && !isStored)) return;
  const was = draft.state;
  draft = stored ? { ...stored, photos: [...stored.photos, ...pending] } : draft;
  for (const mutate of [...unstored, dirty]) mutate?.(draft);
  if (!stored && draft.state === "editing") reset();
  if (stored) render();
  if (was === "sending" && draft.state === "editing") $("composer-notices").scrollIntoView({ block: "center" });
});

function reset() {
  draft = blank();
  isStored = false;
  $("composer-kept").textContent = "";
  notify([]);
  fill();
  render();
}

// ── Adding photos ────────────────────────────────────────────────────────────────────────────────────────
async function add(files) {
  if (!isActive() || draft.state !== "editing") return;
  const limit = Number(form.dataset.maxPhotos);
  const [refused, surplus, fresh] = [[], [], {}];
  for (const file of files) {
    if (draft.photos.length >= limit) {
      surplus.push(file.name);
      continue;
    }
    const { type, problem } = await inspect(file);
    if (problem) refused.push(problem);
    else {
      const photo = { id: queue.newId(), name: file.name, type, alt: "", state: "waiting" };
      fresh[photo.id] = file;
      urls.set(photo.id, URL.createObjectURL(file));
      pending.push(photo);
      draft.photos.push(photo);
      render();
    }
  }
  if (surplus.length) refused.push(text("many", { names: surplus.join(", ") }));
  const photos = pending.filter(({ id }) => fresh[id]);
  for (const photo of photos) {
    const problem = await look(photo);
    if (problem) {
      refused.push(problem);
      delete fresh[photo.id];
    }
  }
  notify(refused);
  const isNew = ({ id }) => photos.some((photo) => photo.id === id);
  pending = pending.filter((photo) => !isNew(photo));
  draft.photos = draft.photos.filter((photo) => !isNew(photo));
  const kept = photos.filter(({ id }) => fresh[id]);
  if (!kept.length) return render();
  if (!(await update((each) => addTo(each, kept), fresh))) {
    draft.photos = draft.photos.filter((photo) => !isNew(photo));
    render();
    if (isStored) notify([text("space", { name: kept.map(({ name }) => name).join(", ") })]);
  }
  queue.resume();
}

function addTo(each, photos) {
  each.photos.push(...photos.filter((photo) => !each.photos.some(({ id }) => id === photo.id)));
}

/** {type} of a file, or {problem} with the reason why it cannot be shared. */
async function inspect(file) {
  const { name, size } = file;
  if (!size) return { problem: text("empty", { name }) };
  if (size > Number(form.dataset.maxBytes)) return { problem: text("size", { name, size: queue.megabytes(size) }) };
  const type = await sniff(file);
  if (!form.dataset.types.split(",").includes(type)) return { problem: text("type", { name }) };
  return { type };
}

/** The type of a picture by its first bytes: the name of a file proves nothing. */
async function sniff(file) {
  let start;
  try {
    start = String.fromCharCode(...new Uint8Array(await file.slice(0, 64).arrayBuffer()));
  } catch {
    return "";
  }
  if (start.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (start.startsWith("\x89PNG\r\n")) return "image/png";
  if (start.startsWith("GIF8")) return "image/gif";
  if (/^RIFF[^]{4}WEBP/.test(start)) return "image/webp";
  if (!/^[^]{4}ftyp/.test(start)) return "";
  if (/avi[fs]/.test(start)) return "image/avif";
  return /hei[cxms]|hev[cx]|mif1|msf1/.test(start) ? "image/heic" : "";
}

/** The reason why a photo that this browser has tried to open cannot be shared, or "". */
async function look(photo) {
  const image = items.get(photo.id)?.querySelector("img");
  if (!image) return "";
  if (!image.complete) await new Promise((resolve) => (image.addEventListener("load", resolve), image.addEventListener("error", resolve)));
  if (!image.naturalWidth) return UNSEEN.includes(photo.type) ? "" : text("damaged", { name: photo.name });
  const pixels = image.naturalWidth * image.naturalHeight;
  const size = Math.round(pixels / 1e6);
  return pixels > Number(form.dataset.maxPixels) ? text("pixels", { name: photo.name, size }) : "";
}

function notify(messages) {
  $("composer-notices").replaceChildren(
    ...messages.map((message) => Object.assign(document.createElement("p"), { className: "note error", textContent: message })),
  );
}

on("change", "#composer input[type=file]", (_, input) => {
  const files = [...input.files];
  input.value = "";
  void add(files);
});
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length || !isActive()) return;
  event.preventDefault();
  void add(files);
});
for (const type of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    if (!isActive() || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("dropping", type === "dragover");
    if (type === "drop") void add([...event.dataTransfer.files]);
  });
}

// ── Showing the draft ────────────────────────────────────────────────────────────────────────────────────
/** The texts and choices of the draft in the form. */
function fill() {
  form.elements.caption.value = draft.caption;
  form.elements.visibility.value = draft.visibility;
  form.elements.sensitive.checked = draft.sensitive;
  form.elements.comments_enabled.checked = draft.comments_enabled;
  count();
}

function count() {
  const left = form.elements.caption.maxLength - form.elements.caption.value.length;
  $("composer-count").textContent = left <= 200 ? text("left", { n: left }) : "";
}

function render() {
  const isSending = draft.state === "sending";
  for (const [id, item] of items) {
    if (draft.photos.some((photo) => photo.id === id)) continue;
    item.remove();
    items.delete(id);
    URL.revokeObjectURL(urls.get(id));
    urls.delete(id);
  }
  const list = $("composer-list");
  draft.photos.forEach((photo, place) => {
    const item = items.get(photo.id) ?? addItem(photo);
    // Moving an element takes the focus from it.
    if (!item.isConnected || (!dragged && list.children[place] !== item)) keepFocus(() => list.insertBefore(item, list.children[place] ?? null));
    renderItem(item, photo, place + 1);
  });
  form.classList.toggle("has-photos", draft.photos.length > 0);
  const isFull = draft.photos.length >= Number(form.dataset.maxPhotos);
  $("composer-files").disabled = $("composer-camera").disabled = isFull;
  $("composer-add").hidden = isFull;
  $("composer-discard").hidden = !isUnsent();
  const field = form.elements.caption;
  if (field !== document.activeElement && field.value !== draft.caption) fill();
  if (form.hidden !== isSending) showSending(isSending);
  showError();
  showProgress();
}

function keepFocus(move) {
  const focused = document.activeElement;
  move();
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

function addItem(photo) {
  const item = $("composer-photo").content.firstElementChild.cloneNode(true);
  item.dataset.photo = photo.id;
  const field = item.querySelector("textarea");
  field.id = `alt-${photo.id}`;
  field.value = photo.alt;
  item.querySelector("label").htmlFor = field.id;
  const prompt = item.querySelector(".composer-prompt");
  prompt.id = `prompt-${photo.id}`;
  field.setAttribute("aria-describedby", prompt.id);
  items.set(photo.id, item);
  void showPreview(item.querySelector("img"), photo);
  return item;
}

async function showPreview(image, photo) {
  image.addEventListener("error", () => {
    image.hidden = true;
    image.nextElementSibling.hidden = false;
  });
  if (!urls.has(photo.id)) {
    const file = await queue.getFile(photo.id);
    if (!file) return;
    urls.set(photo.id, URL.createObjectURL(file));
  }
  image.src = urls.get(photo.id);
}

function renderItem(item, photo, n) {
  const values = { n, total: draft.photos.length };
  const isOpen = photo.state === "waiting" || photo.state === "uploading";
  item.querySelector(".composer-number").textContent = n;
  item.querySelector("img").alt = photo.alt || text("preview", values);
  item.querySelector("label").textContent = text("alt", values);
  const field = item.querySelector("textarea");
  if (field !== document.activeElement && field.value !== photo.alt) field.value = photo.alt;
  item.classList.toggle("described", Boolean(photo.alt.trim()));
  item.classList.toggle("failed", photo.state === "failed");
  const labels = { up: "up", down: "down", retry: "retry", remove: isOpen ? "cancel" : "remove" };
  for (const button of item.querySelectorAll("[data-act]")) {
    const label = text(labels[button.dataset.act], values);
    button.setAttribute("aria-label", label);
    button.title = label;
  }
  item.querySelector("progress").setAttribute("aria-label", text("progress", values));
  disable(item.querySelector("[data-act=up]"), n === 1);
  disable(item.querySelector("[data-act=down]"), n === values.total);
  item.querySelector("[data-act=retry]").hidden = photo.state !== "failed" && !photo.note;
}

// A disabled button would lose the focus.
const disable = (button, isDisabled) => button.setAttribute("aria-disabled", String(isDisabled));

function showProgress() {
  for (const photo of draft.photos) {
    const state = items.get(photo.id)?.querySelector(".composer-state");
    if (!state) continue;
    const percent = queue.progress.get(photo.id) ?? 0;
    const texts = {
      waiting: text("waiting"),
      uploading: photo.note || text("uploading", { n: percent }),
      done: text("uploaded"),
      ready: text("ready"),
      failed: photo.error,
    };
    state.dataset.state = photo.state;
    state.querySelector("progress").value = percent;
    state.querySelector("progress").hidden = photo.state !== "uploading";
    setText(state.querySelector("span"), texts[photo.state]);
  }
  if (draft.state !== "sending") return;
  $("composer-edit").hidden = Boolean(draft.body);
  const status = queue.describe([draft]);
  setText($("composer-sending-title"), status.text);
  $("composer-progress").value = status.percent;
}

function setText(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

function showError() {
  const { message = "", field = "" } = draft.error ?? {};
  const isCaption = field === "caption";
  const caption = $("composer-caption-error");
  caption.hidden = !isCaption;
  caption.textContent = isCaption ? message : "";
  form.elements.caption.setAttribute("aria-invalid", String(isCaption));
  if (message && !isCaption && draft.state === "editing" && form.dataset.error !== message) notify([message]);
  form.dataset.error = message;
}

function clearCaptionError() {
  if (draft.error?.field === "caption") saveSoon((each) => (each.error = null));
}

function showSending(isSending) {
  form.hidden = isSending;
  const panel = $("composer-sending");
  panel.hidden = !isSending;
  if (!isSending) return form.querySelector("textarea").focus();
  $("composer-strip").replaceChildren(
    ...draft.photos.filter(({ id }) => urls.has(id)).map(({ id }) => Object.assign(new Image(), { src: urls.get(id), alt: "" })),
  );
  panel.focus();
}

// ── Photos: order, retry, remove ─────────────────────────────────────────────────────────────────────────
on("click", "#composer [data-act]", async (_, button) => {
  const item = button.closest(".composer-photo");
  const id = item.dataset.photo;
  const place = draft.photos.findIndex((photo) => photo.id === id);
  if (place < 0 || button.getAttribute("aria-disabled") === "true") return;
  const action = button.dataset.act;
  if (action === "up" || action === "down") return move(id, place + (action === "up" ? -1 : 1));
  if (action === "remove") return removePhoto(id, place);
  await update((each) => {
    const photo = each.photos.find((other) => other.id === id);
    if (photo?.state === "failed") Object.assign(photo, { state: "waiting", error: "" });
    each.error = null;
  });
  notify([]);
  queue.retry();
  queue.resume();
});

function move(id, to) {
  const sorted = (photos) => {
    const moved = photos.findIndex((photo) => photo.id === id);
    if (moved >= 0) photos.splice(to, 0, ...photos.splice(moved, 1));
  };
  $("composer-moves").textContent = text("moved", { n: to + 1, total: draft.photos.length });
  return update((each) => sorted(each.photos));
}

async function removePhoto(id, place) {
  const photo = draft.photos[place];
  queue.cancel(id);
  const next = draft.photos[place + 1] ?? draft.photos[place - 1];
  const stored = update((each) => void (each.photos = each.photos.filter((other) => other.id !== id)));
  (next ? items.get(next.id)?.querySelector("[data-act=remove]") : $("composer-files"))?.focus();
  await stored;
  queue.forget(photo);
}

// Drag. The other photos move around the one that is dragged, because an element that moves loses the pointer.
let dragged = null;
on("pointerdown", "[data-drag]", (event, handle) => {
  if (event.button || draft.photos.length < 2) return;
  dragged = handle.closest(".composer-photo");
  dragged.classList.add("dragged");
});
document.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  event.preventDefault();
  const over = [...$("composer-list").children].find((item) => {
    const { top, bottom } = item.getBoundingClientRect();
    return item !== dragged && event.clientY > top && event.clientY < bottom;
  });
  if (!over) return;
  const isBelow = dragged.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
  dragged[isBelow ? "before" : "after"](over);
});
for (const type of ["pointerup", "pointercancel"]) {
  document.addEventListener(type, () => {
    if (!dragged) return;
    dragged.classList.remove("dragged");
    const id = dragged.dataset.photo;
    dragged = null;
    const place = [...$("composer-list").children].findIndex((item) => item.dataset.photo === id);
    if (place >= 0 && draft.photos[place]?.id !== id) void move(id, place);
  });
}

/** The server may still refuse an uploaded photo. The member sees that before the post is shared. */
async function poll() {
  if (!isActive()) return;
  if (!document.hidden) {
    for (const photo of draft.photos.filter(({ state }) => state === "done")) await queue.check(draft.id, photo);
  }
  setTimeout(poll, POLL_MS);
}

// ── Sharing ──────────────────────────────────────────────────────────────────────────────────────────────
on("submit", "#composer", async (event) => {
  event.preventDefault();
  await save();
  if (!draft.photos.length) {
    notify([text("none")]);
    $("composer-files").focus();
    return;
  }
  const missing = draft.photos.filter(({ alt }) => !alt.trim());
  if (missing.length) {
    $("composer-alt-title").textContent = text("missing", { n: missing.length, total: draft.photos.length });
    const answer = await ask("composer-alt");
    if (answer === "add") $(`alt-${missing[0].id}`).focus();
    if (answer !== "share") return;
  }
  notify([]);
  const isSaved = await update((each) => void Object.assign(each, { state: "sending", error: null }));
  if (isSaved) return queue.resume();
  draft.state = "editing";
  render();
});

/** Open a dialog. Resolves with the value of the pressed button, or "" after Escape. */
function ask(id) {
  const dialog = $(id);
  openDialog(dialog);
  return new Promise((resolve) => dialog.addEventListener("left", () => resolve(dialog.returnValue), { once: true }));
}

on("click", "#composer-edit", () =>
  // A post that may have reached the server is not changed any more.
  update((each) => {
    if (each.state === "sending" && !each.body) each.state = "editing";
  }),
);

on("click", "#composer-discard", async () => {
  if ((await ask("composer-drop")) !== "discard") return;
  const { id, photos } = draft;
  dirty = null;
  for (const photo of photos) queue.cancel(photo.id);
  await queue.remove(id);
  photos.forEach(queue.forget);
  reset();
  $("composer-files").focus();
});

// ── Leaving ──────────────────────────────────────────────────────────────────────────────────────────────
function isUnsent() {
  return isActive() && draft.state === "editing" && Boolean(draft.photos.length || draft.caption || dirty);
}

addEventListener("beforeunload", (event) => {
  if (isUnsent() && !isLeaving) event.preventDefault();
});
document.addEventListener(
  "click",
  async (event) => {
    const link = event.target.closest?.("a[href]");
    const isPlain = link && !event.ctrlKey && !event.metaKey && !event.shiftKey && !link.target && !link.hasAttribute("download");
    if (!isPlain || isLeaving || !isUnsent() || link.getAttribute("href").startsWith("#")) return;
    event.preventDefault();
    event.stopPropagation();
    await save();
    if ((await ask("composer-leave")) !== "leave") return;
    isLeaving = true;
    link.click();
  },
  true,
);
