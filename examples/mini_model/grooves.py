"""Drum grooves and fills as strokes on a grid of sixteenths: X accent, x stroke, o ghost note."""

from __future__ import annotations

from dataclasses import dataclass

# General MIDI's percussion.
KIT = {
    "kick": 36, "snare": 38, "rim": 37, "clap": 39, "closed": 42, "pedal": 44, "open": 46,
    "ride": 51, "bell": 53, "crash": 49, "splash": 55, "china": 52, "low tom": 43, "mid tom": 47,
    "high tom": 50, "floor tom": 41, "cowbell": 56, "tambourine": 54, "shaker": 82,
    "electric snare": 40, "conga": 63, "low conga": 64, "claves": 75,
}  # fmt: skip


@dataclass(frozen=True)
class Groove:
    """One bar: tempi in quarters a minute, swing 0.5 (even) to 0.67 (triplets)."""

    name: str
    meter: str
    tempi: tuple[float, float]
    swing: float
    lines: dict[str, str]

    @property
    def steps(self) -> int:
        """Sixteenths in the bar."""
        return len(next(iter(self.lines.values())))


@dataclass(frozen=True)
class Fill:
    """What replaces the end of a section's last bar, from a step on."""

    begins: int
    lines: dict[str, str]


def _groove(
    name: str, tempi: tuple[float, float], lines: dict[str, str], meter: str = "4/4",
    swing: float = 0.5,
) -> Groove:  # fmt: skip
    return Groove(name, meter, tempi, swing, lines)


GROOVES: tuple[Groove, ...] = (
    _groove("rock", (90, 150), {
        "kick": "X.......X.x.....", "snare": "....X.......X...", "closed": "X.x.X.x.X.x.X.x."}),
    _groove("rock pushed", (95, 150), {
        "kick": "X.....x.X.....x.", "snare": "....X.......X...", "closed": "x.x.x.x.x.x.x.x."}),
    _groove("straight pop", (85, 130), {
        "kick": "X.....x...X.....", "snare": "....X.......X..o", "closed": "x.o.x.o.x.o.x.o."}),
    _groove("four on the floor", (110, 135), {
        "kick": "X...X...X...X...", "clap": "....X.......X...", "open": "..x...x...x...x.",
        "closed": "xoxoxoxoxoxoxoxo"}),
    _groove("disco", (105, 128), {
        "kick": "X...X...X...X...", "snare": "....X.......X...", "closed": "x.x.x.x.x.x.x.x.",
        "open": "..x...x...x...x."}),
    _groove("funk", (88, 118), {
        "kick": "X.x...x...X..x..", "snare": "....X..o.o..X..o", "closed": "x.xxx.xxx.xxx.x.",
        "open": "..............x."}),
    _groove("funky drummer", (88, 112), {
        "kick": "X.x...x...x..x..", "snare": "....X..o.o.oX..o", "closed": "xxxxxxx.xxxxx.xx",
        "open": ".......x.....x.."}),
    _groove("shuffle", (80, 140), {
        "kick": "X.....x.X.....x.", "snare": "....X.......X...", "closed": "X.x.X.x.X.x.X.x."},
        swing=0.65),
    _groove("swing ride", (110, 180), {
        "kick": "o.......o.......", "pedal": "....x.......x...", "ride": "X...X.x.X...X.x.",
        "snare": "......o.......o."}, swing=0.66),
    _groove("bossa", (100, 150), {
        "kick": "x.....x.x.....x.", "rim": "x.....x.....x...", "closed": "xoxoxoxoxoxoxoxo"}),
    _groove("samba", (90, 120), {
        "kick": "X..xX..xX..xX..x", "rim": "x.x..x.x.xx..x.x", "closed": "xxXxxxXxxxXxxxXx"}),
    _groove("hip hop", (70, 100), {
        "kick": "X.....xx..x.....", "snare": "....X.......X...", "closed": "x.x.x.x.x.x.x.xx"},
        swing=0.58),
    _groove("boom bap", (80, 98), {
        "kick": "X..x......xx....", "snare": "....X..o....X...", "closed": "x.x.x.x.x.x.x.x."},
        swing=0.6),
    _groove("halftime", (110, 160), {
        "kick": "X..........x....", "snare": "........X.......", "closed": "x.x.x.x.x.x.x.x."}),
    _groove("trap", (120, 160), {
        "kick": "X.....x....X..x.", "snare": "........X.......", "closed": "x.x.xxx.x.x.xxxx",
        "open": "......x........."}),
    _groove("metal", (130, 180), {
        "kick": "XxxxXxxxXxxxXxxx", "snare": "....X.......X...", "china": "X...X...X...X..."}),
    _groove("punk", (150, 180), {
        "kick": "X..xX...X..xX...", "snare": "..X...X...X...X.", "open": "X.X.X.X.X.X.X.X."}),
    _groove("ballad", (60, 85), {
        "kick": "X.......x.x.....", "rim": "....x.......x...", "closed": "x.o.x.o.x.o.x.o."}),
    _groove("brushes", (70, 130), {
        "kick": "o.......o.......", "snare": "o.x.X.x.o.x.X.x.", "pedal": "....x.......x..."},
        swing=0.62),
    _groove("reggae one drop", (70, 95), {
        "kick": "........X.......", "rim": "........X.......", "closed": "x.x.x.x.x.x.x.x."},
        swing=0.58),
    _groove("reggaeton", (85, 105), {
        "kick": "X...X...X...X...", "snare": "...x..x....x..x.", "closed": "x.x.x.x.x.x.x.x."}),
    _groove("drum and bass", (155, 180), {
        "kick": "X.........X.....", "snare": "....X..o.o..X..o", "ride": "x.x.x.x.x.x.x.x."}),
    _groove("breakbeat", (120, 145), {
        "kick": "X.x.......xx....", "snare": "....X..o.o..X..o", "closed": "x.x.x.x.x.x.x.x."}),
    _groove("motown", (100, 135), {
        "kick": "X..x..x.X..x..x.", "snare": "X...X...X...X...", "tambourine": "x.x.X.x.x.x.X.x."}),
    _groove("tom groove", (90, 140), {
        "kick": "X...X...X...X...", "floor tom": "x..x..x.x..x..x.", "high tom": "......x.......xx",
        "snare": "............X..."}),
    _groove("electro", (110, 135), {
        "kick": "X..X..x...X.....", "electric snare": "....X.......X...",
        "cowbell": "..x..x....x..x..", "closed": "x.xxx.xxx.xxx.xx"}),
    _groove("train", (100, 140), {
        "kick": "X.......X.......", "snare": "oXooXoooooXoXooo", "pedal": "....x.......x..."}),
    _groove("songo", (90, 120), {
        "kick": "...x..x....x..x.", "conga": "x..x..xx.x..x.xx", "cowbell": "X.x.X.x.X.x.X.x.",
        "snare": "....o..X....o..."}),
    _groove("waltz", (90, 170), {
        "kick": "X...........", "snare": "....x...x...", "closed": "x.x.x.x.x.x."}, meter="3/4"),
    _groove("rock waltz", (90, 150), {
        "kick": "X.......x...", "snare": "....X.......", "closed": "X.x.x.x.x.x.",
        "open": "..........x."}, meter="3/4"),
    _groove("slow six", (75, 120), {
        "kick": "X.........x.", "snare": "......X.....", "closed": "X.x.x.X.x.x."}, meter="6/8"),
    _groove("gospel six", (80, 130), {
        "kick": "X...x.....x.", "snare": "......X....o", "ride": "X.x.x.X.x.x."}, meter="6/8"),
)  # fmt: skip

FILLS: dict[int, tuple[Fill, ...]] = {
    16: (
        Fill(12, {"snare": "............XxXx", "kick": "............x..."}),
        Fill(8, {"snare": "........XxxX....", "high tom": "............x...",
                 "mid tom": ".............xx.", "floor tom": "...............X"}),
        Fill(8, {"high tom": "........Xx......", "mid tom": "..........Xx....",
                 "low tom": "............Xx..", "floor tom": "..............XX"}),
        Fill(14, {"snare": "..............XX", "open": "..............x."}),
        Fill(8, {"snare": "........x.x.xxxX", "kick": "........x...x..."}),
        Fill(4, {"snare": "....X..x..X..xXX", "kick": "....x.x..x..x..."}),
        Fill(12, {"kick": "............XX.X", "china": "..............X."}),
        Fill(8, {"snare": "........oooxxxXX"}),
        Fill(0, {"kick": "X...............", "crash": "X..............."}),
    ),
    12: (
        Fill(8, {"snare": "........XxxX", "kick": "........x..."}),
        Fill(6, {"high tom": "......Xx....", "mid tom": "........Xx..",
                 "floor tom": "..........XX"}),
        Fill(10, {"snare": "..........XX"}),
    ),
}  # fmt: skip
