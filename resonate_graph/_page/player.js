// The player itself: buttons, keys, and what they do. See sound.js for the transport.

const HUES = 6;
let current = null;  // the player that keys go to, and the only one that sounds

class Player {
  constructor(root, document_) {
    Object.assign(this, { root, document: document_, chosen: 0, matched: true, looping: false });
    const byName = new Map(document_.tracks.map(track => [track.name, track]));
    this.voices = document_.voices.map(one => ({ label: one.label, tracks: one.tracks.map(name => byName.get(name)) }));
    this.tracks = document_.tracks;
    this.tracks.forEach((track, index) => { track.hue = index % HUES; track.muted = track.solo = false; });
    this.playable = this.tracks.filter(track => track.copy);
    this.matchable = this.tracks.some(track => track.gain_db != null) && this.voices.length > 1;
    this.transport = new Transport(this.playable.length ? this.playable : [], () => this.update());
    if (!this.playable.length) this.transport.seconds = Math.max(...this.tracks.map(track => track.frames / track.rate));
    this.build();
    this.level();
    this.choose(0);
    root.player = this;
  }

  get seconds() { return this.transport.seconds; }
  get position() { return this.transport.position; }
  get playing() { return this.transport.playing; }
  get voice() { return this.voices[this.chosen]; }

  // What of the chosen voice sounds: of stems, those heard alone, else those that are not muted.
  audible() {
    const tracks = this.voice.tracks.filter(track => track.copy), alone = tracks.filter(track => track.solo);
    return alone.length ? alone : tracks.filter(track => !track.muted);
  }

  // -- what a listener can do

  toggle() { return this.playing || this.transport.waiting ? this.pause() : this.play(); }
  pause() { this.transport.pause(); }

  play() {
    if (!this.playable.length) return;
    if (current && current !== this) current.pause();
    current = this;
    if (this.looping && (this.position < this.loop[0] || this.position >= this.loop[1])) this.transport.place = this.loop[0];
    this.fault = "";
    return this.transport.play().catch(error => {
      this.fault = `This cannot be played: ${error.message}.`;
      this.pause();
    });
  }

  seek(seconds) {
    this.transport.seek(seconds);
    this.follow();
  }

  choose(index) {
    if (!this.voices[index]) return;
    this.chosen = index;
    this.transport.select(this.audible());
    if (this.transport.context) this.level();
    this.picture();
    this.update();
  }

  mute(track) { track.muted = !track.muted; this.choose(this.chosen); }
  solo(track) { track.solo = !track.solo; this.choose(this.chosen); }

  match(on) {
    this.matched = on;
    this.level();
    this.update();
    this.say(on ? "Equally loud." : "As loud as the files are.");
  }

  level() {
    for (const track of this.playable) {
      const gain = this.matched && this.matchable ? track.gain_db ?? 0 : 0;
      this.transport.setGain(track, 10 ** (gain / 20));
    }
  }

  setLoop(from, to) {
    const shortest = 0.05;
    this.loop = [Math.max(0, Math.min(from, to)), Math.min(this.seconds, Math.max(from, to))];
    if (this.loop[1] - this.loop[0] < shortest) this.loop[1] = Math.min(this.seconds, this.loop[0] + shortest);
    this.repeat(true);
  }

  repeat(on) {
    if (on && !this.loop) this.loop = [this.view.from, this.view.to];
    this.looping = on;
    this.transport.setLoop(on ? this.loop : null);
    this.picture();
    this.update();
    this.say(on ? `Loop from ${clock(this.loop[0])} to ${clock(this.loop[1])}.` : "No loop.");
  }

  bracket(end) {
    const place = this.position, [from, to] = this.loop || [0, this.seconds];
    if (end) this.setLoop(from < place ? from : 0, place);
    else this.setLoop(place, to > place ? to : this.seconds);
  }

  zoom(factor, around = this.position >= this.view.from && this.position <= this.view.to ? this.position : (this.view.from + this.view.to) / 2) {
    if (factor) this.view.zoom(factor, around);
    else this.view.show(0, this.seconds);
    this.picture();
  }

  toMark(step) {
    const places = [...new Set(this.tracks.flatMap(track => track.marks.map(mark => mark[0])))].sort((a, b) => a - b);
    const now = this.position;
    const next = step > 0 ? places.find(one => one > now + 0.02) : places.filter(one => one < now - 0.3).pop();
    if (next != null) this.seek(next);
  }

  say(text) { this.told.textContent = text; }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (/^[1-9]$/.test(event.key) && this.voices[event.key - 1]) this.choose(event.key - 1);
    else {
      const step = event.shiftKey ? 0.5 : 5;
      const does = {
        " ": () => this.toggle(), "ArrowLeft": () => this.seek(this.position - step), "ArrowRight": () => this.seek(this.position + step),
        "Home": () => this.seek(0), "l": () => this.repeat(!this.looping), "[": () => this.bracket(false), "]": () => this.bracket(true),
        "+": () => this.zoom(2), "=": () => this.zoom(2), "-": () => this.zoom(0.5), "0": () => this.zoom(0),
        "n": () => this.toMark(1), "p": () => this.toMark(-1), "e": () => this.matchable && this.match(!this.matched),
      }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!does) return false;
      does();
    }
    return true;
  }

  // -- how it looks

  build() {
    const button = (name, label, does, title = label) => element("button", {
      type: "button", class: `rg-tool rg-${name}`, "aria-label": label, title, on: { click: does } }, icon(ICONS[name]));
    this.playButton = element("button", { type: "button", class: "rg-play", on: { click: () => this.toggle() } });
    this.time = element("span", { class: "rg-time" });
    this.loopButton = button("loop", "Loop", () => this.repeat(!this.looping), "Loop (L): drag over the waveform to choose what");
    this.equalButton = element("button", { type: "button", class: "rg-tool rg-equal", title: "Play all equally loud (E)", on: { click: () => this.match(!this.matched) } }, icon(ICONS.equal), element("span", {}, "Equally loud"));
    this.equalButton.hidden = !this.matchable;
    this.told = element("p", { class: "rg-told", role: "status", "aria-live": "polite" });
    this.list = element("div", { class: "rg-tracks", role: "radiogroup", "aria-label": "What is heard" });
    this.voices.forEach((voice, index) => this.list.append(...rowsOf(this, voice, index)));
    this.canvas = element("canvas", { class: "rg-picture", role: "img" });
    this.head = element("div", { class: "rg-head", "aria-hidden": "true" });
    this.tip = element("div", { class: "rg-tip", "aria-hidden": "true" });
    this.slider = element("input", { type: "range", class: "rg-slider", min: 0, max: this.seconds, step: 0.01, "aria-label": "Position",
      on: { input: () => this.seek(+this.slider.value) } });
    this.stage = element("div", { class: "rg-stage" }, this.canvas, this.head, this.tip);
    this.part = element("div", { class: "rg-part", "aria-hidden": "true" }, element("i"));
    this.view = new View(this.canvas, this.seconds, track => `hue-${track.hue}`);
    this.view.reach = Math.max(0.05, ...this.tracks.map(track => track.peaks.reach));
    this.view.lowest = Math.min(...this.tracks.map(track => track.spectrum.low_hz));
    this.view.highest = Math.max(...this.tracks.map(track => track.spectrum.high_hz));
    this.how = element("p", { class: "rg-how" });
    this.root.classList.add("rg-ready");
    if (this.seconds > 0) this.root.classList.toggle("rg-many", this.voices.length > 12);
    this.root.append(
      element("div", { class: "rg-bar" }, this.playButton, this.time, element("span", { class: "rg-space" }),
        this.equalButton, this.loopButton, element("span", { class: "rg-zoom" },
          button("far", "Zoom out", () => this.zoom(0.5), "Zoom out (−)"), button("all", "Show all", () => this.zoom(0), "Show all (0)"),
          button("near", "Zoom in", () => this.zoom(2), "Zoom in (+)"))),
      this.list, this.stage, this.part, this.slider, this.how, this.told, ...findingsOf(this), ...termsOf(this), keyList());
    followPointers(this);
    new ResizeObserver(() => this.picture()).observe(this.stage);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.picture());
    // what was clicked does not keep the keys: space is for the sound
    this.root.tabIndex = -1;
    this.root.addEventListener("click", event => {
      if (event.detail && !event.target.closest("summary, a, input")) this.root.focus({ preventScroll: true });
    });
    this.root.addEventListener("pointerdown", () => { if (!current || !current.playing) current = this; });
    this.root.addEventListener("focusin", () => { if (!current || !current.playing) current = this; });
  }

  update() {
    const { transport } = this, going = this.playing || transport.waiting;
    if (this.shownGoing !== going) {
      this.shownGoing = going;
      this.playButton.replaceChildren(icon(going ? ICONS.pause : ICONS.play));
      this.playButton.setAttribute("aria-label", going ? "Pause" : "Play");
      this.playButton.title = going ? "Pause (space)" : "Play (space)";
    }
    this.playButton.disabled = !this.playable.length;
    this.root.classList.toggle("rg-waiting", transport.waiting);
    this.loopButton.setAttribute("aria-pressed", String(this.looping));
    this.equalButton.setAttribute("aria-pressed", String(this.matched));
    this.voices.forEach((voice, index) => {
      const chosen = index === this.chosen;
      voice.button.setAttribute("aria-checked", String(chosen));
      voice.button.tabIndex = chosen ? 0 : -1;
      voice.button.parentElement.classList.toggle("rg-chosen", chosen);
      if (voice.tracks.some(track => track.muteButton)) for (const track of voice.tracks) {
        track.muteButton.setAttribute("aria-pressed", String(track.muted));
        track.soloButton.setAttribute("aria-pressed", String(track.solo));
        track.row.classList.toggle("rg-silent", chosen && !this.audible().includes(track));
      }
    });
    this.how.textContent = this.explain();
    this.move();
    if (this.playing) this.run();
  }

  // What is heard, in a sentence or two.
  explain() {
    if (this.fault) return this.fault;
    const track = this.voice.tracks[0], parts = [];
    if (!track.copy) return "Browsers do not play this: take the file.";
    parts.push(this.transport.pieces?.get(track)?.itself ? "You hear the file itself, loaded piece by piece." : track.copy.codec === "mp3"
      ? `You hear a compressed copy (MP3), since the sound is long${track.file ? "; the file itself is what the arrow leads to" : ""}.`
      : "You hear a copy for listening (FLAC, 16 bits).");
    if (this.matchable && this.matched && track.gain_db != null)
      parts.push(Math.abs(track.gain_db) < 0.05 ? "It is as loud as its file." : `To be as loud as the others it plays ${Math.abs(track.gain_db).toFixed(1)} dB ${track.gain_db < 0 ? "quieter" : "louder"} than its file.`);
    return parts.join(" ");
  }

  run() {
    if (this.running) return;
    const step = () => {
      if (!this.playing) { this.running = null; return; }
      this.follow();
      this.move();
      this.running = requestAnimationFrame(step);
    };
    this.running = requestAnimationFrame(step);
  }

  // Turn the page when the sound leaves it.
  follow() {
    const { view } = this, place = this.position;
    if (view.whole || (place >= view.from && place <= view.to) || this.dragging) return;
    view.show(place - view.length * 0.05, place + view.length * 0.95);
    this.picture();
  }

  move() {
    const place = this.position, digits = this.view.length < 2 ? 3 : 1;
    const text = `${clock(place, digits)} / ${clock(this.seconds)}`;
    if (this.time.textContent !== text) this.time.textContent = text;
    this.slider.value = place;
    this.slider.setAttribute("aria-valuetext", `${clock(place)} of ${clock(this.seconds)}`);
    const x = this.view.width ? this.view.x(place) : 0;
    this.head.style.transform = `translateX(${x}px)`;
    this.head.hidden = x < 0 || x > (this.view.width || 0) + 1;
  }

  picture() {
    const { view, voice } = this, heard = this.audible();
    view.loop = this.looping ? this.loop : null;
    const shown = voice.tracks.length > 1 && heard.length === 1 ? heard : voice.tracks;
    view.lanes = shown.map(track => ({ track, dim: !heard.includes(track) && track.copy, samples: (from, to) => this.samples(track, from, to) }));
    view.others = this.tracks.filter(track => !shown.includes(track));
    this.stage.classList.toggle("rg-lanes", view.lanes.length > 1);
    view.draw();
    this.canvas.setAttribute("aria-label", `Waveform and spectrogram of ${shown.map(track => track.label).join(", ")}, ${clock(view.from)} to ${clock(view.to)}`);
    this.part.hidden = view.whole;
    const bar = this.part.firstChild.style;
    bar.left = `${100 * view.from / this.seconds}%`;
    bar.width = `${Math.max(1, 100 * view.length / this.seconds)}%`;
    this.move();
  }

  // What is decoded of a track between two of its frames, in parts; null until all of it is.
  samples(track, from, to) {
    const pieces = this.transport.pieces?.get(track);
    if (!pieces) return null;
    const start = Math.max(0, Math.floor(from * pieces.ratio)), stop = Math.min(pieces.frames, Math.ceil(to * pieces.ratio) + 1);
    const first = pieces.index(start), last = pieces.index(Math.max(start, stop - 1));
    const wanted = [];
    for (let index = first; index <= last; index++) wanted.push(index);
    if (wanted.length > 4) return null;
    const missing = wanted.filter(index => !pieces.has(index));
    if (missing.length) {
      Promise.all(missing.map(index => pieces.ask(index))).then(() => pieces.fault || this.picture());
      return null;
    }
    return wanted.map(index => {
      const begin = index * pieces.size, skipped = Math.max(0, start - begin);
      const values = pieces.get(index).buffer.getChannelData(0).subarray(skipped, Math.min(pieces.size, stop - begin));
      return { values, start: begin + skipped, ratio: pieces.ratio, rate: pieces.ratio * track.rate };
    });
  }

}

function mount(root) {
  if (root.player || root.classList.contains("rg-ready")) return;
  const data = root.querySelector('script[type="application/json"]');
  const made = new Player(root, JSON.parse(data.textContent));
  if (!current) current = made;
}

// On a page of our own keys work wherever the focus is; in somebody else's, as a notebook, only
// where it is on a player.
const ours = document.body.hasAttribute("data-rg-page");

document.addEventListener("keydown", event => {
  const at = event.target, within = at.closest?.(".rg-player")?.player;
  const player = within || (ours ? current : null);
  if (!player || event.defaultPrevented || !player.root.isConnected) return;
  if (at.closest?.("input:not([type=range]), textarea, select, [contenteditable]")) return;
  if (event.key === " " && at.closest?.("button:not([role=radio]), a, summary")) return;
  if (event.key === "Enter" && at.closest?.("button, a, summary")) return;
  if (at.closest?.("input[type=range]") && /^Arrow|Home|End|Page/.test(event.key)) return;
  const group = at.closest?.("[role=radiogroup]");
  if (group && /^Arrow(Up|Down)$/.test(event.key)) {
    const step = event.key === "ArrowDown" ? 1 : -1, count = player.voices.length;
    player.choose((player.chosen + step + count) % count);
    player.voice.button.focus();
    event.preventDefault();
  } else if (player.key(event)) {
    event.preventDefault();
    event.stopPropagation();
  }
}, true);

const mountAll = () => document.querySelectorAll(".rg-player").forEach(mount);
window.resonatePlayer = { piece, mount, mountAll };
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
else mountAll();

// A page that is one file says which one it is, and from when.
const own = document.querySelector("[data-rg-file]");
if (own && location.protocol === "file:") {
  const name = decodeURIComponent(location.pathname.split("/").pop());
  const date = new Date(document.lastModified).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
  own.textContent = `${own.previousSibling ? " · " : ""}${name}, ${date}`;
}
