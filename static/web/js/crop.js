// The avatar: choose a picture, move and zoom it in a square, and upload the section.
import { on, onContent, send } from "./app.js";
import { begin, format, megabytes, put } from "./queue.js";

// The side of an avatar in pixels, at most.
const SIDE = 1080;
const MAX_ZOOM = 4;
const STEP = 0.02;
const POLL_MS = 1000;

let form = null;
let picture = null;
// The middle of the section, as parts of the picture's width and height, and how much it is magnified.
let view = { x: 0.5, y: 0.5, zoom: 1 };
const pointers = new Map();

const $ = (id) => document.getElementById(id);
const text = (name, values = {}) => format(form.dataset[name], values);

onContent(() => {
  const found = $("crop");
  if (!found || found === form) return;
  form = found;
  form.hidden = false;
});

// ── Choosing ─────────────────────────────────────────────────────────────────────────────────────────────
on("change", "#crop-file", async (_, input) => {
  const [file] = input.files;
  input.value = "";
  if (file) await open(file);
});

async function open(file) {
  complain("");
  const { name, size } = file;
  if (size > Number(form.dataset.maxBytes)) return complain(text("size", { name, size: megabytes(size) }));
  try {
    // Rotated as its EXIF data says.
    picture = await createImageBitmap(file);
  } catch {
    return complain(text("type", { name }));
  }
  view = { x: 0.5, y: 0.5, zoom: 1 };
  $("crop-stage").hidden = false;
  $("crop-now").hidden = true;
  draw();
  $("crop-canvas").focus();
}

function complain(message) {
  $("crop-error").textContent = message;
}

on("click", "#crop-cancel", () => {
  picture = null;
  $("crop-stage").hidden = true;
  $("crop-now").hidden = false;
  $("crop-file").focus();
});

// ── Moving and zooming ───────────────────────────────────────────────────────────────────────────────────
/** The side of the section in pixels of the picture. */
const section = () => Math.min(picture.width, picture.height) / view.zoom;

/** Move the section by parts of its side, and magnify it. It never leaves the picture. */
function change({ dx = 0, dy = 0, zoom = view.zoom }) {
  if (!picture) return;
  view.zoom = Math.min(Math.max(zoom, 1), MAX_ZOOM);
  const side = section();
  view.x = within(view.x + (dx * side) / picture.width, side / picture.width);
  view.y = within(view.y + (dy * side) / picture.height, side / picture.height);
  draw();
}

const within = (middle, length) => Math.min(Math.max(middle, length / 2), 1 - length / 2);

function draw() {
  $("crop-zoom").value = view.zoom;
  paint($("crop-canvas"));
}

function paint(canvas) {
  const context = canvas.getContext("2d");
  const side = section();
  context.imageSmoothingQuality = "high";
  // JPEG has no transparency.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const [left, top] = [view.x * picture.width - side / 2, view.y * picture.height - side / 2];
  context.drawImage(picture, left, top, side, side, 0, 0, canvas.width, canvas.height);
}

on("input", "#crop-zoom", (_, slider) => change({ zoom: Number(slider.value) }));

on("keydown", "#crop-canvas", (event) => {
  const moves = { ArrowLeft: { dx: -STEP }, ArrowRight: { dx: STEP }, ArrowUp: { dy: -STEP }, ArrowDown: { dy: STEP } };
  const zooms = { "+": 1.1, "=": 1.1, "-": 1 / 1.1 };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in moves) change(moves[event.key]);
  else if (event.key in zooms) change({ zoom: view.zoom * zooms[event.key] });
  else return;
  event.preventDefault();
});

on("wheel", "#crop-canvas", (event) => {
  event.preventDefault();
  change({ zoom: view.zoom * 1.002 ** -event.deltaY });
}, { passive: false });

on("pointerdown", "#crop-canvas", (event, canvas) => {
  if (event.button) return;
  pointers.set(event.pointerId, event);
  canvas.setPointerCapture(event.pointerId);
});

on("pointermove", "#crop-canvas", (event, canvas) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const size = canvas.getBoundingClientRect().width;
  const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
  // With two fingers each moves the picture by half.
  const part = other ? 0.5 : 1;
  const zoom = other ? (view.zoom * distance(event, other)) / Math.max(distance(before, other), 1) : view.zoom;
  change({ dx: (part * (before.clientX - event.clientX)) / size, dy: (part * (before.clientY - event.clientY)) / size, zoom });
  pointers.set(event.pointerId, event);
});

const distance = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);

for (const type of ["pointerup", "pointercancel"]) {
  document.addEventListener(type, (event) => pointers.delete(event.pointerId));
}

// ── Saving ───────────────────────────────────────────────────────────────────────────────────────────────
on("submit", "#crop", async (event) => {
  event.preventDefault();
  if (!picture || $("crop-save").getAttribute("aria-disabled") === "true") return;
  complain("");
  $("crop-save").setAttribute("aria-disabled", "true");
  try {
    form.elements.avatar_media_id.value = await upload(await render());
    form.submit();
  } catch (error) {
    complain(error.problem ? error.message : text("failed"));
    say("");
    $("crop-save").setAttribute("aria-disabled", "false");
  }
});

/** The section as a JPEG, not larger than it is in the picture. */
function render() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.max(Math.round(Math.min(section(), SIDE)), 1);
  paint(canvas);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error())), "image/jpeg", 0.92),
  );
}

/** Upload the section and wait until the server has made an avatar of it. Resolves with its id. */
async function upload(blob) {
  say(text("uploading", { n: 0 }));
  const target = await begin(blob, "image/jpeg", "avatar");
  await put(target, blob, { onProgress: (percent) => say(text("uploading", { n: percent })) });
  await send("POST", `/web/uploads/${target.id}/complete`);
  say(text("processing"));
  for (;;) {
    const { status, error } = await send("GET", `/web/uploads/${target.id}`);
    if (status === "ready") return target.id;
    if (status === "failed") throw Object.assign(new Error(error.detail), { problem: error });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function say(message) {
  $("crop-status").textContent = message;
}
