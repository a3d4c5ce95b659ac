// Keyboard shortcuts and reason templates of the queue. The pages work without this script.
(() => {
  "use strict";

  const isTyping = (node) => node instanceof HTMLElement && (node.isContentEditable || node.matches("input:not([type=checkbox]), textarea, select"));

  const press = (node) => {
    if (node.dataset.opens) document.getElementById(node.dataset.opens).showModal();
    else node.click();
  };

  document.addEventListener("keydown", (event) => {
    const open = document.querySelector("dialog[open]");
    if (event.target instanceof HTMLTextAreaElement && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.target.form.requestSubmit();
      return;
    }
    if (event.key === "Escape" && isTyping(event.target)) {
      event.target.blur();
      return;
    }
    if (open || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const node = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
    if (!node) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    press(node);
  }, true);

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener && event.isTrusted) press(opener);
  });

  // An act on hundreds takes its time: once is enough, and one sees that it works.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.ariaBusy === "true") event.preventDefault();
    event.target.ariaBusy = "true";
  });
  // Back from the next page by the browser's button, it can be sent again.
  window.addEventListener("pageshow", () => document.querySelectorAll("form[aria-busy]").forEach((form) => form.removeAttribute("aria-busy")));

  // The browser focuses by itself, but not in every case.
  document.querySelector("[data-reasons] [autofocus], form > [autofocus]")?.focus();

  // Choosing a template fills the form in; what was written by hand is replaced only by choosing.
  document.querySelectorAll("form[data-reasons]").forEach((form) => {
    const source = document.getElementById(form.dataset.reasons);
    const chooser = form.elements.template;
    if (!source || !chooser) return;
    const texts = JSON.parse(source.textContent);
    chooser.addEventListener("change", () => {
      const chosen = texts[chooser.value];
      if (!chosen) return;
      form.elements.reason.value = chosen.text;
      if (chosen.category && form.elements.category) form.elements.category.value = chosen.category;
      form.elements.reason.focus();
    });
  });
})();
