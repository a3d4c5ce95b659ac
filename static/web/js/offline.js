// The page without a connection: what waits to be posted, and the return to the page that was asked for.
const INTERVAL_MS = 5000;

async function isBack() {
  try {
    return (await fetch("/health/live", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

/** Open the page that was asked for as soon as the server answers. */
async function check() {
  if (!(await isBack())) return;
  const state = document.getElementById("state");
  state.textContent = state.dataset.back;
  if (location.pathname === "/offline") location.replace("/");
  else location.reload();
}
addEventListener("online", check);
setInterval(check, INTERVAL_MS);

// ── What waits to be posted ──────────────────────────────────────────────────────────────────────────────
/** The drafts of the member in the database of `queue.js`, which this page does not create. */
async function readDrafts() {
  const databases = (await indexedDB.databases?.()) ?? [];
  if (!databases.some(({ name }) => name === "photogram")) return [];
  const database = await settled(indexedDB.open("photogram"));
  try {
    if (!database.objectStoreNames.contains("drafts")) return [];
    const drafts = await settled(database.transaction("drafts").objectStore("drafts").getAll());
    return drafts.filter(({ owner }) => owner === localStorage.getItem("member"));
  } finally {
    database.close();
  }
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function describe({ caption, photos }, texts) {
  const name = caption || texts.noCaption;
  if (!photos.length) return name;
  const done = photos.filter(({ state }) => state === "done" || state === "ready").length;
  return `${name} · ${texts.uploaded.replace("{done}", done).replace("{total}", photos.length)}`;
}

const drafts = await readDrafts().catch(() => []);
const section = document.getElementById("queue");
const list = section.querySelector("ul");
list.append(...drafts.map((draft) => Object.assign(document.createElement("li"), { textContent: describe(draft, list.dataset) })));
section.hidden = drafts.length === 0;
