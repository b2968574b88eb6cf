// What stands around the picture: the sounds to choose from, what was found in them, terms and keys.

const KEYS = [
  ["Space", "play, pause"], ["1–9", "switch to a sound, at the same place"], ["← →", "5 s back, on; with Shift 0.5 s"],
  ["Home", "to the beginning"], ["L", "loop on, off"], ["[ ]", "the loop begins, ends here"],
  ["+ −", "zoom in, out; 0 shows all"], ["N P", "next, previous finding"], ["E", "equally loud on, off"],
];
const MOST_MARKS = 200;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name === "on") for (const [event, does] of Object.entries(value)) made.addEventListener(event, does);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  made.append(...children.filter(one => one != null));
  return made;
}

function icon(path) {
  const holder = element("span", { class: "rg-icon", "aria-hidden": "true" });
  holder.innerHTML = `<svg viewBox="0 0 24 24" width="1.2em" height="1.2em"><path d="${path}"/></svg>`;
  return holder;
}

const ICONS = {
  play: "M8 5v14l11-7z", pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  loop: "M7 7h9V4l5 4-5 4V9H9v4H7zM17 17H8v3l-5-4 5-4v3h7v-4h2z",
  equal: "M4 14h3V9H4zM9 18h3V5H9zM14 15h3V8h-3zM19 13h2v-3h-2z",
  near: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z", far: "M5 11h14v2H5z",
  all: "M4 5h2v14H4zM18 5h2v14h-2zM11 8v3h2V8l5 4-5 4v-3h-2v3l-5-4z",
  file: "M11 4h2v8h3.5L12 17 7.5 12H11zM5 18h14v2H5z",
};

const minus = text => String(text).replace("-", "−");

// A row for a voice, and one for each of its stems.
function rowsOf(player, voice, index) {
  const alone = voice.tracks.length === 1 && voice.tracks[0].label === voice.label;
  const track = voice.tracks[0];
  voice.button = element("button", { type: "button", role: "radio", class: "rg-voice", on: { click: () => player.choose(index) } },
    element("span", { class: "rg-number", style: alone ? `--rg-hue: var(--rg-hue-${track.hue})` : null, "aria-hidden": "true" }, index < 9 ? String(index + 1) : "·"),
    element("span", { class: "rg-label" }, voice.label, alone && track.note ? element("small", {}, track.note) : null),
    element("span", { class: "rg-level" }, alone ? levels(track) : ""));
  const row = element("div", { class: "rg-row" }, voice.button, alone ? link(track) : null);
  if (alone) return [row];
  const stems = voice.tracks.map(one => {
    const toggle = (letter, what, does) => element("button", { type: "button", class: `rg-${what}`, "aria-label": `${what === "mute" ? "Mute" : "Solo"} ${one.label}`, title: what === "mute" ? "Mute" : "Solo: hear it alone", on: { click: does } }, letter);
    one.muteButton = toggle("M", "mute", () => { player.chosen = index; player.mute(one); });
    one.soloButton = toggle("S", "solo", () => { player.chosen = index; player.solo(one); });
    one.row = element("div", { class: "rg-stem" }, element("i", { style: `--rg-hue: var(--rg-hue-${one.hue})` }),
      element("span", { class: "rg-label" }, one.label), element("span", { class: "rg-level" }, levels(one)), one.muteButton, one.soloButton, link(one));
    return one.row;
  });
  return [row, element("div", { class: "rg-stems", role: "group", "aria-label": voice.label }, ...stems)];
}

function levels(track) {
  const parts = [];
  if (track.lufs != null) parts.push(`${minus(track.lufs.toFixed(1))} LUFS`);
  if (track.true_peak_dbtp != null) parts.push(`${minus(track.true_peak_dbtp.toFixed(1))} dBTP`);
  return parts.join(" · ");
}

function link(track) {
  return track.file ? element("a", { class: "rg-file", href: track.file, download: true, title: `The file: ${decodeURIComponent(track.file)}`, "aria-label": `The file of ${track.label}` }, icon(ICONS.file)) : element("span", { class: "rg-file" });
}

function findingsOf(player) {
  const all = player.tracks.flatMap(track => track.marks.map(mark => [...mark, track]));
  if (!all.length) return [];
  all.sort((one, other) => one[0] - other[0]);
  const items = all.slice(0, MOST_MARKS).map(([from, to, text, track]) => element("li", {}, element("button", { type: "button", on: { click: () => {
    const index = player.voices.findIndex(voice => voice.tracks.includes(track));
    if (!player.voice.tracks.includes(track) && !player.playing) player.choose(index);
    player.seek(Math.max(0, from - (player.playing ? 0.5 : 0)));
  } } }, element("b", {}, clock(from, 2)), ` ${text}`)));
  const more = all.length > MOST_MARKS ? ` The first ${MOST_MARKS} are listed; all are marked.` : "";
  const heading = `${all.length} ${all.length === 1 ? "place" : "places"} marked`;
  return [element("details", { class: "rg-findings" }, element("summary", {}, heading),
    more ? element("p", {}, more) : null, element("ol", {}, ...items))];
}

// What the levels beside the sounds are.
function termsOf(player) {
  const terms = Object.entries(player.document.terms);
  if (!terms.length || !player.tracks.some(track => track.lufs != null)) return [];
  return [element("details", { class: "rg-terms" }, element("summary", {}, terms.map(([term]) => term).join(", ")),
    ...terms.map(([term, text]) => element("p", {}, element("b", {}, term), `: ${text}`)))];
}

function keyList() {
  return element("details", { class: "rg-keys" }, element("summary", {}, "Keys"),
    element("dl", {}, ...KEYS.flatMap(([key, does]) => [element("dt", {}, ...key.split(" ").map(one => element("kbd", {}, one))), element("dd", {}, does)])));
}
