"use strict";
// Colours are custom properties of the style sheet; Plotly takes only their values.
const theme = (() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = [];

  function resolve(value, styles) {
    if (typeof value === "string") {
      const name = /^var\((--[\w-]+)\)$/.exec(value);
      return name ? styles.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => resolve(item, styles));
    if (value && Object.getPrototypeOf(value) === Object.prototype) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, resolve(item, styles)]),
      );
    }
    return value;
  }

  // Draw what `figure()` returns, now and whenever the colour scheme changes.
  function draw(element, figure) {
    const again = () => {
      const { data, layout } = resolve(figure(), getComputedStyle(document.documentElement));
      const config = {
        responsive: true, displayModeBar: false, doubleClick: false, showTips: false,
      };
      return Plotly.react(element, data, layout, config);
    };
    drawn.push(again);
    return { again, first: again() };
  }

  dark.addEventListener("change", () => drawn.forEach((again) => again()));
  return { draw, resolve };
})();

for (const [place, figure] of JSON.parse(document.getElementById("charts").textContent).entries()) {
  theme.draw(document.querySelector(`[data-chart="${place}"]`), () => figure);
}
