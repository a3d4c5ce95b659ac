// Forms that a passkey completes: `data-passkey` is "get" (use one) or "create" (add one).
//
// The options come from the form (`data-options`) or, with a fresh challenge, from the operation `data-url`. The response
// goes into the form's fields, and the form is sent as any other. The forms are hidden where passkeys are not supported.
import { on, onContent, send, showMessage, text } from "./app.js";

const PARSERS = { get: "parseRequestOptionsFromJSON", create: "parseCreationOptionsFromJSON" };
const isSupported = () => Object.values(PARSERS).every((name) => name in (window.PublicKeyCredential ?? {}));

onContent((root) => {
  for (const part of root.querySelectorAll("[data-passkey], [data-passkey-support]")) part.hidden = !isSupported();
  for (const part of root.querySelectorAll("[data-passkey-missing]")) part.hidden = isSupported();
});

on("submit", "form[data-passkey]", async (event, form) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const { challenge, options } = form.dataset.options
      ? { options: JSON.parse(form.dataset.options) }
      : await send("POST", form.dataset.url, {});
    const kind = form.dataset.passkey;
    const publicKey = PublicKeyCredential[PARSERS[kind]](options);
    const credential = await navigator.credentials[kind]({ publicKey });
    if (challenge) form.elements.challenge.value = challenge;
    form.elements.passkey.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    showMessage(messageFor(error), { kind: "error" });
  } finally {
    button.disabled = false;
  }
});

/** What the member can do. An error of another kind comes from the server or the connection. */
function messageFor(error) {
  if (!(error instanceof DOMException)) return error.message;
  const texts = { InvalidStateError: "passkeyKnown", SecurityError: "passkeyElsewhere" };
  return text(texts[error.name] ?? "passkeyCancelled");
}
