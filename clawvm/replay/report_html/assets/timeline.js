"use strict";
// The timeline of one session: tokens above, pages below, and what a field says beside them.
(() => {
  const element = document.getElementById("map");
  if (!element) return;
  const inspector = document.getElementById("inspector");
  const which = document.getElementById("which");
  const ROWS = 320;
  const COLUMNS = 480;
  const ALERT = "duplicate-signature"; // what is repeated while its result is there: no fault
  const MARKS = 600; // of faults; above that, a mark stands for several
  const DASHES = ["dash", "dot", "dashdot", "longdash"];
  const count = new Intl.NumberFormat("en").format;

  let map; // the session that is shown
  let grid; // what is drawn of it
  let view; // the window: requests x0..x1, pages y0..y1
  let at; // the field that is looked at: request and page
  let redraw = () => {};

  const whole = () => ({ x0: 0, x1: map.requests, y0: 0, y1: Math.max(1, map.pages.length) });
  const turn = (request) => request + 1; // as the session counts, and so its reasons
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // Drawing

  function figure() {
    grid = map.grid(view, ROWS, COLUMNS);
    return { data: [heat(), faults(), cursor(), alerts(), ...boundaries(), ...tokens()], layout: layout() };
  }

  function heat() {
    const scale = [];
    for (let level = 0; level < ABSENT; level++) {
      const colour = `var(--level-${level})`;
      scale.push([level / ABSENT, colour], [(level + 1) / ABSENT, colour]);
    }
    return {
      type: "heatmap", z: grid.z, colorscale: scale, zmin: -0.5, zmax: ABSENT - 0.5,
      x0: turn(grid.x0 + (grid.dx - 1) / 2), dx: grid.dx, y0: grid.y0 + (grid.dy - 1) / 2, dy: grid.dy,
      showscale: false, hoverinfo: "none", hoverongaps: true, zsmooth: false,
    };
  }

  function faults() {
    return marks((kind) => kind !== ALERT, {
      symbol: "x", size: 9, color: "var(--fault)", line: { color: "var(--card)", width: 1.5 },
    });
  }

  function alerts() {
    return marks((kind) => kind === ALERT, {
      symbol: "circle", size: 6, color: "var(--muted)", line: { color: "var(--card)", width: 1.5 },
    });
  }

  function marks(fits, marker) {
    const found = map.faultsIn(view.x0, view.x1, view.y0, view.y1).filter(({ kind }) => fits(kind));
    let marks = new Map();
    for (let size = 1; !marks.size || marks.size > MARKS; size *= 2) {
      marks = new Map();
      const [wide, high] = [grid.dx * size, grid.dy * size];
      for (const { request, page } of found) {
        const [x, y] = [Math.floor(request / wide), Math.floor(page / high)];
        marks.set(`${x} ${y}`, [turn(x * wide + (wide - 1) / 2), y * high + (high - 1) / 2]);
      }
      if (!marks.size) break;
    }
    const places = [...marks.values()];
    return {
      type: "scatter", mode: "markers", x: places.map(([x]) => x), y: places.map(([, y]) => y),
      hoverinfo: "skip", marker,
    };
  }

  function cursor() {
    return {
      type: "scatter", mode: "markers", x: at ? [turn(at.request)] : [], y: at ? [at.page] : [],
      hoverinfo: "skip",
      marker: { symbol: "circle-open", size: 14, color: "var(--ink)", line: { width: 2 } },
    };
  }

  function boundaryKinds() {
    return [...new Set(map.boundaries.map(([, kind]) => kind))].sort();
  }

  function boundaries() {
    return boundaryKinds().map((kind, place) => {
      const x = map.boundaries.filter(([, each]) => each === kind).map(([request]) => turn(request) - 0.5);
      return {
        type: "scatter", mode: "lines", hoverinfo: "skip",
        x: x.flatMap((request) => [request, request, null]),
        y: x.flatMap(() => [-0.5, map.pages.length - 0.5, null]),
        line: { color: "var(--boundary)", width: 1.5, dash: DASHES[place % DASHES.length] },
      };
    });
  }

  function tokens() {
    const x = map.used.map((_, request) => turn(request));
    const epochs = map.epochs.filter((request) => map.used[request] !== null);
    const failed = withoutPrompt();
    const upper = { type: "scatter", yaxis: "y2", hoverinfo: "none" };
    return [
      {
        ...upper, mode: "lines", x, y: map.used, fill: "tozeroy", fillcolor: "var(--used-fill)",
        line: { color: "var(--accent)", width: 1.5 },
      },
      {
        ...upper, mode: "markers", x, y: map.floor, hoverinfo: "skip",
        marker: { symbol: "line-ew-open", size: 6, color: "var(--muted)", line: { width: 2 } },
      },
      {
        ...upper, mode: "markers", x: epochs.map(turn), y: epochs.map((request) => map.used[request]),
        hoverinfo: "skip", marker: { symbol: "triangle-down", size: 9, color: "var(--epoch)" },
      },
      {
        ...upper, mode: "markers", x: failed.map(turn), y: failed.map(() => map.budget_tokens),
        hoverinfo: "skip", marker: { symbol: "x-thin", size: 7, line: { color: "var(--fault)", width: 2 } },
      },
      {
        ...upper, mode: "lines", x: [0.5, map.requests + 0.5], hoverinfo: "skip",
        y: [map.budget_tokens, map.budget_tokens],
        line: { color: "var(--ink)", width: 1, dash: "dash" },
      },
    ];
  }

  // Requests whose floor did not fit the budget.
  function withoutPrompt() {
    return map.used.flatMap((used, request) => (used === null ? [request] : []));
  }

  function layout() {
    const axis = {
      gridcolor: "var(--line)", linecolor: "var(--line)", zeroline: false, automargin: true,
      showspikes: true, spikemode: "across", spikesnap: "cursor", spikethickness: 1,
      spikecolor: "var(--muted)", spikedash: "solid",
    };
    const coarse = matchMedia("(pointer: coarse)").matches;
    const peak = map.used.reduce((most, used) => Math.max(most, used ?? 0), map.budget_tokens);
    return {
      height: element.clientHeight, margin: { l: 8, r: 10, t: 8, b: 8, pad: 2 },
      paper_bgcolor: "var(--card)", plot_bgcolor: "var(--card)", showlegend: false,
      font: { color: "var(--ink)", family: "var(--font)", size: 12 },
      hovermode: "closest", dragmode: coarse ? false : "zoom",
      xaxis: {
        ...axis, title: { text: "turn", standoff: 6 }, showgrid: false, anchor: "y",
        range: [view.x0 + 0.5, view.x1 + 0.5],
        fixedrange: coarse, minallowed: 0.5, maxallowed: map.requests + 0.5,
        tickformat: ",d", nticks: 8,
      },
      yaxis: {
        ...axis, title: { text: "page", standoff: 6 }, showgrid: false, domain: [0, 0.72],
        range: [view.y1 - 0.5, view.y0 - 0.5], fixedrange: coarse,
        minallowed: -0.5, maxallowed: Math.max(1, map.pages.length) - 0.5, tickformat: ",d",
      },
      yaxis2: {
        ...axis, title: { text: "tokens", standoff: 6 }, domain: [0.78, 1], anchor: "x",
        range: [0, peak * 1.08], fixedrange: true, tickformat: "~s", nticks: 4, showspikes: false,
      },
    };
  }

  function legend() {
    const list = document.getElementById("legend");
    const items = LEVELS.map((name, level) => [name, `var(--level-${level})`, ""]);
    const kinds = map.faults.map(({ kind }) => kind);
    if (kinds.some((kind) => kind !== ALERT)) items.push(["fault", "var(--fault)", "✕"]);
    if (kinds.includes(ALERT)) items.push(["repeated call", "var(--muted)", "●"]);
    items.push(["budget", "var(--ink)", "╌"]);
    items.push(["epoch", "var(--epoch)", "▾"]);
    if (map.floor.some((floor) => floor !== null)) items.push(["floor", "var(--muted)", "–"]);
    if (withoutPrompt().length) items.push(["no prompt", "var(--fault)", "×"]);
    boundaryKinds().forEach((kind, place) => items.push([kind, "var(--boundary)", "┆╎┊┇"[place % 4]]));
    list.replaceChildren(
      ...items.map(([name, colour, mark]) => {
        const swatch = node("span", mark, mark ? "mark" : "swatch");
        swatch.style[mark ? "color" : "background"] = colour;
        swatch.ariaHidden = "true";
        const item = node("li", "");
        item.append(swatch, name);
        return item;
      }),
    );
  }

  // What a field says

  function node(name, text, className = "") {
    const made = document.createElement(name);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  const kindOf = (page) => `${page.type[0].toUpperCase()}${page.type.slice(1)} page`;

  function inspect() {
    const page = map.pages[at.page];
    const said = page ? onField(page) : [];
    inspector.replaceChildren(...said, ...onRequest());
  }

  function onField(page) {
    const head = node("h3", `${page.label} `);
    head.append(node("code", page.id));
    const said = [head];
    const state = map.state(at.page, at.request);
    if (state === ABSENT) {
      const when = at.request < page.born ? `it comes with turn ${count(turn(page.born))}`
        : `a reset archived it before turn ${count(turn(page.gone))}`;
      said.push(node("p", `${kindOf(page)} of ${count(page.tokens)} tokens; ${when}.`));
    } else {
      said.push(...onLevel(page, state));
    }
    const { x0, x1, y0, y1 } = field();
    const here = map.faultsIn(x0, x1, y0, y1);
    for (const { kind, request, reason } of here.slice(0, 3)) {
      const style = kind === ALERT ? "hint" : "fault";
      said.push(node("p", `${kind} at turn ${count(turn(request))}: ${reason}`, style));
    }
    if (here.length > 3) said.push(node("p", `and ${here.length - 3} more`, "fault"));
    if (y1 - y0 > 1 || x1 - x0 > 1) {
      said.push(node("p", `This field stands for ${y1 - y0} pages and ${x1 - x0} turns; `
        + "zoom in to tell them apart.", "hint"));
    }
    return said;
  }

  function onLevel(page, state) {
    const run = map.run(at.page, at.request);
    const tokens = run ? run.of[2] : 0;
    const level = node("p", "", "level");
    const swatch = node("span", "", "swatch");
    swatch.style.background = `var(--level-${state})`;
    level.append(swatch, node("strong", LEVELS[state]),
      node("span", `${count(tokens)} of ${count(page.tokens)} tokens`));
    const said = [level];
    if (run) {
      const before = run.place ? LEVELS[page.runs[run.place - 1][1]] : null;
      const since = `Since turn ${count(turn(run.of[0]))}`;
      said.push(node("p", before ? `${since}; before that ${before}.`
        : `${since}, when it ${run.of[0] === page.born ? "came" : "was first shown"}.`));
    }
    said.push(node("p", `${kindOf(page)}, there since turn ${count(turn(page.born))}.`));
    if (run && run.of[3] >= 0) said.push(node("p", map.reasons[run.of[3]], "why"));
    return said;
  }

  function onRequest() {
    const used = map.used[at.request];
    const floor = map.floor[at.request];
    const parts = [used === null
      ? `no prompt could be built within ${count(map.budget_tokens)} tokens`
      : `${count(used)} of ${count(map.budget_tokens)} tokens used`];
    if (floor !== null) parts.push(`floor ${count(floor)}`);
    if (map.isEpoch.has(at.request)) parts.push("an epoch: pages gave way");
    for (const [request, kind] of map.boundaries) {
      if (request === at.request) parts.push(`after a ${kind}`);
    }
    return [node("p", `Turn ${count(turn(at.request))}: ${parts.join("; ")}.`, "request")];
  }

  // The field of the grid that the cursor is in.
  function field() {
    const x0 = Math.floor(at.request / grid.dx) * grid.dx;
    const y0 = Math.floor(at.page / grid.dy) * grid.dy;
    return {
      x0, x1: Math.min(x0 + grid.dx, map.requests),
      y0, y1: Math.min(y0 + grid.dy, map.pages.length),
    };
  }

  // Moving about

  function look(request, page) {
    at = {
      request: clamp(Math.round(request), 0, map.requests - 1),
      page: clamp(Math.round(page), 0, map.pages.length - 1),
    };
    inspect();
  }

  function show(next) {
    const [wide, high] = [next.x1 - next.x0, next.y1 - next.y0];
    const limits = whole();
    view = {
      x0: clamp(Math.floor(next.x0), 0, limits.x1 - 1),
      y0: clamp(Math.floor(next.y0), 0, limits.y1 - 1),
    };
    view.x1 = clamp(Math.ceil(view.x0 + wide), view.x0 + 1, limits.x1);
    view.y1 = clamp(Math.ceil(view.y0 + high), view.y0 + 1, limits.y1);
    redraw();
  }

  function zoom(factor) {
    const [wide, high] = [view.x1 - view.x0, view.y1 - view.y0];
    const centre = at ?? { request: view.x0 + wide / 2, page: view.y0 + high / 2 };
    const limits = whole();
    const [width, height] = [
      clamp(Math.round(wide * factor), Math.min(8, limits.x1), limits.x1),
      clamp(Math.round(high * factor), Math.min(8, limits.y1), limits.y1),
    ];
    const x0 = clamp(Math.round(centre.request - width / 2), 0, limits.x1 - width);
    const y0 = clamp(Math.round(centre.page - height / 2), 0, limits.y1 - height);
    show({ x0, x1: x0 + width, y0, y1: y0 + height });
  }

  function onKey(event) {
    const steps = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    };
    if (event.key === "+" || event.key === "-") {
      zoom(event.key === "+" ? 0.5 : 2);
    } else if (event.key === "Escape" || event.key === "0") {
      show(whole());
    } else if (steps[event.key]) {
      const [right, down] = steps[event.key];
      const from = at ?? { request: view.x0, page: view.y0 };
      look(from.request + right * grid.dx, from.page + down * grid.dy);
      mark();
    } else {
      return;
    }
    event.preventDefault();
  }

  function onPoint(event) {
    const [point] = event.points;
    const isMap = point.data.type === "heatmap";
    look(point.x - 1, isMap ? point.y : at ? at.page : 0);
    if (isMap) settle(point.z);
  }

  // Of the pages of a field, look at the one nearest its middle that has the field's colour.
  function settle(level) {
    const { y0, y1 } = field();
    const middle = at.page;
    const alike = [];
    for (let page = y0; page < y1; page++) {
      if (map.state(page, at.request) === level) alike.push(page);
    }
    alike.sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle));
    if (alike.length) look(at.request, alike[0]);
  }

  function onTap(event) {
    onPoint(event);
    mark();
  }

  // Show the cursor where it is now.
  function mark() {
    Plotly.restyle(element, { x: [[turn(at.request)]], y: [[at.page]] }, [2]);
  }

  function onZoomed(change) {
    if (!("xaxis.range[0]" in change) && !("yaxis.range[0]" in change)) return;
    const { xaxis, yaxis } = element.layout;
    const [y1, y0] = yaxis.range;
    const [x0, x1] = xaxis.range;
    show({ x0: x0 - 0.5, x1: x1 - 0.5, y0: y0 + 0.5, y1: y1 + 0.5 });
  }

  async function load() {
    if (typeof DecompressionStream === "undefined") {
      inspector.replaceChildren(node("p", "Sessions are packed in a way that this browser cannot "
        + "unpack; open the report in one that was made since 2023."));
      return;
    }
    const packed = document.getElementById(`timeline-${which.value}`).textContent;
    map = await ResidencyMap.unpack(packed);
    at = undefined;
    view = whole();
    legend();
    inspector.replaceChildren(node("p", "Point at a field to see its page, level and reason.", "hint"));
    if (element.data) {
      redraw();
      return;
    }
    const drawing = theme.draw(element, figure);
    redraw = drawing.again;
    await drawing.first;
    element.on("plotly_hover", onPoint);
    element.on("plotly_click", onTap);
    element.on("plotly_relayout", onZoomed);
    element.on("plotly_doubleclick", () => show(whole()));
    element.addEventListener("keydown", onKey);
    document.getElementById("zoom-in").addEventListener("click", () => zoom(0.5));
    document.getElementById("zoom-out").addEventListener("click", () => zoom(2));
    document.getElementById("zoom-all").addEventListener("click", () => show(whole()));
    document.documentElement.dataset.ready = "yes";
  }

  which.addEventListener("change", load);
  load();
})();
