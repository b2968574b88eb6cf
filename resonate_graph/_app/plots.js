// Waveforms, loudness and spectrograms by plotly, under one axis of time. What a zoom shows is
// fetched anew: extremes for waveforms, levels for spectrograms, which become a picture here and are
// read again for what stands beside the pointer. All of it is drawn on a canvas under plotly's axes,
// since plotly takes longer to draw curves anew than they take to come: what is known already is
// stretched at once, as maps do it, until what is finer is there. Places that the player has marked
// are marked too.

// Nine places of the map "magma" (N. Smith and S. van der Walt, CC0).
const MAGMA = [[0, 0, 4], [28, 16, 68], [79, 18, 123], [129, 37, 129], [181, 54, 122], [229, 80, 100],
  [251, 135, 97], [254, 194, 135], [252, 253, 191]];
const LEFT = 52, RIGHT = 8, NEAR = 6;
// The colours of the player, by what is seen, for where there is none.
const HUES = ["#2f6fb5", "#b4552d", "#1f8a70", "#8a4fae", "#a47a12", "#b83b6b"];

let loading = null;
function plotly(source) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { loading = null; reject(new Error("plotly did not come")); };
    document.head.append(script);
  });
  return loading;
}

function palette(low, high, lowest, highest) {
  const colours = new Uint8ClampedArray(256 * 3);
  for (let value = 0; value < 256; value++) {
    const level = lowest + value / 255 * (highest - lowest);
    const at = Math.min(1, Math.max(0, (level - low) / (high - low))) * (MAGMA.length - 1);
    const below = Math.min(MAGMA.length - 2, Math.floor(at)), part = at - below;
    for (let one = 0; one < 3; one++)
      colours[3 * value + one] = MAGMA[below][one] * (1 - part) + MAGMA[below + 1][one] * part;
  }
  return colours;
}

function picture(tile, low, high) {
  const canvas = document.createElement("canvas");
  canvas.width = tile.columns;
  canvas.height = tile.bands;
  const context = canvas.getContext("2d"), image = context.createImageData(tile.columns, tile.bands);
  const colours = palette(low, high, tile.lowest, tile.highest);
  for (let band = 0; band < tile.bands; band++) {
    const row = (tile.bands - 1 - band) * tile.columns;
    for (let column = 0; column < tile.columns; column++) {
      const at = 4 * (row + column), from = 3 * tile.levels[band * tile.columns + column];
      image.data[at] = colours[from];
      image.data[at + 1] = colours[from + 1];
      image.data[at + 2] = colours[from + 2];
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const clock = seconds => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(3).padStart(6, "0")}`;
const axis = number => number === 1 ? "" : String(number);

class Plots {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "rg-plots";
    this.root.setAttribute("role", "img");
    this.root.setAttribute("aria-label", "Waveforms, loudness and spectrograms under one axis of time");
    this.plot = document.createElement("div");
    this.tip = Object.assign(document.createElement("div"), { className: "rg-plot-tip" });
    this.head = Object.assign(document.createElement("div"), { className: "rg-plot-head" });
    this.marks = Object.assign(document.createElement("canvas"), { className: "rg-plot-marks" });
    this.fault = Object.assign(document.createElement("div"), { className: "rg-plot-fault" });
    this.drawn = Object.assign(document.createElement("canvas"), { className: "rg-plot-drawn" });
    this.root.append(this.drawn, this.plot, this.marks, this.tip, this.head, this.fault);
    parent.append(this.root);
    this.seen = this.whole = null;  // what shows the part in sight, and what shows all of it
    this.turn = 0;
    this.watch = new ResizeObserver(() => this.resized());
  }

  async show(data) {
    const before = this.data, shown = one => JSON.stringify({ ...one, low: 0, high: 0 });
    this.data = data;
    if (before && this.seen && shown(before) === shown(data)) {  // only the colours are others
      for (const one of [this.seen, this.whole])
        for (const tile of one?.tiles ?? []) tile.picture = picture(tile, data.low, data.high);
      this.paint();
      return;
    }
    this.seen = this.whole = null;
    this.plotly = await plotly(data.plotly);
    const figure = JSON.parse(data.figure), style = getComputedStyle(this.root);
    const soft = "rgba(128,128,128,.25)";
    const count = this.above + (data.spectra ? data.rows.length : 0);
    figure.layout.font = { color: style.color, family: style.fontFamily, size: 12 };
    for (let number = 1; number <= count; number++)
      for (const one of ["xaxis", "yaxis"])
        Object.assign(figure.layout[one + axis(number)], { gridcolor: soft, zerolinecolor: soft });
    figure.layout.autosize = true;
    this.hues = data.rows.map(row => this.hue(row));
    const range = this.range;  // what was seen before stays in sight
    if (range) for (let number = 1; number <= count; number++) figure.layout["xaxis" + axis(number)].range = range;
    delete figure.layout.template;
    await this.plotly.react(this.plot, figure.data, figure.layout, { displaylogo: false, responsive: false,
      scrollZoom: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "toImage"] });
    if (!this.listening) {
      this.listening = true;
      this.plot.on("plotly_relayout", () => this.fetch());
      this.plot.addEventListener("mousemove", event => this.hover(event));
      this.plot.addEventListener("mouseleave", () => { this.tip.style.opacity = 0; });
      this.plot.addEventListener("click", event => this.seek(event));
      this.watch.observe(this.root);
      const follow = () => { this.follow(); this.frame = requestAnimationFrame(follow); };
      follow();
    }
    await this.fetch();
  }

  get layout() { return this.plot._fullLayout; }
  get above() { return this.data.rows.length + (this.data.loudness ? 1 : 0); }  // rows above the spectrograms
  axisOf(index) { return axis(this.above + index + 1); }

  hue(row) {
    const number = Number(row.view) % HUES.length, player = document.querySelector(".rg-player");
    return (player && getComputedStyle(player).getPropertyValue(`--rg-hue-${number}`).trim()) || HUES[number];
  }

  resized() {
    if (this.layout && Math.abs(this.layout.width - this.root.clientWidth) > 1) this.plotly.Plots.resize(this.plot);
  }

  // Fetch what is in sight, finer or coarser than before; one part at a time, the latest next.
  async fetch() {
    this.wanted = ++this.turn;
    if (this.fetching) return;
    this.fetching = true;
    while (this.wanted) {
      const turn = this.wanted;
      this.wanted = 0;
      try {
        const begun = performance.now(), found = await this.look();
        if (found.data !== this.data) continue;  // something else is shown by now
        this.seen = found;
        if (found.whole) this.whole = found;
        this.paint();
        this.name(found);
        this.fault.textContent = "";
        Object.assign(this.root.dataset, { milliseconds: Math.round(performance.now() - begun), fetched: turn,
          step: found.waves[0].step });
      } catch (error) {
        this.fault.textContent = `This part cannot be shown: ${error.message}`;
      }
    }
    this.fetching = false;
  }

  async look() {
    const { data } = this, [from, to] = this.layout.xaxis.range.map(Number);
    this.range = [from, to];
    const columns = Math.max(200, Math.round(this.root.clientWidth - LEFT - RIGHT));
    const part = `from=${Math.max(0, from)}&to=${to}&columns=${columns}`;
    const [waves, courses, tiles] = await Promise.all([
      Promise.all(data.rows.map(row => this.wave(`${data.base}/wave/${row.view}?${part}`))),
      Promise.all(data.loudness ? data.rows.map(row => this.json(`${data.base}/loudness/${row.view}?${part}`)) : []),
      Promise.all(data.spectra ? data.rows.map((row, index) => {
        const [low, high] = this.hertz(index);
        return this.tile(`${data.base}/spectrum/${row.view}?${part}&scale=${data.scale}&low=${low}&high=${high}`);
      }) : []),
    ]);
    for (const tile of tiles) tile.picture = picture(tile, data.low, data.high);
    return { data, waves, courses, tiles, from, to, whole: from <= 0 && data.rows.every(row => row.seconds <= to) };
  }

  // Say which loudness is shown.
  name({ courses, waves }) {
    const what = courses.map(course => course.what).find(Boolean), title = this.layout.annotations[waves.length];
    if (what && title.text !== `loudness, ${what}`)
      this.plotly.relayout(this.plot, { [`annotations[${waves.length}].text`]: `loudness, ${what}` });
  }

  hertz(index) {
    const range = this.layout["yaxis" + this.axisOf(index)].range.map(Number);
    return this.data.scale === "log" ? range.map(one => 10 ** one) : range.map(one => Math.max(0, one));
  }

  async answer(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`the run is not there any more (${answer.status})`);
    return answer;
  }

  async json(address) { return (await this.answer(address)).json(); }

  async part(address) {
    const answer = await this.answer(address), content = await answer.arrayBuffer();
    return { content, fact: name => Number(answer.headers.get(`X-Part-${name}`)) };
  }

  async wave(address) {
    const { content, fact } = await this.part(address), both = new Float32Array(content), count = both.length / 2;
    const start = fact("Start"), step = fact("Step");
    return { start, step, low: both.subarray(0, count), high: both.subarray(count) };
  }

  async tile(address) {
    const { content, fact } = await this.part(address);
    return { levels: new Uint8Array(content), bands: fact("Bands"), columns: fact("Columns"), start: fact("Start"),
      stop: fact("Stop"), lowHz: fact("Low"), highHz: fact("High"), lowest: fact("Lowest"), highest: fact("Highest") };
  }

  // Draw what is known where the axes are now.
  paint() {
    const { layout, drawn, seen, data } = this, dots = window.devicePixelRatio || 1;
    const width = Math.round(layout.width * dots), height = Math.round(layout.height * dots);
    if (drawn.width !== width || drawn.height !== height) {
      Object.assign(drawn, { width, height });
      Object.assign(drawn.style, { width: `${layout.width}px`, height: `${layout.height}px` });
    }
    const pen = drawn.getContext("2d"), [from, to] = layout.xaxis.range.map(Number);
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, layout.width, layout.height);
    if (!seen) return;
    const inside = (seen.from <= from && seen.to >= to) || !this.whole, curves = inside ? seen : this.whole;
    curves.waves.forEach((wave, index) => this.within(pen, index + 1, (x, y) => {
      pen.strokeStyle = pen.fillStyle = this.hues[index];
      pen.beginPath();
      wave.low.forEach((value, at) => pen.lineTo(x(wave.start + at * wave.step), y(value)));
      if (wave.low.some((value, at) => value !== wave.high[at])) {  // else these are samples
        for (let at = wave.high.length - 1; at >= 0; at--) pen.lineTo(x(wave.start + at * wave.step), y(wave.high[at]));
        pen.fill();
      }
      pen.stroke();
    }));
    curves.courses.forEach((course, index) => this.within(pen, this.above, (x, y) => {
      pen.strokeStyle = this.hues[index];
      pen.lineWidth = 1.5;
      pen.lineJoin = "round";
      pen.beginPath();
      course.seconds.forEach((value, at) => {
        if (course.lufs[at] === null) return;
        const before = at && course.lufs[at - 1] !== null;
        pen[before ? "lineTo" : "moveTo"](x(value), y(course.lufs[at]));
      });
      pen.stroke();
    }));
    const scaled = hertz => data.scale === "log" ? Math.log10(hertz) : hertz;
    for (const { tiles } of [this.whole ?? seen, seen])
      tiles.forEach((tile, index) => this.within(pen, this.above + index + 1, (x, y) => {
        const left = x(tile.start), top = y(scaled(tile.highHz));
        pen.drawImage(tile.picture, left, top, x(tile.stop) - left, y(scaled(tile.lowHz)) - top);
      }));
  }

  // Draw in a row of the figure, with what tells where seconds and values lie there.
  within(pen, row, draw) {
    const { xaxis, [`yaxis${axis(row)}`]: yaxis } = this.layout;
    const [from, to] = xaxis.range.map(Number), [low, high] = yaxis.range.map(Number);
    pen.save();
    pen.beginPath();
    pen.rect(xaxis._offset, yaxis._offset, xaxis._length, yaxis._length);
    pen.clip();
    draw(seconds => xaxis._offset + (seconds - from) / (to - from) * xaxis._length,
      value => yaxis._offset + (high - value) / (high - low) * yaxis._length);
    pen.restore();
  }

  place(event) {
    const box = this.plot.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const xaxis = this.layout.xaxis, seconds = xaxis.p2c(x - xaxis._offset);
    return { x, y, seconds };
  }

  hover(event) {
    if (!this.layout) return;
    const { x, y, seconds } = this.place(event), { data } = this;
    const [from, to] = this.layout.xaxis.range.map(Number);
    let text = "";
    if (seconds >= from && seconds <= to) {
      text = clock(Math.max(0, seconds)) + this.loudnessAt(seconds, y) + this.markAt(x);
      (this.seen?.tiles ?? []).forEach((tile, index) => {
        const yaxis = this.layout["yaxis" + this.axisOf(index)], inside = y - yaxis._offset;
        if (inside < 0 || inside > yaxis._length) return;
        const value = yaxis.p2c(inside), hertz = data.scale === "log" ? 10 ** value : value;
        const log = data.scale === "log", low = log ? Math.log10(tile.lowHz) : tile.lowHz, high = log ? Math.log10(tile.highHz) : tile.highHz;
        const band = Math.floor((value - low) / (high - low) * tile.bands);
        const column = Math.floor((seconds - tile.start) / (tile.stop - tile.start) * tile.columns);
        const code = tile.levels[band * tile.columns + column];
        if (band < 0 || band >= tile.bands || column < 0 || column >= tile.columns) return;
        const level = tile.lowest + code / 255 * (tile.highest - tile.lowest);
        text += ` · ${Math.round(hertz).toLocaleString("en")} Hz · ${code ? "" : "≤ "}${level.toFixed(1).replace("-", "−")} dBFS`;
      });
    }
    this.tip.textContent = text;
    this.tip.style.opacity = text ? 1 : 0;
    this.tip.style.left = `${Math.min(x + 12, this.root.clientWidth - this.tip.offsetWidth)}px`;
    this.tip.style.top = `${y + 14}px`;
  }

  loudnessAt(seconds, y) {
    if (!this.data.loudness || !this.seen) return "";
    const yaxis = this.layout["yaxis" + axis(this.above)], inside = y - yaxis._offset;
    if (inside < 0 || inside > yaxis._length) return "";
    return this.seen.courses.map((course, index) => {
      let nearest = -1;
      course.seconds.forEach((one, at) => { if (nearest < 0 || Math.abs(one - seconds) < Math.abs(course.seconds[nearest] - seconds)) nearest = at; });
      const lufs = course.lufs[nearest];
      return lufs == null ? "" : ` · ${this.data.rows[index].label} ${lufs.toFixed(1).replace("-", "−")} LUFS`;
    }).join("");
  }

  // What was found, as the player has it.
  get found() { return (this.player?.tracks ?? []).flatMap(track => track.marks); }

  markAt(x) {
    const { xaxis } = this.layout, at = seconds => xaxis._offset + xaxis.c2p(seconds);
    const mark = this.found.find(([from, to]) => x > at(from) - NEAR && x < at(to) + NEAR);
    return mark ? ` · ${mark[2]}` : "";
  }

  drawMarks() {
    const { layout, marks } = this, { xaxis } = layout, dots = window.devicePixelRatio || 1;
    const found = this.found, top = layout.margin.t, height = layout.height - layout.margin.b;
    this.root.dataset.marks = found.length;
    marks.hidden = !found.length;
    if (marks.hidden) return;
    marks.width = layout.width * dots;
    marks.height = height * dots;
    marks.style.width = `${layout.width}px`;
    marks.style.height = `${height}px`;
    const pen = marks.getContext("2d");
    pen.scale(dots, dots);
    const style = getComputedStyle(document.querySelector(".rg-player") ?? this.root);
    pen.fillStyle = style.getPropertyValue("--rg-mark").trim() || "#c2410c";
    let last = -Infinity;
    for (const [from, to] of [...found].sort((one, other) => one[0] - other[0])) {
      const left = xaxis._offset + Math.max(0, xaxis.c2p(from)), right = xaxis._offset + Math.min(xaxis._length, xaxis.c2p(to));
      if (right < xaxis._offset || left > xaxis._offset + xaxis._length || (right - last < 1 && left >= last - 1)) continue;
      last = right;
      pen.globalAlpha = 1;
      pen.beginPath();
      if (right - left > 8) pen.rect(left, 5, right - left, 7);
      else { pen.moveTo(left - 4, 4); pen.lineTo(left + 5, 4); pen.lineTo(left + 0.5, 13); }
      pen.fill();
      pen.globalAlpha = 0.16;
      pen.fillRect(left, top, Math.max(1, right - left), height - top);
    }
  }

  get player() { return [...document.querySelectorAll(".rg-player")].map(one => one.player).find(Boolean); }

  seek(event) {
    const { seconds } = this.place(event), [from, to] = this.layout.xaxis.range.map(Number);
    if (this.player && seconds >= from && seconds <= to && !event.target.closest(".modebar")) this.player.seek(seconds);
  }

  follow() {
    const { player, layout } = this;
    const xaxis = layout?.xaxis;
    const heights = xaxis && Object.keys(layout).filter(one => one.startsWith("yaxis")).map(one => layout[one].range);
    const view = xaxis && `${xaxis.range} ${heights} ${layout.width} ${layout.height}`;
    if (view !== this.painted) this.paint();
    this.painted = view;
    if (!player || !xaxis) { this.head.style.opacity = 0; this.followed = ""; return; }
    const position = player.position, [from, to] = xaxis.range.map(Number);
    const shown = position >= from && position <= to, seen = `${from} ${to} ${layout.height} ${layout.width}`;
    const now = `${position} ${seen}`;
    if (now === this.followed) return;  // nothing is to be drawn
    this.followed = now;
    if (seen !== this.marked) this.drawMarks();
    this.marked = seen;
    this.head.style.opacity = shown ? 1 : 0;
    this.root.dataset.head = position;
    if (!shown) return;
    this.head.style.left = `${xaxis._offset + xaxis.c2p(position)}px`;
    this.head.style.top = `${layout.margin.t}px`;
    this.head.style.height = `${layout.height - layout.margin.t - layout.margin.b}px`;
  }

  end() {
    cancelAnimationFrame(this.frame);
    this.watch.disconnect();
    if (this.plotly) this.plotly.purge(this.plot);
    this.root.remove();
  }
}

export default function ({ parentElement, data }) {
  const text = JSON.stringify(data);
  const plots = parentElement.plots ??= new Plots(parentElement);
  if (plots.text !== text) {
    plots.text = text;
    plots.show(data).catch(error => { plots.fault.textContent = error.message; });
  }
  return () => { plots.end(); delete parentElement.plots; };
}
