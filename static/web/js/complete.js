// Completes @handles and #tags in a text field: a combobox with a list (ARIA 1.2). Loaded when such a field is focused.
import { send, text } from "./app.js";

const WORD = /(?:^|[^\p{L}\p{M}\p{N}_@#/&])([@#＃﹟])([\p{L}\p{M}\p{N}_.]{1,50})$/u;
const LIMIT = 6;
const DELAY_MS = 150;
const ready = new WeakSet();
let count = 0;

/** Let a `<textarea data-complete>` complete the word before the caret. */
export function complete(field) {
  if (ready.has(field)) return;
  ready.add(field);
  const list = document.createElement("ul");
  list.id = `completions-${(count += 1)}`;
  list.className = "completions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", text("completions"));
  field.after(list);
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-haspopup": "listbox",
    "aria-controls": list.id,
    "aria-expanded": "false",
  })) {
    field.setAttribute(name, value);
  }

  let word = null;
  let timer = 0;
  let request = null;

  const options = () => [...list.children];
  const active = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");
  const close = () => {
    clearTimeout(timer);
    request?.abort();
    list.hidden = true;
    list.replaceChildren();
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };

  const select = (index) => {
    const all = options();
    const chosen = all[(index + all.length) % all.length];
    for (const option of all) option.setAttribute("aria-selected", String(option === chosen));
    field.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  };

  const insert = (option) => {
    const [, sign, typed] = word;
    const end = field.selectionStart;
    field.setRangeText(`${sign}${option.dataset.value} `, end - typed.length - sign.length, end, "end");
    close();
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const show = (found) => {
    list.replaceChildren(...found.map((each, index) => optionOf(each, `${list.id}-${index}`)));
    list.hidden = !found.length;
    field.setAttribute("aria-expanded", String(found.length > 0));
    // Below the field, or above it where there is no room.
    const hasRoom = field.getBoundingClientRect().bottom + list.offsetHeight < innerHeight;
    list.style.top = `${hasRoom ? field.offsetTop + field.offsetHeight : field.offsetTop - list.offsetHeight - 8}px`;
    list.style.left = `${field.offsetLeft}px`;
    if (found.length) document.getElementById("announcer").textContent = text("found", { count: found.length });
  };

  const look = async () => {
    const found = field.selectionStart === field.selectionEnd && field.value.slice(0, field.selectionStart).match(WORD);
    if (!found) return close();
    word = found;
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    const kind = word[1] === "@" ? "users" : "tags";
    try {
      const { results } = await send("GET", `/web/search/${kind}?limit=${LIMIT}&q=${encodeURIComponent(word[2])}`, undefined, {
        signal,
      });
      if (!signal.aborted) show(results);
    } catch {
      if (!signal.aborted) close(); // The member types on without suggestions.
    }
  };

  field.addEventListener("input", (event) => {
    clearTimeout(timer);
    if (event.isComposing) return;
    timer = setTimeout(look, DELAY_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const steps = { ArrowDown: active() + 1, ArrowUp: active() < 0 ? -1 : active() - 1 };
    if (event.key in steps) select(steps[event.key]);
    else if ((event.key === "Enter" || event.key === "Tab") && active() >= 0) insert(options()[active()]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  field.addEventListener("blur", close);
  // The field keeps the focus.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) insert(option);
  });
  // What was typed while this module was loading.
  if (field === document.activeElement) void look();
}

function optionOf({ handle, display_name: name, avatar, tag, posts }, id) {
  const option = document.createElement("li");
  option.id = id;
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.dataset.value = handle ?? tag;
  if (avatar) option.append(Object.assign(new Image(32, 32), { className: "avatar", alt: "", src: avatar.thumb }));
  const label = Object.assign(document.createElement("b"), { textContent: handle ? `@${handle}` : `#${tag}` });
  const note = document.createElement("span");
  note.className = "muted";
  note.textContent = handle ? name : text("posts", { count: posts });
  option.append(label, " ", note);
  return option;
}
