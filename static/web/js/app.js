// The shell of every page. Other modules import from here.
//
// Pages work without this file: it only enhances forms and links that are there. Listeners are on the document, so that
// they also serve content that htmx swaps in. What must be set up for each piece of content is an argument of
// `onContent`.

const { body } = document;
const setups = [];

/** Call `setUp(root)` for the present page and for each piece of content that htmx adds later. */
export function onContent(setUp) {
  setups.push(setUp);
  setUp(body);
}
document.addEventListener("htmx:after:process", (event) => {
  const root = event.target instanceof Element ? event.target : body;
  for (const setUp of setups) setUp(root);
});

/** Listen to an event of elements that match a selector, now or later. The listener gets the event and the element. */
export function on(type, selector, listener, options) {
  document.addEventListener(
    type,
    (event) => {
      const element = event.target instanceof Element && event.target.closest(selector);
      if (element) listener(event, element);
    },
    options,
  );
}

export const isSignedIn = () => body.dataset.signedIn === "true";

/** A text of the page's template `texts` in the member's language. `{name}` stands for `values.name`. With
 *  `values.count` the form of the plural is used, for example `posts-one` or `posts-other`. */
export function text(key, values = {}) {
  const texts = document.getElementById("texts")?.content;
  const find = (name) => texts?.querySelector(`[data-text="${name}"]`)?.textContent;
  const form = "count" in values ? new Intl.PluralRules(document.documentElement.lang).select(values.count) : "";
  const found = find(`${key}-${form}`) ?? find(`${key}-other`) ?? find(key) ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────
/** The value of Django's CSRF token. */
function csrfToken() {
  const headers = JSON.parse(body.getAttribute("hx-headers:inherited") ?? "{}");
  return headers["X-CSRFToken"] ?? "";
}

/** An error response of the server. `problem` is its problem document. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? text("unreachable"));
    this.status = status;
    this.problem = problem;
  }
}

/** Call an operation for scripts (`/web/...`) or send a form. Returns the JSON of the response, or null.
 *  Throws Refusal for an error response, TypeError without a connection; the message of both can be shown. */
export async function send(method, path, content, { headers = {}, signal, keepalive } = {}) {
  const isForm = content instanceof FormData || content instanceof URLSearchParams;
  const response = await fetch(path, {
    method,
    body: content === undefined || isForm ? content : JSON.stringify(content),
    headers: {
      Accept: "application/json",
      ...(content === undefined || isForm ? {} : { "Content-Type": "application/json" }),
      ...(method === "GET" ? {} : { "X-CSRFToken": csrfToken() }),
      ...headers,
    },
    signal,
    keepalive,
  }).catch((error) => {
    throw error instanceof TypeError ? new TypeError(text("unreachable"), { cause: error }) : error;
  });
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const data = isJson ? await response.json() : null;
  if (!response.ok) throw new Refusal(response.status, data ?? {});
  return data;
}

// ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────
const MESSAGE_MS = 8000;

/** Show a message for at least eight seconds; it stays while the pointer or the focus is on it.
 *
 *  `undo` is called when the member presses "Undo" or Ctrl+Z, `expired` when the message goes without that. Returns
 *  the message; removing it calls neither. */
export function showMessage(content, { kind = "info", undo, undoLabel = text("undo"), expired } = {}) {
  const toast = document.createElement("div");
  toast.className = `toast ${kind}`;
  toast.append(Object.assign(document.createElement("span"), { textContent: content }));
  if (undo) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: undoLabel });
    button.setAttribute("aria-keyshortcuts", "Control+Z");
    button.addEventListener("click", () => {
      toast.remove();
      undo();
    });
    toast.append(button);
  }
  document.getElementById("toasts")?.append(toast);
  const expire = () => {
    if (!toast.isConnected) return;
    if (toast.matches(":hover") || toast.contains(document.activeElement)) return void setTimeout(expire, 1000);
    toast.remove();
    expired?.();
  };
  setTimeout(expire, MESSAGE_MS);
  return toast;
}

// A view sends messages with `errors.show_message`. The response to `undo` says what it replaces.
document.addEventListener("message", ({ detail }) => {
  if (!detail?.text) return;
  const undo = async () => {
    await window.htmx.ajax("POST", detail.undo, { swap: "none" });
    if (document.activeElement === body) document.getElementById("main").focus({ preventScroll: true });
  };
  showMessage(detail.text, { kind: detail.kind, undo: detail.undo && undo });
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "z" || event.shiftKey || event.altKey || !(event.ctrlKey || event.metaKey)) return;
  const button = [...document.querySelectorAll(".toast button")].pop();
  if (!button || event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  button.click();
});

// ── What can be undone for as long as its message is shown ───────────────────────────────────────────────
const postponed = new Set();

/** Show a message with "Undo", and `run()` when it goes, or at once when the member leaves the page.
 *  `restore()` is called after "Undo", and if `run()` fails. */
export function postpone(message, run, restore) {
  const job = async (undone) => {
    if (!postponed.delete(job)) return;
    toast.remove();
    if (undone) return restore();
    try {
      await run();
    } catch (error) {
      restore();
      showMessage(error.message, { kind: "error" });
    }
  };
  postponed.add(job);
  const toast = showMessage(message, { undo: () => job(true), expired: () => job(false) });
}

/** Do now what was postponed. */
const flush = () => Promise.all([...postponed].map((job) => job(false)));
addEventListener("beforeunload", flush);
addEventListener("pagehide", flush);

// A form with `data-later` removes its item of a list, or itself; its value is the message.
on("submit", "form[data-later]", (event, form) => {
  event.preventDefault();
  const data = new FormData(form, event.submitter);
  const run = () => send("POST", form.action, data, { headers: { "HX-Request": "true" }, keepalive: true });
  postpone(form.dataset.later, run, removeItem(form.closest("[data-key]") ?? form));
});

const leavers = [];

/** Wait for `task()` before the member is signed out. */
export const beforeSignOut = (task) => leavers.push(task);
beforeSignOut(flush);

on("submit", "form[data-sign-out]", async (event, form) => {
  event.preventDefault();
  await Promise.allSettled(leavers.map((task) => task()));
  removeEventListener("pagehide", save);
  for (const key of savedKeys()) sessionStorage.removeItem(key);
  form.submit();
});

// ── Focus ────────────────────────────────────────────────────────────────────────────────────────────────
const CONTROLS = "a[href], button, input:not([type=hidden]), textarea, select, summary";
const controlsOf = (element) =>
  [...element.querySelectorAll(CONTROLS)].filter((each) => !each.disabled && each.checkVisibility());

/** Focus the control number `index` of an element, else its first, else the element. */
function focusIn(element, index = 0) {
  const controls = element.matches(CONTROLS) ? [element] : controlsOf(element);
  const found = controls[index] ?? controls[0] ?? element;
  if (found === element && !element.matches(CONTROLS)) element.tabIndex = -1;
  found.focus();
}

/** Before an item of a list goes: move the focus from it to the same control of the next item. */
function moveFocusFrom(item) {
  const focused = document.activeElement;
  if (!item.contains(focused)) return;
  const isItem = (element) => element?.matches("[data-key]");
  const next = [item.nextElementSibling, item.previousElementSibling].find(isItem);
  if (next) focusIn(next, controlsOf(item).indexOf(focused));
  else (item.closest("details")?.querySelector("summary") ?? document.getElementById("main")).focus();
}

/** Remove an item from its list. Returns a function that puts it back. */
export function removeItem(item) {
  const { parentElement: list, nextSibling: next } = item;
  moveFocusFrom(item);
  item.remove();
  return () => {
    if (!list.isConnected) return;
    list.insertBefore(item, next?.parentNode === list ? next : list.querySelector(":scope > .more, :scope > .list-end"));
    focusIn(item);
  };
}

// What htmx replaces keeps the focus. `hx-optimistic` shows something else meanwhile.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  ctx.hadFocus = ctx.sourceElement !== body && ctx.sourceElement.contains(document.activeElement);
});
const keepFocus = (ctx) => {
  if (!ctx?.hadFocus || document.activeElement !== body) return;
  const { added, target } = ctx;
  const same = target?.dataset?.live && document.querySelector(`[data-live="${target.dataset.live}"]`);
  const found = [added, target, same].find((element) => element?.isConnected);
  if (found) focusIn(found);
};

// `@` and `#` complete in a field with `data-complete`.
on("focusin", "[data-complete]", async (event, field) => {
  const module = await import("./complete.js").catch(() => null);
  module?.complete(field);
});

// ── Menus and dialogs ────────────────────────────────────────────────────────────────────────────────────
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    const isItem = target.closest?.(".menu-items a, .menu-items button");
    if (!menu.contains(target) || isItem) menu.open = false;
  }
});
on("keydown", "details.menu[open]", (event, menu) => {
  if (event.key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// A dialog has an entry in the history, so that the back button closes it.
let left = null;
const topDialog = () => {
  const dialog = document.getElementById(history.state?.dialog ?? "");
  return dialog?.open ? dialog : null;
};

/** Open a `<dialog>` with an id. Escape, the back button and a press beside it close it. */
export function openDialog(dialog, opener = document.activeElement) {
  dialog.returnValue = "";
  dialog.opener = opener;
  dialog.showModal();
  history.pushState({ ...history.state, dialog: dialog.id }, "");
}
on("click", "[data-dialog]", (event, opener) => {
  const dialog = document.getElementById(opener.dataset.dialog);
  if (!dialog) return;
  event.preventDefault();
  openDialog(dialog, opener);
});
on("click", "[data-close]", (event, button) => button.closest("dialog").close());
on("click", "dialog", (event, dialog) => {
  const { left: x, right, top, bottom } = dialog.getBoundingClientRect();
  const isInside = event.clientX >= x && event.clientX <= right && event.clientY >= top && event.clientY <= bottom;
  if (event.target === dialog && !isInside && event.detail) dialog.close();
});
document.addEventListener(
  "close",
  async ({ target: dialog }) => {
    const { opener } = dialog;
    if (opener?.isConnected && (document.activeElement === body || !opener.checkVisibility())) {
      (opener.closest("details:not([open])")?.querySelector("summary") ?? opener).focus();
    }
    if (history.state?.dialog === dialog.id) {
      await new Promise((resolve) => {
        left = resolve;
        history.back();
      });
    }
    dialog.dispatchEvent(new Event("left"));
  },
  true,
);
// These must come before the listeners of htmx, which would load the page again: base.html names htmx after this module.
window.navigation?.addEventListener("navigate", (event) => {
  if (event.navigationType === "traverse" && (left || topDialog())) event.stopImmediatePropagation();
});
addEventListener(
  "popstate",
  (event) => {
    const dialog = [...document.querySelectorAll("dialog[open]")].pop();
    if (!left && !dialog) return;
    event.stopImmediatePropagation();
    if (left) left();
    else dialog.close();
    left = null;
  },
  true,
);

/** Ask in a dialog. Resolves to true if the member continues. */
export function ask(question, action = text("continue")) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector("[value=yes]").textContent = action;
  openDialog(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("left", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
// A form with `data-confirm` asks first; `data-action` names what the member confirms.
on("submit", "form[data-confirm]", async (event, form) => {
  if (form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await ask(form.dataset.confirm, form.dataset.action))) return;
  form.dataset.confirmed = "true";
  form.requestSubmit(event.submitter);
  delete form.dataset.confirmed;
}, true);

// ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────
// `data-list` names a list of a page, and `data-key` its items. `pages` has the HTML of each loaded page as the server
// sent it: the back button restores the list from it, without what scripts have made of it.
const pages = new Map();
const SAVED = 12;
const FRESH_MS = 30 * 60000;
const prefix = () => `list ${body.dataset.member} `;
const savedKeys = () => Object.keys(sessionStorage).filter((key) => key.startsWith("list "));
const lists = (root = document) => [...root.querySelectorAll("[data-list]")];
const items = (root = document) => [...root.querySelectorAll("[data-list] [data-key]")];
const here = () => location.pathname + location.search;
let shown = here();

const htmlOf = (fragment) => {
  const holder = document.createElement("div");
  holder.append(fragment.cloneNode(true));
  return holder.innerHTML;
};
const remember = (root) => {
  for (const list of lists(root)) pages.set(list.dataset.list, [list.innerHTML]);
};
remember();

document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  for (const { type, target, fragment, swapSpec } of tasks) {
    const list = target?.closest?.("[data-list]");
    if (swapSpec?.style === "delete") moveFocusFrom(target);
    else if (list && target.matches(".more")) addPage(list, fragment);
    else if (list === target && swapSpec?.style === "afterbegin") pages.get(list.dataset.list).unshift(htmlOf(fragment));
    else if (fragment) remember(fragment);
    if (type === "main" || target === ctx.target) ctx.added = fragment.firstElementChild;
  }
});

function addPage(list, fragment) {
  const known = new Set([...list.querySelectorAll("[data-key]")].map((item) => item.dataset.key));
  for (const item of fragment.querySelectorAll("[data-key]")) if (known.has(item.dataset.key)) item.remove();
  pages.get(list.dataset.list).push(htmlOf(fragment));
}

// A page that could not be loaded: the link stays and says so.
const moreOf = (ctx) => ctx?.sourceElement?.closest?.(".more");
const failMore = (more) => {
  const link = more.querySelector("a");
  link.dataset.label ??= link.textContent;
  link.textContent = text("tryAgain");
  more.querySelector("[role]").textContent = text("pageFailed");
};
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const more = moreOf(ctx);
  if (more) more.querySelector("[role]").textContent = "";
  if (ctx.optimisticDiv && ctx.hadFocus) focusIn(ctx.optimisticDiv);
  if (postponed.size && ctx.target === body) {
    ctx.fetch = async (...request) => {
      await flush();
      return fetch(...request);
    };
  }
});

/** Save the lists of the page for the back button. */
function save() {
  const found = lists();
  if (!found.length) return;
  const first = items().find((item) => item.getBoundingClientRect().bottom > 0);
  const live = {};
  for (const part of document.querySelectorAll("[data-list] [data-live]")) live[part.dataset.live] = part.outerHTML;
  const state = {
    at: Date.now(),
    lists: Object.fromEntries(found.map(({ dataset }) => [dataset.list, pages.get(dataset.list)])),
    keys: items().map((item) => item.dataset.key),
    live,
    anchor: first && [first.dataset.key, first.getBoundingClientRect().top],
  };
  const key = prefix() + shown;
  sessionStorage.removeItem(key);
  const old = savedKeys();
  for (const each of old.slice(0, Math.max(0, old.length - SAVED + 1))) sessionStorage.removeItem(each);
  try {
    sessionStorage.setItem(key, JSON.stringify(state));
  } catch {
    for (const each of savedKeys()) sessionStorage.removeItem(each); // It is full.
  }
}
addEventListener("pagehide", save);
// The browser has kept the whole page.
addEventListener("pageshow", (event) => event.persisted && lists().forEach(refresh));

function restore() {
  const state = JSON.parse(sessionStorage.getItem(prefix() + shown) ?? "null");
  if (!state || Date.now() - state.at > FRESH_MS) return;
  const kept = new Set(state.keys);
  for (const list of lists()) {
    const saved = state.lists[list.dataset.list];
    if (!saved) continue;
    const template = document.createElement("template");
    template.innerHTML = saved.join("");
    const content = template.content;
    for (const more of [...content.querySelectorAll(".more")].slice(0, -1)) more.remove();
    if (!saved.at(-1).includes('class="more"')) content.querySelector(".more")?.remove();
    for (const item of content.querySelectorAll("[data-key]")) if (!kept.has(item.dataset.key)) item.remove();
    for (const part of content.querySelectorAll("[data-live]")) replaceLive(part, state.live[part.dataset.live]);
    list.replaceChildren(content);
    pages.set(list.dataset.list, saved);
    window.htmx.process(list);
    void refresh(list);
  }
  const anchor = state.anchor && items().find((item) => item.dataset.key === state.anchor[0]);
  if (anchor) scrollBy(0, anchor.getBoundingClientRect().top - state.anchor[1]);
}

const replaceLive = (part, html) => {
  if (html) part.outerHTML = html;
};

/** Get the present state of the items of a restored list: `data-refresh` is a path that returns their changing parts,
 *  and no item for one that is gone. */
async function refresh(list) {
  const { refresh: path } = list.dataset;
  const keys = [...list.querySelectorAll("[data-key]")].map((item) => item.dataset.key);
  for (let at = 0; path && at < keys.length; at += 50) {
    const some = keys.slice(at, at + 50);
    const response = await fetch(`${path}?ids=${some}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok) return;
    const { body: content } = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const key of some) {
      const item = list.querySelector(`[data-key="${CSS.escape(key)}"]`);
      const news = content.querySelector(`[data-key="${CSS.escape(key)}"]`);
      if (!news && item) removeItem(item);
      for (const part of news?.querySelectorAll("[data-live]") ?? []) {
        for (const old of item?.querySelectorAll(`[data-live="${part.dataset.live}"]`) ?? []) {
          if (old.outerHTML === part.outerHTML || old.contains(document.activeElement)) continue;
          const fresh = document.importNode(part, true);
          old.replaceWith(fresh);
          window.htmx.process(fresh);
        }
      }
    }
  }
}

for (const key of savedKeys()) if (!key.startsWith(prefix())) sessionStorage.removeItem(key);
if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") {
  document.addEventListener("DOMContentLoaded", restore); // htmx comes after this module.
}

// ── Navigation by htmx ───────────────────────────────────────────────────────────────────────────────────
// Links with `hx-boost` replace the body. The new page begins at its top, with the focus on its content.
const isRestore = (ctx) => Boolean(ctx?.request?.headers?.["HX-History-Restore-Request"]);

document.addEventListener("htmx:before:history:restore", save);
document.addEventListener("htmx:before:history:update", ({ detail: { history: action } }) => {
  if (action.path === here()) action.type = "replace";
  if (action.type === "push") save();
});
document.addEventListener("htmx:after:history:update", () => {
  shown = here();
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.target !== body) return keepFocus(ctx);
  if (ctx.swap === "none") return;
  // The member may have gone on meanwhile, so that the address is that of another page.
  if (isRestore(ctx)) {
    shown = ctx.request.action;
    restore();
  }
  if (document.activeElement === body) document.getElementById("main")?.focus({ preventScroll: true });
  document.getElementById("announcer").textContent = ctx.title;
});

const fail = ({ detail: { ctx, error } }) => {
  const more = moreOf(ctx);
  keepFocus(ctx);
  if (more) failMore(more);
  // The browser shows what is wrong with a page.
  else if (isRestore(ctx)) location.reload();
  else if (ctx?.target === body && ctx.request.method === "GET") location.assign(ctx.request.action);
  else if (error) showMessage(text("unreachable"), { kind: "error" });
};
document.addEventListener("htmx:error", fail);
document.addEventListener("htmx:response:error", fail);

// ── What only members need comes after the page ──────────────────────────────────────────────────────────
if (isSignedIn()) addEventListener("load", () => import("./member.js"));
else localStorage.removeItem("member");

// ── Links whose address is copied, or passed to another app: `data-copy`, `data-share` ───────────────────
on("click", "[data-copy], [data-share]", async (event, link) => {
  event.preventDefault();
  link.closest("details")?.removeAttribute("open");
  if ("share" in link.dataset && navigator.share) {
    await navigator.share({ url: link.href }).catch(() => {});
    return;
  }
  await copy(link.href);
  showMessage(text("copied"));
});

/** Without https there is no clipboard; then the page selects the address and copies it. */
async function copy(address) {
  if (navigator.clipboard) return navigator.clipboard.writeText(address);
  const field = Object.assign(document.createElement("textarea"), { value: address, className: "visually-hidden" });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
