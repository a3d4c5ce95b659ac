// Posts on their way to the server: drafts with their photos in IndexedDB, and the uploads.
//
// A draft is {id, owner, key, state, caption, visibility, sensitive, comments_enabled, photos, error, changed}, and a
// photo {id, name, type, alt, state, media, error, note}. Drafts are "editing" or "sending"; photos are "waiting",
// "uploading", "done", "ready" (processed by the server) or "failed". The files are in a store of their own.
//
// One tab at a time works on the queue, under a lock; every tab shows it. What a draft needs to be posted once is stored
// before it is sent: its Idempotency-Key and its body.
import { onContent, Refusal, send, showMessage } from "./app.js";

const NAME = "photogram";
const AT_ONCE = 2;
// An upload URL is valid for 15 minutes.
const TARGET_MS = 10 * 60_000;
const KEPT_MS = 30 * 86_400_000;
const ATTEMPTS = 3;

// ── Texts and the member come from the page ──────────────────────────────────────────────────────────────
const element = () => document.getElementById("queue");
export const owner = () => element()?.dataset.member ?? "";
const text = (name) => element()?.dataset[name] ?? "";

/** Replace each `{name}` of a text of the page. */
export function format(pattern, values) {
  return (pattern ?? "").replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

/** A random UUID, also in a page without https. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return [...bytes].map((byte, place) => ([4, 6, 8, 10].includes(place) ? "-" : "") + byte.toString(16).padStart(2, "0")).join("");
}

/** A size as the member's language writes it, for example "31.2 MB". */
export function megabytes(bytes) {
  const options = { style: "unit", unit: "megabyte", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(document.documentElement.lang, options).format(bytes / 1e6);
}

// ── The database ─────────────────────────────────────────────────────────────────────────────────────────
let opened;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("drafts", { keyPath: "id" });
      request.result.createObjectStore("files");
    };
    request.onsuccess = () => {
      const close = () => (opened = undefined);
      request.result.onclose = close;
      request.result.onversionchange = () => {
        request.result.close();
        close();
      };
      resolve(request.result);
    };
    request.onerror = () => {
      opened = undefined;
      reject(request.error);
    };
  });
  return opened;
}

/** Run `work(drafts, files, done)` in one transaction. Resolves with the argument of `done` after the commit. */
async function transact(mode, work) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(["drafts", "files"], mode);
    let result;
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error);
    work(transaction.objectStore("drafts"), transaction.objectStore("files"), (value) => (result = value));
  });
}

/** The drafts of the present member, oldest first. */
export async function list() {
  const all = await transact("readonly", (drafts, _, done) => {
    drafts.getAll().onsuccess = ({ target }) => done(target.result);
  });
  return all.filter((draft) => draft.owner === owner()).sort((a, b) => a.created - b.created);
}

export const getFile = (id) =>
  transact("readonly", (_, files, done) => {
    files.get(id).onsuccess = ({ target }) => done(target.result);
  });

/** Store a new draft with `files`, {photo id: File}. Rejects if there is no space. */
export async function create(draft, added = {}) {
  mark();
  await transact("readwrite", (drafts, files) => {
    for (const [id, file] of Object.entries(added)) files.put(file, id);
    drafts.put({ ...draft, changed: Date.now() });
  });
  announce({});
}

/** Change a draft in one transaction: `mutate(draft)` alters it, or returns false to leave it. Resolves with the draft,
 *  or undefined if it does not exist any more. `added`: {photo id: File} to store with it. */
export async function change(id, mutate, added = {}) {
  const changed = await transact("readwrite", (drafts, files, done) => {
    drafts.get(id).onsuccess = ({ target }) => {
      const draft = target.result;
      if (!draft) return;
      done(draft);
      const before = draft.photos.map((photo) => photo.id);
      if (mutate(draft) === false) return;
      if (isPending(draft)) mark();
      for (const [key, file] of Object.entries(added)) files.put(file, key);
      for (const key of before) if (!draft.photos.some((photo) => photo.id === key)) files.delete(key);
      drafts.put({ ...draft, changed: Date.now() });
    };
  });
  announce({});
  return changed;
}

const changePhoto = (draftId, id, values) =>
  change(draftId, (draft) => {
    const photo = draft.photos.find((each) => each.id === id);
    return photo ? void Object.assign(photo, values) : false;
  });

/** Delete a draft with its files. */
export async function remove(id) {
  await transact("readwrite", (drafts, files) => {
    drafts.get(id).onsuccess = ({ target }) => {
      for (const photo of target.result?.photos ?? []) files.delete(photo.id);
      drafts.delete(id);
    };
  });
  announce({});
}

// `app.js` imports this module in every page as long as the mark is set.
const mark = () => localStorage.setItem("queue", "1");

async function removeMark() {
  const drafts = await transact("readwrite", (store, files, done) => {
    store.getAll().onsuccess = ({ target }) => {
      const old = Date.now() - KEPT_MS;
      for (const draft of target.result.filter(({ changed }) => changed < old)) {
        for (const photo of draft.photos) files.delete(photo.id);
        store.delete(draft.id);
      }
      done(target.result);
    };
  });
  // Also drafts of other members, who may sign in later.
  if (!drafts.some(isPending)) localStorage.removeItem("queue");
}

const isOpen = (photo) => photo.state === "waiting" || photo.state === "uploading";
const isPending = (draft) => draft.state === "sending" || draft.photos.some(isOpen);

// ── Between tabs ─────────────────────────────────────────────────────────────────────────────────────────
const channel = new BroadcastChannel(NAME);
const listeners = new Set();
/** {photo id: percent sent} */
export const progress = new Map();

/** Call `listener(event)` for each change of the queue in any tab: {}, or with `progress`, `posted`, `refused`. */
export function onChange(listener) {
  listeners.add(listener);
}

function announce(event) {
  channel.postMessage(event);
  hear(event);
}

channel.onmessage = ({ data }) => hear(data);

function hear(event) {
  if (event.progress) progress.set(...event.progress);
  if (event.cancel) uploads.get(event.cancel)?.abort();
  if (event.wake) endPauses();
  for (const listener of listeners) listener(event);
  showStatus(event).catch(() => {});
  // The tab with the lock looks for more work.
  if (!event.progress) looks();
}

/** Stop the upload of a photo in whichever tab it runs. */
export const cancel = (id) => announce({ cancel: id });

/** Try again now what waits for the connection. */
export const retry = () => announce({ wake: true });

// ── The work ─────────────────────────────────────────────────────────────────────────────────────────────
let running;
let again = false;
let looks = () => {};
const uploads = new Map();
const sending = new Set();
let isSignedOut = false;

/** Work on the queue, in this tab or in the one that has the lock. */
export function resume() {
  again = true;
  showStatus({}).catch(() => {});
  running ??= locked(work)
    .catch((error) => console.warn(error))
    .finally(() => {
      running = undefined;
      if (again) resume();
    });
}

function locked(callback) {
  // Pages without https have no locks. There the Idempotency-Key alone prevents a second post.
  return navigator.locks ? navigator.locks.request(NAME, callback) : callback();
}

async function work() {
  isSignedOut = again = false;
  while (owner() && !isSignedOut) {
    again = false;
    const changed = new Promise((resolve) => (looks = resolve));
    const drafts = await list();
    if (drafts.some(isPending)) mark();
    for (const draft of drafts) startWork(draft);
    if (!uploads.size && !sending.size) break;
    await changed;
  }
  looks = () => {};
  await removeMark();
  await showStatus({});
}

function startWork(draft) {
  for (const photo of draft.photos.filter(isOpen)) {
    if (uploads.size < AT_ONCE && !uploads.has(photo.id)) void start(draft.id, photo.id);
  }
  if (draft.state !== "sending" || draft.photos.some(isOpen) || sending.has(draft.id)) return;
  sending.add(draft.id);
  void post(draft).finally(() => {
    sending.delete(draft.id);
    looks();
  });
}

async function start(draftId, id) {
  const control = new AbortController();
  uploads.set(id, control);
  try {
    await upload(draftId, id, control.signal);
  } catch (error) {
    console.warn(error);
  } finally {
    uploads.delete(id);
    progress.delete(id);
    looks();
  }
}

const call = (method, path, body, { headers, signal } = {}) =>
  send(method, path, body, { headers: { "X-Member": owner(), ...headers }, signal });

async function upload(draftId, id, signal) {
  for (let attempt = 1, failures = 0; ; ) {
    const draft = await changePhoto(draftId, id, { state: "uploading" });
    const photo = draft?.photos.find((each) => each.id === id);
    const file = photo && (await getFile(id));
    if (!file || signal.aborted) return;
    try {
      const media = await transfer(draftId, photo, file, signal);
      await changePhoto(draftId, id, { state: "done", media, target: null, note: "" });
      return;
    } catch (error) {
      if (signal.aborted) return;
      const verdict = judge(error);
      if (verdict === "signed-out") return void (await changePhoto(draftId, id, { state: "waiting" }));
      if (verdict === "later") {
        await changePhoto(draftId, id, { note: reason(error) });
        await pause(error, failures++, signal);
      } else {
        const isFinal = verdict === "never" || ++attempt > ATTEMPTS;
        const result = isFinal ? { state: "failed", error: reason(error), note: "" } : {};
        await changePhoto(draftId, id, { ...result, target: null, tries: (photo.tries ?? 0) + 1 });
        if (isFinal) return;
      }
    }
  }
}

/** Send a file to storage. Resolves with the id of the medium. */
async function transfer(draftId, photo, file, signal) {
  let { target } = photo;
  if (!target || Math.abs(Date.now() - target.at) > TARGET_MS) {
    target = await begin(file, photo.type, "post", { key: `${photo.id}.${photo.tries ?? 0}.${Math.floor(Date.now() / TARGET_MS)}`, signal });
    await changePhoto(draftId, photo.id, { target });
  }
  let shown = 0;
  await put(target, file, {
    signal,
    onProgress: (percent) => {
      if (Date.now() - shown < 150 && percent < 100) return;
      shown = Date.now();
      announce({ progress: [photo.id, percent] });
    },
  });
  await call("POST", `/web/uploads/${target.id}/complete`, undefined, { signal });
  return target.id;
}

/** Start an upload. Resolves with {id, url, headers, at}. */
export async function begin(file, type, purpose, { key = newId(), signal } = {}) {
  const body = { content_type: type, bytes: file.size, purpose };
  const started = await call("POST", "/web/uploads", body, { headers: { "Idempotency-Key": key }, signal });
  return { id: started.id, url: started.upload.url, headers: started.upload.headers, at: Date.now() };
}

/** An error response of storage; 0 without a connection. */
class StorageError extends Error {
  constructor(status) {
    super(text(status ? "failed" : "waiting"));
    this.status = status;
  }
}

/** PUT a file to the URL of an upload. `onProgress(percent)`. Rejects with StorageError, or AbortError. */
export function put({ url, headers }, file, { onProgress, signal } = {}) {
  return new Promise((resolve, reject) => {
    // `fetch` does not report the progress of an upload.
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => onProgress?.(total ? Math.round((100 * loaded) / total) : 0);
    request.onload = () => (request.status < 300 ? resolve() : reject(new StorageError(request.status)));
    request.onerror = () => reject(new StorageError(0));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** Whether a call is repeated "later" as it is, "again" with a new upload, "never", or after signing in. */
function judge(error) {
  if (error instanceof StorageError) return error.status && error.status < 500 ? "again" : "later";
  if (!(error instanceof Refusal)) return "later";
  if (error.status === 401) {
    isSignedOut = true;
    return "signed-out";
  }
  if (error.status >= 500 || [408, 425, 429].includes(error.status) || error.problem.code === "request_in_progress") return "later";
  return [404, 409, 422].includes(error.status) && error.problem.code !== "upload_quota_exceeded" ? "again" : "never";
}

function reason(error) {
  if (error instanceof StorageError) return text(error.status >= 500 ? "trying" : error.status ? "failed" : "waiting");
  if (!(error instanceof Refusal)) return text("waiting");
  return error.status === 429 ? text("busy") : error.status >= 500 ? text("trying") : error.message;
}

const pauses = new Set();

function endPauses() {
  for (const end of pauses) end();
}
addEventListener("online", endPauses);

/** Wait longer after each failure, but not after the connection is back or the member presses "retry". */
function pause(error, number, signal) {
  const seconds = error.status === 429 ? 60 : Math.min(2 ** number, 60);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      pauses.delete(end);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    pauses.add(end);
    signal?.addEventListener("abort", end);
  });
}

// ── Posting ──────────────────────────────────────────────────────────────────────────────────────────────
async function post(draft) {
  const failed = draft.photos.findIndex((photo) => photo.state === "failed");
  if (failed >= 0) return refuse(draft, format(text("photo"), { n: failed + 1, reason: draft.photos[failed].error }));
  // The same key always comes with the same body.
  const stored = await change(draft.id, (each) => {
    if (each.state !== "sending") return false;
    each.body ??= bodyOf(each);
  });
  if (stored?.state !== "sending") return;
  for (let failures = 0; ; ) {
    try {
      const created = await call("POST", "/web/posts", stored.body, { headers: { "Idempotency-Key": stored.key } });
      await remove(draft.id);
      return announce({ posted: created.id, draft: draft.id });
    } catch (error) {
      const verdict = judge(error);
      if (verdict === "signed-out") return;
      if (verdict !== "later") return refusePost(stored, error);
      announce({ note: reason(error) });
      await pause(error, failures++);
      if (!(await list()).some(({ id, state }) => id === draft.id && state === "sending")) return;
    }
  }
}

function bodyOf(draft) {
  const described = draft.photos.filter((photo) => photo.alt.trim());
  return {
    media_ids: draft.photos.map((photo) => photo.media),
    caption: draft.caption,
    visibility: draft.visibility,
    sensitive: draft.sensitive,
    comments_enabled: draft.comments_enabled,
    alt_texts: Object.fromEntries(described.map((photo) => [photo.media, photo.alt])),
  };
}

/** The server has refused the post. A photo that it has deleted meanwhile is uploaded again. */
async function refusePost(draft, error) {
  const fields = error.problem.errors ?? [];
  const places = fields.map(({ field }) => /^media_ids\.(\d+)$/.exec(field)?.[1]).filter(Boolean);
  if (!places.length) {
    const message = fields.map((each) => each.message).join(" ") || error.message;
    return refuse(draft, message, fields.some(({ field }) => field === "caption") ? "caption" : "");
  }
  for (const place of places) await check(draft.id, draft.photos[place]);
  const checked = await change(draft.id, (each) => void delete each.body);
  if (checked?.photos.some((photo) => photo.state === "waiting")) return;
  if (!checked?.photos.some((photo) => photo.state === "failed")) await refuse(draft, fields[0].message);
}

/** Ask the server how far it is with an uploaded photo. Resolves with its state. */
export async function check(draftId, photo) {
  try {
    const { status, error } = await call("GET", `/web/uploads/${photo.media}`);
    if (status === "ready") await changePhoto(draftId, photo.id, { state: "ready" });
    if (status === "failed") await changePhoto(draftId, photo.id, { state: "failed", error: error.detail, media: null, tries: (photo.tries ?? 0) + 1 });
    return status;
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) {
      console.warn(error);
      return "unknown";
    }
    await changePhoto(draftId, photo.id, { state: "waiting", media: null, tries: (photo.tries ?? 0) + 1 });
    return "waiting";
  }
}

/** Back to the composer, with the reason. */
async function refuse(draft, message, field = "") {
  await change(draft.id, (each) => {
    Object.assign(each, { state: "editing", error: { message, field } });
    delete each.body;
  });
  announce({ refused: message, draft: draft.id });
}

/** Delete an uploaded photo that is in no post, so that it does not count against the quota. */
export function forget(photo) {
  const media = photo.media ?? photo.target?.id;
  if (media) call("DELETE", `/web/media/${media}`).catch(() => {});
}

// ── The status in every page ─────────────────────────────────────────────────────────────────────────────
let note = "";

async function showStatus(event) {
  const link = element();
  if (!link) return;
  const isComposer = Boolean(document.getElementById("composer"));
  if (event.posted && !isComposer) {
    showMessage(text("shared"), { undo: () => location.assign(`/p/${event.posted}`), undoLabel: text("view") });
  }
  if (event.refused && !isComposer) {
    showMessage(format(text("refused"), { reason: event.refused }), { kind: "error", undo: () => location.assign(link.href), undoLabel: text("open") });
  }
  note = event.note ?? (event.wake || event.posted ? "" : note);
  const drafts = (await list()).filter(isPending);
  link.hidden = isComposer || !drafts.length;
  if (link.hidden) return;
  const status = describe(drafts);
  link.querySelector("progress").value = status.percent;
  const label = link.querySelector("[role=status]");
  if (label.textContent !== status.text) label.textContent = status.text;
}

/** {text, percent} of what the drafts still have to upload. */
export function describe(drafts) {
  const photos = drafts.flatMap((draft) => draft.photos);
  const done = photos.filter((photo) => !isOpen(photo)).length;
  const sent = photos.reduce((sum, photo) => sum + (isOpen(photo) ? (progress.get(photo.id) ?? 0) : 100), 0);
  const waits = photos.find((photo) => photo.state === "uploading" && photo.note)?.note ?? (done === photos.length && note);
  const counted = { n: Math.min(done + 1, photos.length), total: photos.length };
  const state = done < photos.length ? format(text("uploading"), counted) : text("sharing");
  return {
    text: isSignedOut ? text("signedOut") : waits ? `${state} · ${waits}` : state,
    percent: photos.length ? Math.round(sent / photos.length) : 100,
  };
}

// The status is part of each page that htmx swaps in.
onContent(() => void showStatus({}).catch(() => {}));
