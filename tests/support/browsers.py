"""A headless browser for the tests that look at a page, where there is one."""

from __future__ import annotations

import shutil
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
ARGUMENTS = (
    *("--no-sandbox", "--disable-quic", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)

# Text nodes that a reader sees, each line of each with its box.
TEXTS = """() => {
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, style, select, noscript, thead")) continue;
    if (!parent.checkVisibility({ visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width < 1 || box.height < 1) continue;
      texts.push({
        text: node.data.trim(), left: box.left, right: box.right,
        top: box.top + scrollY, bottom: box.bottom + scrollY,
        inChart: parent.closest(".chart") !== null,
      });
    }
  }
  return texts;
}"""


def texts_of(page: Any) -> list[dict[str, Any]]:
    """The lines of text of a page with their boxes, in pixels of the whole page."""
    found: list[dict[str, Any]] = page.evaluate(TEXTS)
    return found


def overlapping(texts: list[dict[str, Any]], slack: float = 2) -> list[tuple[str, str]]:
    """Pairs of lines whose boxes share more than `slack` pixels in both directions."""
    pairs = []
    ordered = sorted(texts, key=lambda each: each["top"])
    for place, one in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if other["top"] >= one["bottom"] - slack:
                break
            across = min(one["right"], other["right"]) - max(one["left"], other["left"])
            if across > slack:
                pairs.append((one["text"], other["text"]))
    return pairs
