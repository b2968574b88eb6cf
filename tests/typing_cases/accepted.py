"""A script that uses every way of declaring, calling and wiring nodes; all of it is right."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field
from typing_extensions import assert_type

import resonate_graph as rg
from resonate_graph import Audio, File, Graph, Report, RunContext, accelerated, node
from resonate_nodes import (
    Band,
    LoudnessReport,
    encode_flac,
    eq,
    gain,
    measure_loudness,
    mix,
    separate,
)


class Halves(NamedTuple):
    left: Audio
    right: Audio


class Level(Report):
    peak: float


@node()
def halves(audio: Audio) -> Halves:
    return Halves(audio, audio)


@node(version=2, device=accelerated, uses=("numpy",))
def louder(ctx: RunContext, audio: Audio, *, factor: Annotated[float, Field(ge=0)] = 2.0) -> Audio:
    ctx.progress(0, 1)
    return audio.with_samples(audio.samples * np.float32(factor))


@node()
def level(audio: Audio, reference: Audio | None = None) -> Level:
    return Level(peak=float(abs(audio.samples).max()))


@node()
def match(audio: Audio, by: Level, target: float) -> Audio:
    return audio


# Called at once
tone = Audio(np.ones((2, 8)), 44100)
assert_type(louder(tone), Audio)
assert_type(louder(tone, factor=0.5), Audio)
assert_type(halves(tone).left, Audio)
assert_type(level(tone), Level)
assert_type(level(tone, tone).peak, float)
assert_type(mix([tone, tone], gains_db=[0, -6.5]), Audio)
assert_type(measure_loudness(tone), LoudnessReport)
assert_type(encode_flac(tone, subtype="PCM_16"), File)

# Calculated with
assert_type(Audio.read("tone.wav")[1.0:2.5] + 0.5 * tone - tone / 2, Audio)

# Wired into a graph
graph = Graph("typed", description="typed")
song = graph.input("song", Audio)
target = graph.input("target", float)
amount = graph.param("amount", float, default=0.5, minimum=0)
model = graph.param("model", str, default="htdemucs")
assert_type(song, Audio)
assert_type(amount, float)
stems = graph.add(separate, "split", device=["cuda", "cpu"])(song, model=model, shifts=1)
assert_type(stems.vocals, Audio)
vocals = graph.add(louder)(stems.vocals, factor=amount)
summed = graph.add(mix)([vocals, stems.drums, *graph.add(halves)(stems.other)])
equalised = graph.add(eq)(summed, bands=[Band(kind="bell", frequency_hz=1000, gain_db=3)])
measured = graph.add(level)(audio=equalised, reference=song)
assert_type(measured, Level)
matched = graph.add(match)(equalised, measured, target)
graph.output("song", graph.add(gain)(matched, gain_db=-1))
graph.output("song.flac", graph.add(encode_flac)(matched))
graph.output("level", measured)

# Run
result = graph.run({"song": "song.wav", "target": 1.0}, params={"amount": 2}, store=False)
assert_type(result["song"], rg.Value)
settings: rg.Settings = {"device": "cpu", "threads": 2, "store": rg.Store("store")}
graph.run({"song": "song.wav"}, params={"amount": 2}, **settings)
graph.run({"song": "song.wav"}, device="cuda:1", store="store", reuse="exact", max_minutes=60)
assert_type(graph.run_many([{"song": "song.wav"}], **settings), list[rg.Result])
assert_type(graph.plan({"song": "song.wav"}, {"amount": 2}, **settings), rg.Forecast)
assert_type(graph.draw({"song": "song.wav"}, {"amount": 2}, **settings).svg, str)


@node
def without_brackets(audio: Audio) -> Audio:
    return audio


assert_type(graph.add(without_brackets)(song), Audio)
