// The shell of every page. Other modules import from here.
//
// Pages work without this file: it only enhances forms and links that are there. Listeners are on the document, so that
// they also serve content that htmx swaps in. What must be set up for each piece of content is an argument of
// `onContent`.

const setups = [];

/** Call `setUp(root)` for the present page and for each piece of content that htmx adds later. */
export function onContent(setUp) {
  setups.push(setUp);
  setUp(document.body);
}
document.addEventListener("htmx:after:process", (event) => {
  const root = event.target instanceof Element ? event.target : document.body;
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

export const isSignedIn = () => document.body.dataset.signedIn === "true";

/** The value of Django's CSRF token. */
export function csrfToken() {
  const headers = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}");
  return headers["X-CSRFToken"] ?? "";
}

/** An error response of the server. `problem` is its problem document. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? "The server cannot be reached.");
    this.status = status;
    this.problem = problem;
  }
}

/** Call an operation for scripts (`/web/...`) or send a form. Returns the JSON of the response, or null.
 *  Throws Refusal for an error response, TypeError without a connection. */
export async function send(method, path, body, { headers = {}, signal, keepalive } = {}) {
  const isForm = body instanceof FormData || body instanceof URLSearchParams;
  const response = await fetch(path, {
    method,
    body: body === undefined || isForm ? body : JSON.stringify(body),
    headers: {
      Accept: "application/json",
      ...(body === undefined || isForm ? {} : { "Content-Type": "application/json" }),
      ...(method === "GET" ? {} : { "X-CSRFToken": csrfToken() }),
      ...headers,
    },
    signal,
    keepalive,
  });
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const data = isJson ? await response.json() : null;
  if (!response.ok) throw new Refusal(response.status, data ?? {});
  return data;
}

// ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────
const MESSAGE_MS = 8000;

/** Show a message for at least eight seconds; it stays while the pointer or the focus is on it. `undo` is called when
 *  the member presses "Undo". */
export function showMessage(text, { kind = "info", undo, undoLabel = "Undo" } = {}) {
  const toast = document.createElement("div");
  toast.className = `toast ${kind}`;
  toast.append(Object.assign(document.createElement("span"), { textContent: text }));
  const remove = () => toast.remove();
  if (undo) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: undoLabel });
    button.addEventListener("click", () => {
      remove();
      undo();
    });
    toast.append(button);
  }
  document.getElementById("toasts")?.append(toast);
  const expire = () => {
    if (toast.matches(":hover") || toast.contains(document.activeElement)) setTimeout(expire, 1000);
    else remove();
  };
  setTimeout(expire, MESSAGE_MS);
  return toast;
}

// A view sends messages with `errors.show_message`.
document.addEventListener("message", ({ detail }) => {
  if (!detail?.text) return;
  const undo = detail.undo && (() => window.htmx.ajax("POST", detail.undo, { swap: "none" }));
  showMessage(detail.text, { kind: detail.kind, undo });
});
document.addEventListener("htmx:error", () => showMessage("The server cannot be reached.", { kind: "error" }));

// ── Uploads go on in every page ──────────────────────────────────────────────────────────────────────────
// `queue.js` sets the mark while IndexedDB holds something to upload.
onContent((root) => {
  const isWhole = root === document.body || root.querySelector("#queue");
  if (isWhole && document.getElementById("queue") && localStorage.getItem("queue")) {
    void import("./queue.js").then((queue) => queue.resume());
  }
});
