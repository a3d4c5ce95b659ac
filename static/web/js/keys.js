// Keyboard shortcuts of pages with posts.
import { openDialog } from "./app.js";

const posts = () => [...document.querySelectorAll("article.post")];

/** The post that has the focus, or the first one that is in view. */
function current() {
  const focused = document.activeElement?.closest("article.post");
  return focused ?? posts().find((post) => post.getBoundingClientRect().bottom > innerHeight / 3);
}

function move(by) {
  const all = posts();
  const at = all.indexOf(document.activeElement?.closest("article.post"));
  const next = at < 0 ? all.indexOf(current()) : at + by;
  const post = all[Math.min(Math.max(next, 0), all.length - 1)];
  if (!post) return;
  post.focus({ preventScroll: true });
  post.scrollIntoView({ block: "start" });
}

const press = (name) => current()?.querySelector(`.actions [name="${name}"]`)?.click();

function comment() {
  const field = document.getElementById("comment-text");
  if (field) field.focus();
  else if (current()) location.assign(`${current().dataset.url}#comments`);
}

function search() {
  const field = document.querySelector("input[type=search]");
  if (field) field.focus();
  else document.querySelector('a[href="/search"]')?.click();
}

const ACTIONS = {
  j: () => move(1),
  k: () => move(-1),
  l: () => press("liked"),
  s: () => press("saved"),
  c: comment,
  "/": search,
  "?": () => openDialog(document.getElementById("keys")),
};

export const shortcut = (key) => ACTIONS[key]();
