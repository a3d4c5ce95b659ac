// The list of notifications marks itself as read when it is seen.
import { onContent, send } from "./app.js";
import { showUnread } from "./member.js";

onContent((root) => {
  const form = root.querySelector("[data-mark-as-read]");
  if (!form) return;
  const mark = async () => {
    if (document.visibilityState !== "visible" || !form.isConnected) return;
    document.removeEventListener("visibilitychange", mark);
    try {
      const { unread } = await send("POST", "/web/notifications/read", { up_to: form.elements.up_to.value });
      showUnread(unread);
      form.hidden = true;
    } catch {
      // The button remains.
    }
  };
  document.addEventListener("visibilitychange", mark);
  void mark();
});
