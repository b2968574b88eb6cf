// Sounds in pieces, and one transport that plays some of them to the sample.
//
// All that sounds together follows one line of time, in whole frames of the audio context: a list
// of stretches [at, from, to], each of which says that what lies from `from` to `to` in the sounds
// begins at frame `at` of the context. A loop is a list that goes on for ever. Whatever joins later
// is fitted into the same line, so that it is at the same sample as what it takes over from.

const SOON = 0.05;        // s from now at which something can still be started
const AHEAD = 2.5;        // s that are always scheduled: a page in the background is woken once a second
const FADE = 0.01;        // s, so that no switch clicks
const PULSE = 100;        // ms between looks at what is to be scheduled next
const KEPT_BYTES = 192e6; // of decoded pieces

const waiting = new Map();  // pieces asked for that have not come: key -> [resolve, reject]

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

// Called by the scripts that hold a piece each: a page from a folder may load nothing else.
function piece(id, index, text) {
  const key = `${id}/${index}`;
  waiting.get(key)?.[0](fromBase64(text));
  waiting.delete(key);
}

function copied(track, index) {
  const key = `${track.id}/${index}`;
  const inside = document.querySelector(`script[data-piece="${key}"]`);
  if (inside) return Promise.resolve(fromBase64(inside.textContent));
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    waiting.set(key, [resolve, reject]);
    script.src = `${track.url}/${index}.js`;
    script.onload = () => script.remove();
    script.onerror = () => {
      script.remove();
      waiting.delete(key);
      reject(new Error(`${track.url}/${index}.js is not beside the page`));
    };
    document.head.append(script);
  });
}

// The file itself, by range, from a server that knows ranges. Null where that cannot be, as for a
// file of more channels than are heard.
class Ranged {
  static async open({ file: url, frames, channels, rate }) {
    if (!/^https?:$/.test(location.protocol) || !/\.wav$/i.test(url)) return null;
    try {
      const head = await Ranged.bytes(url, 0, 65536);
      if (!head) return null;
      const view = new DataView(head.buffer), name = at => String.fromCharCode(...head.slice(at, at + 4));
      if (!/^(RIFF|RF64)$/.test(name(0)) || name(8) !== "WAVE") return null;
      let format = null;
      for (let at = 12; at + 8 <= head.length;) {
        const size = view.getUint32(at + 4, true);
        if (name(at) === "fmt ") format = { at: at + 8, chunk: head.slice(at, at + 8 + size + size % 2) };
        if (name(at) === "data") {
          const like = format && view.getUint16(format.at + 2, true) === channels && view.getUint32(format.at + 4, true) === rate;
          return like ? new Ranged(url, at + 8, format.chunk, frames) : null;
        }
        at += 8 + size + size % 2;
      }
    } catch { /* not there, or not to be read */ }
    return null;
  }

  static async bytes(url, start, stop) {
    const stopped = new AbortController();
    const answer = await fetch(url, {
      headers: { Range: `bytes=${start}-${stop - 1}` }, signal: stopped.signal });
    if (answer.status === 206) return new Uint8Array(await answer.arrayBuffer());
    stopped.abort();  // the whole file would come
    return null;
  }

  constructor(url, start, format, frames) {
    Object.assign(this, { url, start, format, frames });
    this.block = new DataView(format.buffer).getUint16(8 + 12, true);
  }

  // A WAV file of some frames: browsers decode it, at the rate of the context.
  async read(from, to) {
    const at = this.start + from * this.block;
    const data = await Ranged.bytes(this.url, at, this.start + Math.min(to, this.frames) * this.block);
    const head = 12 + this.format.length + 8, file = new Uint8Array(head + data.length);
    const view = new DataView(file.buffer);
    const put = (place, text) => { for (let i = 0; i < 4; i++) file[place + i] = text.charCodeAt(i); };
    put(0, "RIFF"); view.setUint32(4, file.length - 8, true); put(8, "WAVE");
    file.set(this.format, 12);
    put(head - 8, "data"); view.setUint32(head - 4, data.length, true);
    file.set(data, head);
    return file;
  }
}

// The decoded pieces of one track.
class Pieces {
  constructor(context, track) {
    Object.assign(this, { context, track, copy: track.copy, found: new Map(), asked: new Map() });
    this.ratio = context.sampleRate / track.rate;
    this.frames = Math.round(track.frames * this.ratio);
    this.size = Math.round(this.copy.piece * this.ratio);  // pieces are whole seconds
    this.ranged = this.open();
  }

  // The file itself, where that can be had; `itself` says which it is, once that is known.
  async open() {
    const found = await Ranged.open(this.track);
    this.itself = found !== null;
    return found;
  }

  count() { return this.copy.count; }
  index(frame) { return Math.floor(frame / this.size); }
  has(index) { return this.found.has(index); }

  get(index) {
    const piece = this.found.get(index);
    if (piece) { piece.used = performance.now(); return piece; }
    return null;
  }

  ask(index) {
    if (index < 0 || index >= this.count() || this.found.has(index)) return Promise.resolve();
    if (!this.asked.has(index)) {
      const made = this.load(index).then(
        buffer => { this.found.set(index, { buffer, used: performance.now() }); },
        error => { this.fault = error; }).finally(() => this.asked.delete(index));
      this.asked.set(index, made);
    }
    return this.asked.get(index);
  }

  async load(index) {
    const { copy, track, context } = this, ranged = await this.ranged;
    const start = Math.max(0, index * copy.piece - copy.lead);
    const stop = Math.min(track.frames, (index + 1) * copy.piece + copy.lead);
    const file = await (ranged ? ranged.read(start, stop) : copied(track, index));
    const decoded = await context.decodeAudioData(file.buffer);
    let skipped = Math.round((index * copy.piece - start) * this.ratio);
    if (!ranged && copy.marker) skipped += this.afterMarker(decoded);
    return this.cut(decoded, index, skipped, ranged ? 1 : copy.scale, !ranged && copy.codec === "mp3");
  }

  // Where the sound begins: decoders disagree on it, so the pulse before it is looked for.
  afterMarker(decoded) {
    const samples = decoded.getChannelData(0), marker = Math.round(this.copy.marker * this.ratio);
    let peak = 0;
    for (let at = 1; at < Math.min(samples.length, 2 * marker + 3000); at++)
      if (Math.abs(samples[at]) > 1.5 * Math.abs(samples[peak])) peak = at;
    return peak + marker - Math.floor(marker / 2);
  }

  // Leave out the neighbours' samples. Pieces of a lossy copy differ where they meet: they overlap.
  cut(decoded, index, skipped, scale, overlapping) {
    const last = index === this.count() - 1;
    const frames = last ? this.frames - index * this.size : this.size;
    const fade = overlapping ? 256 : 0, more = last ? 0 : fade;
    const made = this.context.createBuffer(decoded.numberOfChannels, frames + more, this.context.sampleRate);
    for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
      const samples = decoded.getChannelData(channel).subarray(skipped, skipped + frames + more);
      if (scale !== 1) for (let at = 0; at < samples.length; at++) samples[at] *= scale;
      for (let at = 0; at < fade; at++) {
        if (index) samples[at] *= at / fade;
        if (more) samples[frames + at] *= 1 - at / fade;
      }
      made.copyToChannel(samples, channel);
    }
    return made;
  }

  bytes() {
    let sum = 0;
    for (const { buffer } of this.found.values()) sum += buffer.length * buffer.numberOfChannels * 4;
    return sum;
  }
}

// One track that sounds, from the moment it joins until it is let go.
class Voice {
  constructor(transport, track) {
    Object.assign(this, { transport, track, nodes: new Set() });
    this.pieces = transport.pieces.get(track);
    this.fade = new GainNode(transport.context, { gain: 0 });
    this.fade.connect(transport.levels.get(track));
  }

  start(frame) {
    const { rate } = this.transport;
    this.next = frame;  // of the context: up to here it is scheduled
    this.fade.gain.setValueAtTime(0, frame / rate);
    this.fade.gain.linearRampToValueAtTime(1, frame / rate + FADE);
    this.began = frame;
    this.schedule();
  }

  stop(frame) {
    const { rate } = this.transport, gain = this.fade.gain;
    gain.cancelScheduledValues(frame / rate);
    gain.setValueAtTime(1, frame / rate);
    gain.linearRampToValueAtTime(0, frame / rate + FADE);
    this.ended = true;
    for (const node of this.nodes) node.stop(frame / rate + FADE);
    setTimeout(() => this.fade.disconnect(), 1000 * (frame / rate - this.transport.context.currentTime + 1));
  }

  // Schedule what is decoded; ask for the rest. Nothing is scheduled into the past.
  schedule() {
    const { transport, pieces } = this, { rate, context } = transport;
    const until = Math.round((context.currentTime + AHEAD) * rate);
    while (!this.ended && this.next < until) {
      const stretch = transport.stretchAt(this.next);
      if (!stretch) return;
      const from = stretch.from + this.next - stretch.at;
      if (from >= pieces.frames) {  // silent from here on: the others are longer
        this.next = stretch.at + stretch.to - stretch.from;
        continue;
      }
      const index = pieces.index(from), begin = index * pieces.size, piece = pieces.get(index);
      if (!piece) { pieces.ask(index).then(() => pieces.fault || this.schedule()); return; }
      const to = Math.min(stretch.to, begin + pieces.size, pieces.frames);
      const late = Math.max(0, Math.ceil((context.currentTime + 0.005) * rate) - this.next);
      if (late < to - from) this.play(piece.buffer, this.next + late, from + late - begin,
                                      to === stretch.to && to < pieces.frames ? to - from - late : 0);
      this.next += to - from;
      pieces.ask(index + 1);
    }
  }

  play(buffer, frame, offset, frames) {
    const { rate, context } = this.transport;
    const node = new AudioBufferSourceNode(context, { buffer });
    node.connect(this.fade);
    node.start(frame / rate, offset / rate);
    if (frames) node.stop((frame + frames) / rate);
    this.nodes.add(node);
    node.onended = () => { node.disconnect(); this.nodes.delete(node); };
  }
}

// What plays, where, how loud.
class Transport {
  constructor(tracks, changed) {
    Object.assign(this, { tracks, changed, playing: false, waiting: false, place: 0, loop: null });
    this.seconds = Math.max(...tracks.map(track => track.frames / track.rate));
    this.gains = new Map();        // track -> factor
    this.audible = new Set();      // tracks
    this.voices = new Map();       // track -> Voice
    this.attempt = 0;
  }

  // Only when a person has done something: before that, browsers keep a context silent.
  wake() {
    if (!this.context) {
      const rate = Math.min(192000, Math.max(...this.tracks.map(track => track.rate)));
      this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
      this.rate = this.context.sampleRate;
      this.pieces = new Map(this.tracks.map(track => [track, new Pieces(this.context, track)]));
      for (const pieces of this.pieces.values()) pieces.ranged.then(() => this.changed());
      this.levels = new Map(this.tracks.map(track => {
        const node = new GainNode(this.context, { gain: this.gains.get(track) ?? 1 });
        node.connect(this.context.destination);
        return [track, node];
      }));
    }
    return this.context.state === "running" ? Promise.resolve() : this.context.resume();
  }

  get position() {
    if (!this.playing) return this.place;
    const heard = this.context.currentTime - (this.context.outputLatency || 0);
    const frame = Math.max(heard * this.rate, this.line[0].at);
    const stretch = this.stretchAt(frame);
    return stretch ? (stretch.from + frame - stretch.at) / this.rate : this.seconds;
  }

  // The stretch in which a frame of the context lies; null beyond the end.
  stretchAt(frame) {
    const line = this.line;
    for (;;) {
      const last = line[line.length - 1], end = last.at + last.to - last.from;
      if (frame < end) break;
      if (!last.again) return null;
      line.push({ at: end, from: last.again.from, to: last.again.to, again: last.again });
    }
    let index = line.length - 1;
    while (index && line[index].at > frame) index--;
    if (index > 1000) line.splice(0, index - 500);
    return line[Math.min(index, line.length - 1)];
  }

  frames(seconds) { return Math.round(seconds * this.rate); }
  soon() { return Math.ceil((this.context.currentTime + SOON) * this.rate); }

  async play() {
    const attempt = ++this.attempt;
    this.waiting = true;
    this.changed();
    await this.wake();
    const sounding = [...this.audible].map(track => this.pieces.get(track));
    for (const pieces of sounding) pieces.fault = null;
    await this.readyAt(this.place, this.audible);
    if (attempt !== this.attempt) return;
    const broken = sounding.find(pieces => pieces.fault);
    if (broken) throw broken.fault;
    this.waiting = false;
    this.silence();
    const from = this.frames(this.place), loop = this.loop && {
      from: this.frames(this.loop[0]), to: this.frames(this.loop[1]) };
    const looped = loop && from < loop.to;
    const frame = this.soon();
    this.line = [{ at: frame, from, to: looped ? loop.to : this.frames(this.seconds), again: looped ? loop : null }];
    this.playing = true;
    for (const track of this.audible) this.join(track, frame);
    clearInterval(this.timer);
    this.timer = setInterval(() => this.pulse(), PULSE);
    this.changed();
  }

  pause() {
    this.attempt++;
    this.waiting = false;
    if (this.playing) {
      this.place = Math.min(this.position, this.seconds);
      this.playing = false;
      this.silence();
      clearInterval(this.timer);
    }
    this.changed();
  }

  seek(seconds) {
    const place = Math.min(Math.max(0, seconds), Math.max(0, this.seconds - 0.01)), going = this.playing || this.waiting;
    if (this.playing) this.pause();
    this.place = place;
    if (going) return this.play();
    this.changed();
  }

  setLoop(loop) {
    this.loop = loop;
    if (this.playing) this.seek(loop && this.position >= loop[1] ? loop[0] : this.position);
    else this.changed();
  }

  // What is to sound from now on. What is not decoded yet joins when it is; until then the others stay.
  async select(tracks) {
    this.audible = new Set(tracks);
    const attempt = this.turn = (this.turn || 0) + 1;
    if (!this.playing) { if (this.context) this.prepare(); return; }
    const joining = tracks.filter(track => !this.voices.has(track));
    if (!joining.every(track => this.decodedAt(track, this.soon()))) {
      await this.readyAt(this.position, joining);
      if (attempt !== this.turn || !this.playing) return;
    }
    const frame = Math.max(this.soon(), this.switched || 0);
    this.switched = frame + Math.ceil(2 * FADE * this.rate);
    for (const [track, voice] of this.voices) {
      if (this.audible.has(track)) continue;
      voice.stop(frame);
      this.voices.delete(track);
    }
    for (const track of this.audible) if (!this.voices.has(track)) this.join(track, frame);
    this.prepare();
  }

  setGain(track, factor) {
    this.gains.set(track, factor);
    const node = this.levels?.get(track);
    if (node) node.gain.setTargetAtTime(factor, this.context.currentTime, FADE / 2);
  }

  join(track, frame) {
    const voice = new Voice(this, track);
    this.voices.set(track, voice);
    voice.start(frame);
  }

  silence() {
    const frame = this.context ? Math.ceil((this.context.currentTime + 0.01) * this.rate) : 0;
    for (const voice of this.voices.values()) voice.stop(frame);
    this.voices.clear();
  }

  decodedAt(track, frame) {
    const pieces = this.pieces.get(track), stretch = this.stretchAt(frame);
    if (!stretch) return true;
    const place = stretch.from + frame - stretch.at;
    return place >= pieces.frames || pieces.has(pieces.index(place));
  }

  // Wait for what is heard at a place, and in the second after it.
  readyAt(seconds, tracks) {
    return Promise.all([...tracks].flatMap(track => {
      const pieces = this.pieces.get(track), at = this.frames(seconds);
      return [pieces.ask(pieces.index(at)), pieces.ask(pieces.index(at + this.rate))];
    }));
  }

  pulse() {
    if (!this.stretchAt((this.context.currentTime - (this.context.outputLatency || 0)) * this.rate)) {
      this.pause();
      this.place = 0;
      this.changed();
      return;
    }
    for (const voice of this.voices.values()) voice.schedule();
    this.prepare();
  }

  // Have at hand what may be switched to: all tracks if they are few, else the neighbours.
  prepare() {
    const chosen = [...this.audible].map(track => this.tracks.indexOf(track));
    for (const [index, track] of this.tracks.entries()) {
      const near = chosen.some(one => Math.abs(one - index) <= 1);
      if (this.tracks.length > 9 && !near) continue;
      const pieces = this.pieces.get(track), at = this.frames(this.position);
      pieces.ask(pieces.index(at));
      if (at % pieces.size > pieces.size - 4 * this.rate) pieces.ask(pieces.index(at) + 1);
    }
    this.forget();
  }

  forget() {
    let bytes = 0;
    const all = [];
    for (const pieces of this.pieces.values()) {
      bytes += pieces.bytes();
      for (const [index, piece] of pieces.found) all.push([piece.used, pieces, index]);
    }
    all.sort((one, other) => one[0] - other[0]);
    for (const [, pieces, index] of all) {
      if (bytes <= KEPT_BYTES || all.length <= 2 * this.tracks.length) break;
      const { buffer } = pieces.found.get(index);
      bytes -= buffer.length * buffer.numberOfChannels * 4;
      pieces.found.delete(index);
    }
  }
}
