// Keyboard shortcuts, selection and reason templates of moderation. The pages work without this script.
(() => {
  "use strict";

  const isTyping = (node) => node instanceof HTMLElement && (node.isContentEditable || node.matches("input:not([type=checkbox]), textarea, select"));

  // ── Rows of a list ─────────────────────────────────────────────────────────────────────────────────────
  const rows = () => [...document.querySelectorAll("[data-row]")];
  let lastSelected = null;

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-row]");
    if (!row || row === lastSelected) return;
    lastSelected?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    lastSelected = row;
  });

  // Enter then opens what has the focus.
  const select = (step) => {
    const all = rows();
    const at = all.indexOf(lastSelected);
    const row = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    (row.querySelector("[data-row-focus]") ?? row).focus();
    row.scrollIntoView({ block: "nearest" });
  };

  // ── Keys ───────────────────────────────────────────────────────────────────────────────────────────────
  const press = (node) => {
    if (node.dataset.opens) {
      document.getElementById(node.dataset.opens).showModal();
      return;
    }
    const needed = node.dataset.needs && document.getElementById(node.dataset.needs);
    if (!needed) {
      node.click();
      return;
    }
    // The decision is sent with its reason: Ctrl+Enter in the field.
    node.form.querySelectorAll("[data-needs]").forEach((other) => other.setAttribute("aria-pressed", String(other === node)));
    needed.focus();
  };

  const submit = (form) => {
    const decisions = form.querySelectorAll("[data-needs]");
    if (!decisions.length) form.requestSubmit();
    else form.querySelector("[data-needs][aria-pressed=true]")?.click();
  };

  const keyed = (key) => [...document.querySelectorAll("[data-key]")].find((node) => {
    const row = node.closest("[data-row]");
    return node.dataset.key === key && (!row || row === lastSelected);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && isTyping(event.target) && event.target.form?.method === "post") {
      event.preventDefault();
      submit(event.target.form);
      return;
    }
    if (event.key === "Escape" && isTyping(event.target)) {
      event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]") || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const node = keyed(event.key);
    const step = { j: 1, k: -1 }[event.key];
    if (!node && !(step && rows().length)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (node) press(node);
    else select(step);
  }, true);

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener && event.isTrusted) press(opener);
  });

  // ── Select all ─────────────────────────────────────────────────────────────────────────────────────────
  document.querySelectorAll("[data-selects]").forEach((all) => {
    const boxes = [...document.querySelectorAll(`input[type=checkbox][name="${all.dataset.selects}"]`)];
    const count = document.getElementById(all.dataset.counts);
    const show = () => {
      const checked = boxes.filter((box) => box.checked).length;
      all.checked = checked > 0 && checked === boxes.length;
      all.indeterminate = checked > 0 && checked < boxes.length;
      count.textContent = `${checked} selected`;
    };
    all.addEventListener("change", () => {
      boxes.forEach((box) => { box.checked = all.checked; });
      show();
    });
    boxes.forEach((box) => box.addEventListener("change", show));
    // The browser's back button restores the boxes.
    window.addEventListener("pageshow", show);
  });

  // ── Forms ──────────────────────────────────────────────────────────────────────────────────────────────
  // A decision on hundreds of cases takes seconds: it is sent once, and the form shows that it is busy.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.ariaBusy === "true") event.preventDefault();
    event.target.ariaBusy = "true";
  });
  // After the browser's back button the form can be sent again.
  window.addEventListener("pageshow", () => document.querySelectorAll("form[aria-busy]").forEach((form) => form.removeAttribute("aria-busy")));

  // The browser does not apply autofocus on every page.
  document.querySelector("[data-reasons] [autofocus], form > [autofocus]")?.focus();

  // A template fills in the reason and the category. The focus stays on the list, so that arrow keys and letters go on to
  // the next template. "None" brings back what the moderator wrote.
  document.querySelectorAll("form[data-reasons]").forEach((form) => {
    const source = document.getElementById(form.dataset.reasons);
    const { template, reason, category } = form.elements;
    if (!source || !template) return;
    const texts = JSON.parse(source.textContent);
    const own = { text: reason.value, category: category?.value };
    reason.addEventListener("input", () => { own.text = reason.value; });
    category?.addEventListener("input", () => { own.category = category.value; });
    template.addEventListener("change", () => {
      const chosen = texts[template.value] ?? own;
      reason.value = chosen.text;
      if (category) category.value = chosen.category || own.category;
    });
  });
})();
