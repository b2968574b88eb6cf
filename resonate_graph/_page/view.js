// The picture of a track: marks, waveform, spectrogram and time, of any part of it.

const MARKS = 14, AXIS = 20, GAP = 6;
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const HERTZ = [1000, 10000, 100, 50000, 20000, 5000, 2000, 500, 200, 50];  // what is to be labelled first

function clock(seconds, digits = 1) {
  const unit = 10 ** digits, whole = Math.round(Math.max(0, seconds) * unit) / unit;
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const rest = (whole % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// Lowest and highest of columns, at twice as many samples a column on each floor.
class Peaks {
  constructor(track) {
    this.samples = track.peaks.samples;
    this.reach = track.peaks.reach;
    this.floors = [new Int8Array(fromBase64(track.peaks.values).buffer)];
  }

  floor(level) {
    while (this.floors.length <= level) {
      const below = this.floors[this.floors.length - 1], columns = Math.ceil(below.length / 4);
      const made = new Int8Array(2 * columns);
      for (let at = 0; at < columns; at++) {
        const one = 4 * at, other = Math.min(one + 2, below.length - 2);
        made[2 * at] = Math.min(below[one], below[other]);
        made[2 * at + 1] = Math.max(below[one + 1], below[other + 1]);
      }
      this.floors.push(made);
    }
    return this.floors[level];
  }

  // Lowest and highest amplitude of what lies between two frames.
  between(from, to) {
    const level = Math.max(0, Math.floor(Math.log2(Math.max(1, (to - from) / this.samples))) - 1);
    const values = this.floor(level), size = this.samples * 2 ** level;
    const first = Math.max(0, Math.floor(from / size)), stop = Math.min(values.length / 2, Math.max(first + 1, Math.ceil(to / size)));
    let low = 127, high = -127;
    for (let at = first; at < stop; at++) {
      if (values[2 * at] < low) low = values[2 * at];
      if (values[2 * at + 1] > high) high = values[2 * at + 1];
    }
    return low > high ? null : [low / 127 * this.reach, high / 127 * this.reach];
  }
}

// The same of decoded samples, which lie in parts, in frames of the track.
function extremes(parts, from, to) {
  let low = Infinity, high = -Infinity;
  for (const { values, start, ratio } of parts) {
    const first = Math.max(0, Math.floor(from * ratio - start)), stop = Math.min(values.length, Math.ceil(to * ratio - start));
    for (let at = first; at < stop; at++) {
      if (values[at] < low) low = values[at];
      if (values[at] > high) high = values[at];
    }
  }
  return low > high ? null : [low, high];
}

class View {
  // `lanes` says which tracks are drawn, the first of them with its spectrogram.
  constructor(canvas, seconds, colours) {
    Object.assign(this, { canvas, seconds, colours, from: 0, to: seconds, lanes: [], others: [] });
    this.peaks = new Map();
    this.pictures = new Map();
    this.nearest = Math.min(seconds, 0.005);
  }

  show(from, to) {
    const length = Math.min(this.seconds, Math.max(this.nearest, to - from));
    this.from = Math.min(Math.max(0, from), this.seconds - length);
    this.to = this.from + length;
  }

  get length() { return this.to - this.from; }
  get whole() { return this.length >= this.seconds * 0.999; }

  zoom(factor, around) {
    const part = (around - this.from) / this.length, length = this.length / factor;
    this.show(around - part * length, around - part * length + length);
  }

  x(seconds) { return (seconds - this.from) / this.length * this.width; }
  time(x) { return this.from + x / this.width * this.length; }

  picture(track) {
    let image = this.pictures.get(track);
    if (!image) {
      image = new Image();
      image.onload = () => this.draw();
      image.src = track.spectrum.src;
      this.pictures.set(track, image);
    }
    return image;
  }

  peaksOf(track) {
    if (!this.peaks.has(track)) this.peaks.set(track, new Peaks(track));
    return this.peaks.get(track);
  }

  draw() {
    const { canvas } = this, box = canvas.getBoundingClientRect(), dots = window.devicePixelRatio || 1;
    if (!box.width || !this.lanes.length) return;
    this.width = box.width;
    this.height = box.height;
    canvas.width = Math.round(box.width * dots);
    canvas.height = Math.round(box.height * dots);
    const pen = this.pen = canvas.getContext("2d");
    pen.setTransform(canvas.width / box.width, 0, 0, canvas.height / box.height, 0, 0);
    const style = getComputedStyle(canvas);
    this.ink = name => style.getPropertyValue(`--rg-${name}`).trim();
    pen.font = `11px ${style.fontFamily}`;
    const room = this.height - MARKS - AXIS, alone = this.lanes.length === 1;
    this.waves = [MARKS, MARKS + (alone ? Math.round(room * 0.47) : room - GAP)];
    this.spectrum = alone ? [this.waves[1] + GAP, this.height - AXIS] : null;
    pen.fillStyle = this.ink("ground");
    pen.fillRect(0, this.waves[0], this.width, this.waves[1] - this.waves[0]);
    this.drawLoop();
    const each = (this.waves[1] - this.waves[0]) / this.lanes.length;
    this.lanes.forEach((lane, index) =>
      this.drawWave(lane, this.waves[0] + index * each, each, this.lanes.length > 1));
    if (this.spectrum) this.drawSpectrum(this.lanes[0].track);
    this.drawMarks();
    this.drawLoopEnds();
    this.drawTimes();
  }

  drawLoop() {
    if (!this.loop) return;
    const [from, to] = this.loop.map(one => this.x(one));
    this.pen.fillStyle = this.ink("loop");
    this.pen.fillRect(from, 0, Math.max(1, to - from), this.height - AXIS);
  }

  drawLoopEnds() {
    if (!this.loop) return;
    this.pen.fillStyle = this.ink("accent");
    for (const end of this.loop) {
      const x = Math.round(this.x(end));
      this.pen.fillRect(x - 1, MARKS, 2, this.height - AXIS - MARKS);
      this.pen.fillRect(x - 4, this.height - AXIS - 6, 8, 6);
    }
  }

  drawWave({ track, dim, samples }, top, height, named) {
    const { pen } = this, peaks = this.peaksOf(track), middle = top + height / 2;
    const reach = named ? Math.max(0.01, ...this.lanes.map(lane => lane.track.peaks.reach)) : this.reach;
    const tall = (height / 2 - 3) / reach;
    pen.strokeStyle = this.ink("line");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(0, Math.round(middle) + 0.5);
    pen.lineTo(this.width, Math.round(middle) + 0.5);
    if (named && top > this.waves[0]) { pen.moveTo(0, Math.round(top) + 0.5); pen.lineTo(this.width, Math.round(top) + 0.5); }
    pen.stroke();
    pen.fillStyle = pen.strokeStyle = this.ink(this.colours(track));
    pen.globalAlpha = dim ? 0.25 : 1;
    const frames = this.length * track.rate / this.width, start = this.from * track.rate;
    const decoded = frames < peaks.samples ? samples(start, start + frames * this.width) : null;
    if (decoded && frames < 2) for (const part of decoded) this.drawSamples(part, middle, tall);
    else {
      const between = decoded ? (from, to) => extremes(decoded, from, to) : (from, to) => peaks.between(from, to);
      pen.beginPath();
      for (let x = 0; x < this.width; x += 0.5) {
        const found = between(start + x * frames, start + (x + 0.5) * frames);
        if (!found) continue;
        const above = middle - found[1] * tall, below = middle - found[0] * tall;
        pen.rect(x, above, 0.5, Math.max(0.75, below - above));
      }
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (named) this.write(track.label, 6, top + 13, dim ? "soft" : "text");
  }

  // Each sample by itself: lines between them, and dots where there is room.
  drawSamples({ values, start, rate }, middle, tall) {
    const { pen } = this, each = this.width / (this.length * rate);
    pen.lineWidth = 1.2;
    pen.beginPath();
    values.forEach((value, index) => pen.lineTo(this.x((start + index) / rate), middle - value * tall));
    pen.stroke();
    if (each > 5) values.forEach((value, index) =>
      pen.fillRect(this.x((start + index) / rate) - 1.5, middle - value * tall - 1.5, 3, 3));
  }

  drawSpectrum(track) {
    const { pen } = this, [top, bottom] = this.spectrum, height = bottom - top;
    pen.fillStyle = "#000004";
    pen.fillRect(0, top, this.width, height);
    const image = this.picture(track), { seconds, low_hz: low, high_hz: high } = track.spectrum;
    const y = hertz => bottom - height * Math.log(hertz / this.lowest) / Math.log(this.highest / this.lowest);
    if (image.complete && image.naturalWidth) {
      const scale = image.naturalWidth / seconds;
      const from = Math.min(image.naturalWidth, this.from * scale), wide = Math.min(image.naturalWidth, this.to * scale) - from;
      if (wide > 0) {
        pen.imageSmoothingEnabled = true;
        pen.imageSmoothingQuality = "high";
        pen.drawImage(image, from, 0, wide, image.naturalHeight, 0, y(high), wide / scale / this.length * this.width, y(low) - y(high));
      }
    }
    const labelled = [];
    for (const hertz of HERTZ) {
      const at = y(hertz);
      if (at > bottom - 8 || at < top + 8 || labelled.some(other => Math.abs(other - at) < 17)) continue;
      labelled.push(at);
      pen.fillStyle = "#ffffff50";
      pen.fillRect(0, Math.round(at), 5, 1);
      this.write(hertz >= 1000 ? `${hertz / 1000} kHz` : `${hertz} Hz`, 9, at + 4, "", "#fffc", "#000b");
    }
  }

  drawMarks() {
    const { pen } = this, end = this.spectrum ? this.spectrum[1] : this.waves[1];
    for (const [tracks, strength] of [[this.others, 0.35], [this.lanes.map(lane => lane.track), 1]]) {
      pen.globalAlpha = strength;
      pen.fillStyle = this.ink("mark");
      let last = -Infinity;
      for (const track of tracks) for (const [from, to] of track.marks) {
        const left = this.x(from), right = this.x(to);
        if (right < -4 || left > this.width + 4 || (right - last < 1 && left >= last - 1)) continue;
        last = right;
        const wide = Math.max(2, right - left), x = Math.min(Math.max(left, 0), this.width - 2);
        pen.beginPath();
        if (wide > 8) pen.roundRect(left, 3, wide, 8, 3);
        else { pen.moveTo(x - 4, 2); pen.lineTo(x + 5, 2); pen.lineTo(x + 0.5, 11); }
        pen.fill();
        if (strength === 1) {
          pen.globalAlpha = 0.16;
          pen.fillRect(left, this.waves[0], Math.max(1, right - left), end - this.waves[0]);
          pen.globalAlpha = strength;
        }
      }
    }
    pen.globalAlpha = 1;
  }

  drawTimes() {
    const { pen } = this, top = this.height - AXIS;
    const step = STEPS.find(one => one / this.length * this.width > 70) || this.length;
    const digits = step >= 1 ? 0 : Math.min(3, Math.ceil(-Math.log10(step) - 1e-9));
    pen.fillStyle = this.ink("soft");
    for (let count = Math.ceil(this.from / step - 1e-9); count * step <= this.to; count++) {
      const x = this.x(count * step), text = clock(count * step, digits), wide = pen.measureText(text).width;
      pen.globalAlpha = 0.6;
      pen.fillRect(Math.min(Math.round(x), this.width - 1), top + 1, 1, 4);
      pen.globalAlpha = 1;
      if (x + wide / 2 <= this.width) this.write(text, Math.max(0, x - wide / 2), top + 16, "soft");
    }
  }

  write(text, x, y, ink, colour, edge) {
    const { pen } = this;
    pen.lineWidth = 3;
    pen.lineJoin = "round";
    pen.strokeStyle = edge || this.ink("ground");
    if (edge || ink !== "soft") pen.strokeText(text, x, y);
    pen.fillStyle = colour || this.ink(ink);
    pen.fillText(text, x, y);
  }

  // The mark at a place of the picture, of the tracks that are shown.
  markAt(x) {
    let found = null, nearest = 6;
    for (const { track } of this.lanes) for (const mark of track.marks) {
      const left = this.x(mark[0]), right = Math.max(left, this.x(mark[1]));
      const away = x < left ? left - x : x > right ? x - right : 0;
      if (away < nearest) [found, nearest] = [mark, away];
    }
    return found;
  }
}
