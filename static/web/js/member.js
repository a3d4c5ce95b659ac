// What every page of a signed-in member does: the number of unread notifications, the service worker, signing out.
import { beforeSignOut, onContent, Refusal, send } from "./app.js";

const INTERVAL_MS = 60_000;
const SIGN_OUT_MS = 1500;

// ── The number of unread notifications: in the navigation, in the title and on the icon of the app ───────
let timer;

/** Show the number wherever it is shown. */
export function showUnread(unread) {
  const text = unread > 99 ? "99+" : String(unread);
  for (const badge of document.querySelectorAll("[data-unread]")) {
    badge.dataset.unread = unread;
    badge.textContent = text;
    badge.hidden = unread === 0;
  }
  const title = document.title.replace(/^\(\d+\+?\) /, "");
  document.title = unread ? `(${text}) ${title}` : title;
  setAppBadge(unread);
}

function setAppBadge(unread) {
  // Not every browser has it, and those that have it refuse it in pages that are not installed.
  navigator.setAppBadge?.(unread).catch(() => {});
}

async function refresh() {
  clearTimeout(timer);
  if (document.visibilityState !== "visible") return;
  try {
    showUnread((await send("GET", "/web/unread")).unread);
  } catch (error) {
    // The session has ended.
    if (error instanceof Refusal && error.status === 401) return;
  }
  timer = setTimeout(refresh, INTERVAL_MS);
}

// The page came with the number of now.
onContent(() => setAppBadge(Number(document.querySelector("[data-unread]")?.dataset.unread ?? 0)));
timer = setTimeout(refresh, INTERVAL_MS);
document.addEventListener("visibilitychange", refresh);

// ── Who is signed in, for the offline page ───────────────────────────────────────────────────────────────
localStorage.setItem("member", document.body.dataset.member);

// ── The service worker ───────────────────────────────────────────────────────────────────────────────────
const workers = navigator.serviceWorker;
// Private windows of some browsers refuse it.
workers?.register("/sw.js").catch(() => {});
workers?.addEventListener("message", ({ data }) => {
  if (data?.type === "unread") showUnread(data.unread);
});

// ── Signing out ──────────────────────────────────────────────────────────────────────────────────────────
// The server stops the messages of an ended session by itself; this browser forgets the subscription as well.
beforeSignOut(() => Promise.race([forget(), new Promise((resolve) => setTimeout(resolve, SIGN_OUT_MS))]));

async function forget() {
  localStorage.removeItem("member");
  setAppBadge(0);
  const registration = await workers?.getRegistration();
  const shown = (await registration?.getNotifications?.()) ?? [];
  for (const notification of shown) notification.close();
  const subscription = await registration?.pushManager?.getSubscription();
  await subscription?.unsubscribe();
}

// ── Uploads go on in every page ──────────────────────────────────────────────────────────────────────────
// `queue.js` sets the mark while IndexedDB holds something to upload.
onContent(async () => {
  if (document.getElementById("queue") && localStorage.getItem("queue")) (await import("./queue.js")).resume();
});
