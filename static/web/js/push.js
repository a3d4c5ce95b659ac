// Notifications of this device, in `web/parts/push.html`. The browser asks for permission only after a press.
import { on, onContent, send, showMessage } from "./app.js";

const isSupported = () => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

onContent((root) => {
  for (const section of root.querySelectorAll("[data-push]")) void show(section);
});
on("click", "[data-push-on]", (event, button) => change(button, turnOn));
on("click", "[data-push-off]", (event, button) => change(button, turnOff));

async function show(section) {
  // Without a connection nothing is known of the server, and a press says so.
  const state = await stateOf().catch(() => "off");
  for (const part of section.querySelectorAll("[data-push-state]")) part.hidden = part.dataset.pushState !== state;
  section.hidden = !section.querySelector("[data-push-state]:not([hidden])");
}

async function stateOf() {
  if (!isSupported()) return "unsupported";
  if (Notification.permission === "denied") return "denied";
  return (await findSubscription())?.known ? "on" : "off";
}

/** The subscription of this browser, and what the server knows of it: nothing after its session has ended. */
async function findSubscription() {
  const registration = await navigator.serviceWorker.getRegistration();
  const subscription = await registration?.pushManager.getSubscription();
  if (!subscription) return null;
  const { results } = await send("GET", "/web/push-subscriptions");
  return { subscription, known: results.find(({ endpoint }) => endpoint === subscription.endpoint) };
}

async function change(button, action) {
  const section = button.closest("[data-push]");
  button.disabled = true;
  try {
    await action(section.dataset.push);
  } catch {
    showMessage(section.dataset.failed, { kind: "error" });
  } finally {
    button.disabled = false;
  }
  await show(section);
}

async function turnOn(key) {
  if ((await Notification.requestPermission()) !== "granted") return;
  await navigator.serviceWorker.register("/sw.js");
  const { pushManager } = await navigator.serviceWorker.ready;
  // A subscription may be left from another key or another account.
  await (await pushManager.getSubscription())?.unsubscribe();
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  await send("POST", "/web/push-subscriptions", subscription.toJSON());
}

async function turnOff() {
  const found = await findSubscription();
  if (found?.known) await send("DELETE", `/web/push-subscriptions/${found.known.id}`);
  await found?.subscription.unsubscribe();
}
