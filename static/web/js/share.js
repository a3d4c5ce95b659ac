// Links whose address is copied, or passed to another app: `data-copy`, `data-share`.
import { on, showMessage, text } from "./app.js";

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
