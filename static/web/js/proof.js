// The proof of work of the join form, in the format of ALTCHA. A worker computes it while the form is filled in.
import { send } from "./app.js";

const form = document.querySelector("form[data-challenge]");
const field = form.elements.proof_of_work;
const status = form.querySelector("[data-proof-status]");
// Before it expires, so that a slow connection does not matter.
const MARGIN_MS = 30_000;
let pending;
let isWaiting = false;

/** The base64 of a solved challenge, and until when it can be sent. */
async function solve() {
  const challenge = await send("GET", form.dataset.challenge);
  const worker = new Worker(form.dataset.worker);
  try {
    const solution = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
      worker.onerror = reject;
      worker.postMessage(challenge.parameters);
    });
    const until = challenge.parameters.expiresAt * 1000 - MARGIN_MS;
    return { value: btoa(JSON.stringify({ challenge, solution })), until };
  } finally {
    worker.terminate();
  }
}

async function getSolution() {
  pending ??= solve();
  try {
    const { value, until } = await pending;
    if (Date.now() < until) return value;
  } catch (error) {
    pending = undefined;
    throw error;
  }
  pending = undefined;
  return getSolution();
}

form.addEventListener("focusin", () => getSolution().catch(() => {}), { once: true });

// The form is sent when the solution is there. Other listeners hear of that submission only.
form.addEventListener("submit", async (event) => {
  if (field.value) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (isWaiting) return;
  isWaiting = true;
  status.textContent = status.dataset.working;
  try {
    field.value = await getSolution();
    // In a task of its own: a form ignores a request while the event of the first one is being dispatched.
    setTimeout(() => form.requestSubmit());
  } catch {
    status.textContent = status.dataset.failed;
  }
  isWaiting = false;
});

// The page comes back from the browser's memory: the solution was used.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  field.value = status.textContent = "";
  pending = undefined;
});
