// The service worker: a page for the time without a connection, and push messages.
//
// It stores the files in `config` and nothing else: no page of a member, no photo, no response of an operation.
const config = {{ config|safe }};
const CACHE = `photogram-${config.version}`;

// ── Install and replace ──────────────────────────────────────────────────────────────────────────────────
self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

async function install() {
  const cache = await caches.open(CACHE);
  // Without the cookie: the stored page belongs to nobody.
  await Promise.all(config.files.map((path) => cache.add(new Request(path, { credentials: "omit", cache: "reload" }))));
  await self.skipWaiting();
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("photogram-") && name !== CACHE).map((name) => caches.delete(name)));
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}

// ── Without a connection ─────────────────────────────────────────────────────────────────────────────────
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.mode === "navigate" && request.method === "GET") {
    event.respondWith(navigate(event));
  } else if (origin === self.location.origin && config.files.includes(pathname)) {
    event.respondWith(fetch(request).catch(() => stored(pathname)));
  }
});

async function navigate(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return stored(config.offline);
  }
}

async function stored(path) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path, { ignoreVary: true })) ?? Response.error();
}

// ── Push messages ────────────────────────────────────────────────────────────────────────────────────────
self.addEventListener("push", (event) => event.waitUntil(Promise.all([showMessage(read(event.data)), updateUnread()])));

function read(data) {
  try {
    return data?.json() ?? {};
  } catch {
    return {};
  }
}

function showMessage({ id, text }) {
  return self.registration.showNotification(config.title, {
    body: typeof text === "string" ? text : config.text,
    // A repeated message replaces the one that is shown.
    tag: id,
    icon: config.icon,
    badge: config.badge,
    data: { path: id ? `/notifications/${encodeURIComponent(id)}` : "/notifications" },
  });
}

/** Show the number of unread notifications on the icon of the app and in its open windows. */
async function updateUnread() {
  const response = await fetch("/web/unread", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!response?.ok) return;
  const { unread } = await response.json();
  await self.navigator.setAppBadge?.(unread).catch(() => {});
  for (const client of await openWindows()) client.postMessage({ type: "unread", unread });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path ?? "/notifications"));
});

/** In the window that is open, the visible one first; in a new one if there is none. */
async function open(path) {
  const windows = await openWindows();
  const client = windows.find(({ visibilityState }) => visibilityState === "visible") ?? windows[0];
  if (!client) return self.clients.openWindow(path);
  // A browser may refuse to bring the window to the front.
  await client.focus().catch(() => {});
  return client.navigate(path).catch(() => self.clients.openWindow(path));
}

const openWindows = () => self.clients.matchAll({ type: "window", includeUncontrolled: true });
