"""What is looked at in every page: its shell, its width, and accessibility in both themes."""

import os
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.console.browser.axe import GRAVE, faults

# Rules of axe about the structure, whose violations are of moderate impact.
LANDMARKS = frozenset(
    f"landmark-{rule}"
    for rule in [
        *(f"{landmark}-is-top-level" for landmark in ("banner", "complementary", "contentinfo", "main")),
        *(f"no-duplicate-{landmark}" for landmark in ("banner", "contentinfo", "main")),
        *("one-main", "unique"),
    ]
)
FOLDER = os.environ.get("SCREENSHOTS")
# The elements that make a page too wide: not those that are fixed, or that an ancestor cuts off or scrolls.
_TOO_WIDE = """() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return "";
  const isInside = (element) => {
    let isAbsolute = getComputedStyle(element).position === "absolute";
    for (let parent = element.parentElement; parent; parent = parent.parentElement) {
      const { overflowX, position } = getComputedStyle(parent);
      if (position === "fixed") return true;
      // An element that is not positioned does not cut off what is positioned absolutely.
      if (isAbsolute && position === "static") continue;
      if (overflowX !== "visible" && parent !== document.body) return true;
      isAbsolute = position === "absolute";
    }
    return getComputedStyle(element).position === "fixed";
  };
  const wide = [...document.body.querySelectorAll("*")].filter(
    (element) => element.getBoundingClientRect().right > clientWidth + 1 && !isInside(element),
  );
  return `${scrollWidth} px of ${clientWidth}: ` + wide.slice(0, 3).map((each) => each.cloneNode().outerHTML).join(" ");
}"""
_SHELL = """() => {
  const count = (selector) => document.querySelectorAll(selector).length;
  const wrong = [];
  if (count("h1") !== 1) wrong.push(`${count("h1")} h1`);
  if (count("main") !== 1) wrong.push(`${count("main")} main`);
  if (!document.title.trim() || document.title.trim().startsWith("·")) wrong.push(`title "${document.title}"`);
  if (!document.documentElement.lang) wrong.push("no language");
  for (const nav of document.querySelectorAll("nav")) {
    if (!nav.getAttribute("aria-label") && !nav.getAttribute("aria-labelledby")) wrong.push("a nav without a name");
  }
  const skip = document.querySelector("a.skip");
  if (skip && !document.querySelector(skip.getAttribute("href"))) wrong.push("the skip link leads nowhere");
  if (document.querySelector("[style]:not(html)")) wrong.push("a style attribute");
  return wrong;
}"""
# Controls that are smaller than 24 px, but for links in text and controls with a label (WCAG 2.5.8).
_TOO_SMALL = """() => {
  const controls = "a[href], button, summary, input:not([type=hidden]), select, textarea";
  const small = [...document.querySelectorAll(controls)].filter((each) => {
    if (!each.checkVisibility() || each.closest(".visually-hidden, .skip, p, li:not(.nav-item), label")) return false;
    const { width, height } = each.getBoundingClientRect();
    return width > 1 && height > 1 && (width < 24 || height < 24);
  });
  return small.slice(0, 3).map((each) => each.cloneNode(true).outerHTML.slice(0, 200));
}"""


def contrast_faults(page: Page) -> list[str]:
    """Places with too little contrast."""
    options = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
    found: dict[str, Any] = Axe().run(page, options=options).response
    return [
        f"{fault['id']} ({len(fault['nodes'])}): {fault['nodes'][0]['html'][:200]}"
        for fault in found["violations"]
        if fault["impact"] in GRAVE
    ]


def too_wide(page: Page) -> list[str]:
    """What makes the page scroll horizontally."""
    found: str = page.evaluate(_TOO_WIDE)
    return [found] if found else []


def shell_faults(page: Page) -> list[str]:
    """One h1, a title, landmarks, targets of at least 24 px, and no inline style."""
    wrong: list[str] = page.evaluate(_SHELL)
    return wrong + [f"too small: {each}" for each in page.evaluate(_TOO_SMALL)]


def look_at(page: Page, name: str) -> dict[str, list[str]]:
    """{name and look: what is wrong} with the page in the window. Keeps a picture if SCREENSHOTS names a folder."""
    size = page.viewport_size
    assert size
    width, wrong = size["width"], {}
    scheme = "dark" if page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    other = "light" if scheme == "dark" else "dark"

    def note(look: str, found: list[str]) -> None:
        if found:
            wrong[f"{name}, {look}"] = found

    _keep_picture(page, f"{name}-{width}-{scheme}")
    note(f"{width} px", shell_faults(page) + too_wide(page))
    note(f"{width} px, {scheme}", faults(page, also=LANDMARKS))
    page.emulate_media(color_scheme=other)
    _keep_picture(page, f"{name}-{width}-{other}")
    note(f"{width} px, {other}", contrast_faults(page))
    page.emulate_media(color_scheme=scheme, forced_colors="active")
    note(f"{width} px, forced colours", too_wide(page))
    page.emulate_media(color_scheme=scheme, forced_colors="none")
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    note(f"{width} px, 200 % text", too_wide(page))
    page.evaluate("() => { document.documentElement.style.fontSize = ''; }")
    if width < 700:
        page.set_viewport_size({"width": 320, "height": 640})
        note("320 px", too_wide(page))
        page.set_viewport_size(size)
    return wrong


def _keep_picture(page: Page, name: str) -> None:
    if FOLDER:
        page.screenshot(path=Path(FOLDER) / f"{name}.jpg", full_page=True, type="jpeg", quality=70)
