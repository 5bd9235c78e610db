"use strict";
// The residency map: which level each page had at each request, reduced to what a screen can show.
const LEVELS = ["not in the prompt", "pointer", "structured", "compressed", "full"];
const ABSENT = LEVELS.length; // the page has not come yet, or a reset has archived it

class ResidencyMap {
  constructor(timeline) {
    Object.assign(this, timeline);
    this.requests = timeline.used.length;
    this.pages = timeline.pages.map(([id, type, label, born, tokens, runs, gone]) => ({
      id, type, label, born, tokens, runs, gone: gone < 0 ? Infinity : gone,
    }));
    this.faults = timeline.faults.map(([request, page, kind, reason]) => ({
      request, page, kind, reason,
    }));
    this.isEpoch = new Set(timeline.epochs);
  }

  static async unpack(base64) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new ResidencyMap(await new Response(stream).json());
  }

  // The last run of a page that has begun at a request: [start, level, tokens, why], or none.
  run(page, request) {
    const { runs } = this.pages[page];
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (runs[middle][0] <= request) low = middle + 1;
      else high = middle;
    }
    return low ? { place: low - 1, of: runs[low - 1] } : null;
  }

  state(page, request) {
    const { born, gone } = this.pages[page];
    if (request < born || request >= gone) return ABSENT;
    const run = this.run(page, request);
    return run ? run.of[1] : 0;
  }

  // Fields of `step` pages by requests each, at most `rows` by `columns` of them, for a window.
  // A field has the level that most of its pages have in the middle of its requests.
  grid(window, rows, columns) {
    const dx = Math.max(1, Math.ceil((window.x1 - window.x0) / columns));
    const dy = Math.max(1, Math.ceil((window.y1 - window.y0) / rows));
    const x0 = Math.floor(window.x0 / dx) * dx;
    const y0 = Math.floor(window.y0 / dy) * dy;
    const wide = Math.ceil((window.x1 - x0) / dx);
    const high = Math.ceil((window.y1 - y0) / dy);
    const z = [];
    for (let row = 0; row < high; row++) z.push(this.gridRow(x0, y0 + row * dy, dx, dy, wide));
    return { x0, y0, dx, dy, wide, high, z };
  }

  gridRow(x0, first, dx, dy, wide) {
    const counts = new Uint16Array(wide * (ABSENT + 1));
    const end = Math.min(first + dy, this.pages.length);
    for (let page = first; page < end; page++) {
      for (let column = 0; column < wide; column++) {
        const request = Math.min(x0 + column * dx + (dx >> 1), this.requests - 1);
        counts[column * (ABSENT + 1) + this.state(page, request)]++;
      }
    }
    const line = new Array(wide);
    for (let column = 0; column < wide; column++) {
      let most = 0;
      for (let state = 1; state <= ABSENT; state++) {
        const here = counts[column * (ABSENT + 1) + state];
        const best = counts[column * (ABSENT + 1) + most];
        if (here > best || (here === best && state < ABSENT)) most = state;
      }
      line[column] = most === ABSENT ? null : most;
    }
    return line;
  }

  faultsIn(x0, x1, y0, y1) {
    return this.faults.filter(
      ({ request, page }) => request >= x0 && request < x1 && page >= y0 && page < y1,
    );
  }
}
