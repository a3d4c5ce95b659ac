// What members do with posts in a page.
import { ask, isSignedIn, on, onContent, removeItem, send, showMessage, text } from "./app.js";

/** Let content that a script has inserted work like that of the page. */
export const enhance = (root) => window.htmx?.process(root);

// ── Like and save: the button reacts at once, one request runs at a time, the last state wins ────────────
const states = new WeakMap();

on("click", "button[data-toggle]", (event, button) => {
  if (!isSignedIn()) return;
  event.preventDefault();
  toggle(button, button.getAttribute("aria-pressed") !== "true");
});

export function toggle(button, wanted) {
  const state = states.get(button) ?? { confirmed: button.getAttribute("aria-pressed") === "true", running: false };
  states.set(button, state);
  if (button.getAttribute("aria-pressed") !== String(wanted)) {
    press(button, wanted);
    moveCount(button, wanted ? 1 : -1);
  }
  state.wanted = wanted;
  if (!state.running) void settle(button, state);
}

async function settle(button, state) {
  state.running = true;
  try {
    while (state.wanted !== state.confirmed) {
      const sent = state.wanted;
      const answer = await send("POST", button.formAction, new URLSearchParams({ [button.name]: String(sent) }));
      state.confirmed = sent;
      if (answer?.label !== undefined && state.wanted === sent) countOf(button)?.replaceChildren(answer.label);
    }
  } catch (error) {
    if (button.getAttribute("aria-pressed") !== String(state.confirmed)) {
      press(button, state.confirmed);
      moveCount(button, state.confirmed ? 1 : -1);
    }
    state.wanted = state.confirmed;
    showMessage(error.message, { kind: "error" });
  } finally {
    state.running = false;
  }
}

function press(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
  button.value = String(!pressed);
}

const countOf = (button) => button.closest("[data-key]")?.querySelector(`[data-count="${button.name}"]`);

/** The number changes at once. The response brings the text with the right plural. */
function moveCount(button, by) {
  const count = countOf(button);
  if (count) count.textContent = count.textContent.replace(/\d+/, (number) => Math.max(Number(number) + by, 0));
}

// ── A double tap on a photo likes the post, and never unlikes it ─────────────────────────────────────────
const DOUBLE_MS = 350;
const HEART_MS = 800;
let lastTap = { at: 0 };

on("pointerup", ".carousel .photo", (event, photo) => {
  if (!event.isPrimary || event.button) return;
  const { clientX: x, clientY: y, timeStamp: at } = event;
  const isDouble = at - lastTap.at < DOUBLE_MS && Math.hypot(x - lastTap.x, y - lastTap.y) < 32;
  lastTap = isDouble ? { at: 0 } : { at, x, y };
  const button = photo.closest("[data-key]")?.querySelector('.actions [name="liked"]');
  if (!isDouble || !button || !isSignedIn()) return;
  showHeart(photo);
  toggle(button, true);
});

function showHeart(photo) {
  const heart = document.querySelector("#i-heart").ownerSVGElement.cloneNode();
  heart.setAttribute("class", "burst");
  heart.setAttribute("viewBox", "0 0 24 24");
  heart.append(document.querySelector("#i-heart path").cloneNode());
  photo.append(heart);
  setTimeout(() => heart.remove(), HEART_MS);
}

// ── Carousels: swiping is native scrolling; this adds buttons, arrow keys and the announcement ───────────
const carouselOf = (track) => ({
  track,
  root: track.parentElement,
  total: track.children.length,
  // Negative in right-to-left scripts.
  index: Math.round(Math.abs(track.scrollLeft) / (track.clientWidth || 1)),
});

onContent((root) => {
  for (const track of root.querySelectorAll(".track[tabindex]")) {
    const carousel = carouselOf(track);
    const isNew = !carousel.root.querySelector(".position");
    if (isNew) carousel.root.append(document.getElementById("carousel-controls").content.cloneNode(true));
    showPosition(carousel);
  }
});

function showPosition({ root, index, total }) {
  root.querySelector(".position").textContent = `${index + 1}/${total}`;
  for (const button of root.querySelectorAll("[data-step]")) {
    const isEnd = index === (button.dataset.step < 0 ? 0 : total - 1);
    if (isEnd && button === document.activeElement) root.querySelector(".track").focus({ preventScroll: true });
    button.hidden = isEnd;
  }
}

const settling = new WeakMap();
on(
  "scroll",
  ".track",
  (event, track) => {
    clearTimeout(settling.get(track));
    settling.set(track, setTimeout(() => announce(track), 120));
  },
  { capture: true, passive: true },
);

function announce(track) {
  const carousel = carouselOf(track);
  const { root, index, total } = carousel;
  if (root.dataset.index === String(index)) return;
  root.dataset.index = index;
  showPosition(carousel);
  root.querySelector(".announce").textContent = text("position", { n: index + 1, total });
}

function step(track, by) {
  const { index, total } = carouselOf(track);
  const next = Math.min(Math.max(index + by, 0), total - 1);
  const direction = getComputedStyle(track).direction === "rtl" ? -1 : 1;
  track.scrollTo({ left: direction * next * track.clientWidth });
}

on("click", "[data-step]", (event, button) => step(button.parentElement.querySelector(".track"), Number(button.dataset.step)));
on("keydown", ".track[tabindex]", (event, track) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by || event.target !== track) return;
  event.preventDefault();
  step(track, getComputedStyle(track).direction === "rtl" ? -by : by);
});

// ── Blurhashes (https://github.com/woltapp/blurhash/blob/master/Algorithm.md) in small canvases ──────────
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const SIDE = 32;

const number = (text) => [...text].reduce((value, digit) => value * 83 + DIGITS.indexOf(digit), 0);
const toLinear = (value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
const fromLinear = (value) => {
  const channel = Math.min(Math.max(value, 0), 1);
  return Math.round((channel <= 0.0031308 ? channel * 12.92 : 1.055 * channel ** (1 / 2.4) - 0.055) * 255);
};
const signedSquare = (value) => Math.sign(value) * value * value;

/** The pixels of a blurhash as RGBA, or null if it is malformed. */
function decode(hash, width, height) {
  const size = number(hash[0] ?? "");
  const columns = (size % 9) + 1;
  const rows = Math.floor(size / 9) + 1;
  if (hash.length !== 4 + 2 * columns * rows) return null;
  const largest = (number(hash[1]) + 1) / 166;
  const average = number(hash.slice(2, 6));
  const colours = [[average >> 16, (average >> 8) & 255, average & 255].map(toLinear)];
  for (let at = 6; at < hash.length; at += 2) {
    const value = number(hash.slice(at, at + 2));
    const parts = [Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19];
    colours.push(parts.map((part) => signedSquare((part - 9) / 9) * largest));
  }
  const waves = (count, length) =>
    Array.from({ length }, (_, place) =>
      Array.from({ length: count }, (_, wave) => Math.cos((Math.PI * place * wave) / length)),
    );
  const across = waves(columns, width);
  const down = waves(rows, height);
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sum = [0, 0, 0];
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const weight = across[x][column] * down[y][row];
          const colour = colours[row * columns + column];
          for (let channel = 0; channel < 3; channel++) sum[channel] += colour[channel] * weight;
        }
      }
      pixels.set([...sum.map(fromLinear), 255], (y * width + x) * 4);
    }
  }
  return pixels;
}

/** Paint the blurhash of a `.photo` below its image. */
function paint(photo) {
  const image = photo.querySelector("img");
  if (!image || image.complete || photo.querySelector("canvas")) return;
  const ratio = image.getAttribute("width") / image.getAttribute("height") || 1;
  const width = ratio >= 1 ? SIDE : Math.max(Math.round(SIDE * ratio), 1);
  const height = ratio >= 1 ? Math.max(Math.round(SIDE / ratio), 1) : SIDE;
  const pixels = decode(photo.dataset.blurhash, width, height);
  if (!pixels) return;
  const canvas = Object.assign(document.createElement("canvas"), { width, height, className: "blur" });
  canvas.setAttribute("aria-hidden", "true");
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  photo.querySelector(".ratio").after(canvas);
}

// ── Photos: a blurred picture until they are loaded, and another address when theirs has expired ─────────
onContent((root) => {
  for (const image of root.querySelectorAll("img[data-photo]")) {
    // It has failed before this module was loaded.
    if (image.complete && image.currentSrc && !image.naturalWidth && !image.dataset.renewed) void renew(image);
  }
  for (const photo of root.querySelectorAll(".photo[data-blurhash]")) paint(photo);
});

document.addEventListener(
  "error",
  ({ target }) => {
    if (target instanceof HTMLImageElement && target.dataset.photo && !target.dataset.renewed) void renew(target);
  },
  { capture: true },
);

/** Signed addresses expire. Ask for new ones, once for each photo. */
async function renew(image) {
  image.dataset.renewed = "true";
  const id = image.closest("[data-url]")?.dataset.url.split("/").pop();
  try {
    const { media } = await send("GET", `/web/posts/${id}`);
    const photo = media.find((each) => each.id === image.dataset.photo);
    const listed = (type) =>
      photo.variants
        .filter((variant) => variant.content_type === type)
        .map((variant) => `${variant.url} ${variant.width}w`)
        .join(", ");
    const source = image.parentElement.querySelector("source");
    if (source) source.srcset = listed("image/webp");
    image.srcset = listed("image/jpeg");
    image.src = photo.variants.find((variant) => variant.name === "medium").url;
  } catch {
    // The alternative text stays.
  }
}

on("click", "[data-show]", (event, link) => {
  event.preventDefault();
  const cover = link.closest(".cover");
  const content = cover.nextElementSibling.content.cloneNode(true);
  const carousel = content.querySelector(".carousel");
  cover.replaceWith(content);
  enhance(carousel);
  const target = carousel.querySelector(".track[tabindex]") ?? carousel.closest("[data-key]");
  target.focus({ preventScroll: true });
});

// ── Captions, links and menus ────────────────────────────────────────────────────────────────────────────
on("click", "[data-unfold]", (event, link) => {
  event.preventDefault();
  const caption = link.parentElement;
  caption.classList.remove("folded");
  caption.tabIndex = -1;
  caption.focus({ preventScroll: true });
  link.remove();
});

// ── Deleting a post ──────────────────────────────────────────────────────────────────────────────────────
on("click", "[data-delete-post]", async (event, link) => {
  event.preventDefault();
  if (!(await ask(text("deletePost"), text("delete")))) return;
  try {
    await send("POST", link.href, new URLSearchParams());
  } catch (error) {
    showMessage(error.message, { kind: "error" });
    return;
  }
  const post = link.closest("[data-key]");
  if (post.closest("[data-list]")) removeItem(post);
  else location.assign("/");
  showMessage(text("postDeleted"));
});

// ── "3 new posts": the content does not move before the member wants it ──────────────────────────────────
const POLL_MS = 60_000;
const PAUSE_MS = 15_000;
let asked = Date.now();

async function lookForPosts() {
  const link = document.querySelector("[data-new-posts]");
  if (!link || document.hidden || Date.now() - asked < PAUSE_MS || link.dataset.newPosts.endsWith("=")) return;
  asked = Date.now();
  try {
    const { count, label } = await send("GET", link.dataset.newPosts);
    link.hidden = !count;
    link.textContent = label;
  } catch {
    // The next look may succeed.
  }
}
setInterval(lookForPosts, POLL_MS);
addEventListener("focus", lookForPosts);
document.addEventListener("visibilitychange", lookForPosts);

// ── Keyboard shortcuts ───────────────────────────────────────────────────────────────────────────────────
const KEYS = "jklsc/?";
document.addEventListener("keydown", async (event) => {
  if (document.body.dataset.shortcuts === "false" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key.length !== 1 || !KEYS.includes(event.key)) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
  event.preventDefault();
  const { shortcut } = await import("./keys.js");
  shortcut(event.key);
});
