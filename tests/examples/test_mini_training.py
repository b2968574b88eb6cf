"""Training of `mini`: what it begins with, what it makes small, that it goes on where it was."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demucs.hdemucs import HDemucs
from numpy.typing import NDArray
from scipy.signal import correlate

from examples.mini_model.batches import (
    RATE,
    STEMS,
    Mixing,
    Songs,
    equalized,
    layered,
    saturated,
    shaped,
)
from examples.mini_model.log import logged
from examples.mini_model.network import (
    LARGER,
    SETTINGS,
    WEIGHTS,
    error_db,
    missed,
    new_network,
    spectra,
)
from examples.mini_model.ratio import si_sdr_db
from examples.mini_model.train import Recipe, Run, schedule
from tests.depth import thorough

pytestmark = thorough

CPU = torch.device("cpu")
SMALL = {**SETTINGS, "growth": 1.0, "dconv_lstm": 9}
FRAMES = 22_050
BRIEF = 8_192  # of clips to learn from


def some_songs(count: int = 2) -> Songs:
    rng = np.random.default_rng(0)
    times = np.arange(RATE) / RATE
    songs = []
    for _ in range(count):
        tones = [np.sin(2 * np.pi * hz * times) for hz in rng.uniform(60, 2000, 4)]
        sides = np.array([[tone, 0.7 * tone] for tone in tones])
        songs.append((sides * 4000 + rng.normal(0, 300, sides.shape)).astype(np.int16))
    return Songs(tuple(f"{number}" for number in range(count)), tuple(songs))


def test_it_begins_by_handing_a_quarter_of_the_mix_to_every_stem() -> None:
    torch.manual_seed(0)
    network = new_network()
    # one magnitude of 15 stands out: mean by standard deviation is 0.27, as in music
    mix = (torch.rand(1, 2, 2048, 40) < 0.068).float()
    with torch.no_grad():
        stems = network(mix)[0]
    for stem in stems:
        assert si_sdr_db(stem, mix) > 20
        assert float(stem.norm() / mix.norm()) == pytest.approx(0.25, abs=0.03)


def test_fewer_channels_than_the_stems_need_are_refused() -> None:
    with pytest.raises(ValueError, match="16 channels cannot hold 8 values for each stem"):
        new_network({**SETTINGS, "channels": 16})


def test_the_error_is_that_of_the_complex_spectra() -> None:
    torch.manual_seed(1)
    network = new_network(SMALL)
    stems = spectra(torch.randn(2, 4, 2, FRAMES) * torch.rand(2, 4, 1, 1))
    mix = stems.sum(1)
    with torch.no_grad():
        found = network(mix.abs()) * (mix / mix.abs())[:, None]
        expected_db = 0.0
        for number, weight in enumerate(WEIGHTS):
            shares = [
                float((found[clip, number] - stems[clip, number]).abs().square().sum())
                / float(mix[clip].abs().square().sum())
                for clip in range(2)
            ]
            expected_db += weight * 10 * np.log10(np.mean(shares) + 0.01) / 4
        assert float(error_db(missed(network, stems))) == pytest.approx(expected_db, abs=1e-3)


def test_the_spectra_are_those_that_demucs_sees() -> None:
    sound = torch.randn(2, FRAMES)
    seen = HDemucs(list(STEMS), **SMALL)._spec(sound)
    torch.testing.assert_close(spectra(sound), seen)


#: Nothing is changed.
PLAIN = Mixing(
    frames=FRAMES,
    same_song_share=1.0,
    silent_share=0.0,
    gain_db=0.0,
    speed_share=0.0,
    layer_share=0.0,
    saturation_share=0.0,
    shape_share=0.0,
)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def tones() -> Songs:
    """One song: drums of 100 Hz, and each stem an octave above the last."""
    times = np.arange(2 * RATE) / RATE
    song = [np.sin(2 * np.pi * 100 * 2**stem * times) for stem in range(4)]
    return Songs(("tones",), ((np.array([[tone, tone] for tone in song]) * 8000).astype(np.int16),))


TONES = tones()


def pitches_hz(clip: torch.Tensor) -> NDArray[np.float64]:
    """Return the strongest frequency of each stem."""
    frames = clip.shape[-1]
    windowed = clip[:, 0] * torch.hann_window(frames)
    levels = torch.fft.rfft(windowed, 8 * frames).abs()
    found: NDArray[np.float64] = levels.argmax(-1).double().numpy() * RATE / (8 * frames)
    return found


def test_a_clip_depends_on_its_seed_only() -> None:
    songs, mixing = some_songs(), Mixing(frames=FRAMES)
    one, again, other = (mixing.clip(songs, rng(seed)) for seed in (3, 3, 4))
    assert one.shape == (4, 2, FRAMES)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_stems_of_other_songs_are_played_up_to_some_octaves_higher_or_lower() -> None:
    mixing = replace(
        PLAIN, same_song_share=0.0, speed_share=1.0, speed_octaves=(0.7, 0.6, 0.35, 0.1)
    )
    heard = np.array([pitches_hz(mixing.clip(TONES, rng(seed))) for seed in range(60)])
    for stem, most in enumerate(mixing.speed_octaves):
        octaves = np.log2(heard[:, stem] / (100.0 * 2**stem))
        assert np.abs(octaves).max() == pytest.approx(most, rel=0.15), stem
        assert np.abs(octaves).max() < most + 0.02, stem
        assert octaves.min() < 0 < octaves.max(), stem


def test_the_stems_of_one_song_stay_in_tune_with_each_other() -> None:
    mixing = replace(PLAIN, speed_share=1.0, speed_octaves=(0.7, 0.6, 0.3, 0.35))
    heard = np.array([pitches_hz(mixing.clip(TONES, rng(seed))) for seed in range(40)])
    np.testing.assert_allclose(heard / heard[:, :1], [[1, 2, 4, 8]] * 40, rtol=0.02)
    octaves = np.log2(heard[:, 3] / 800)
    assert 0.2 < octaves.max() < 0.31
    assert -0.31 < octaves.min() < -0.2


#: What each of these does, done always, to drums, bass, other and vocals.
CHANGES: dict[str, tuple[dict[str, Any], tuple[bool, ...]]] = {
    "nothing": ({}, (False, False, False, False)),
    "gain": ({"gain_db": 6.0}, (True, True, True, True)),
    "silence": ({"silent_share": 1.0}, (True, True, True, True)),
    "another speed": ({"speed_share": 1.0}, (True, True, True, True)),
    "another kit": ({"layer_share": 1.0}, (True, False, False, False)),
    "saturation": ({"saturation_share": 1.0}, (True, True, True, True)),
    "another decay": ({"shape_share": 1.0}, (True, True, False, False)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_clip_is_changed_as_its_mixing_says(change: str) -> None:
    """Each stem is sought in the song; polarity, sides and width make no difference."""
    attributes, expected = CHANGES[change]
    songs, mixing = pulsing(1), replace(PLAIN, **attributes)
    changed = np.zeros(4, bool)
    for seed in range(12):
        middle = mixing.clip(songs, rng(seed)).double().mean(1).numpy()
        changed |= np.array([unlike(songs.stems[0][i], middle[i]) for i in range(4)])
    assert tuple(changed) == expected


@pytest.mark.parametrize(("share", "expected"), [(1.0, {1}), (0.0, {1, 2})])
def test_stems_are_of_one_song_or_each_of_any(share: float, expected: set[int]) -> None:
    songs, mixing = pulsing(2), replace(PLAIN, same_song_share=share)
    heard = set()
    for seed in range(12):
        middle = mixing.clip(songs, rng(seed)).double().mean(1).numpy()
        heard.add(len({unlike(songs.stems[0][i], middle[i]) for i in range(4)}))
    assert heard == expected


def pulsing(count: int) -> Songs:
    """Songs whose stems differ, and begin and die away ten times a second."""
    random, times = np.random.default_rng(5), np.arange(FRAMES * 2) / RATE
    made = []
    for _ in range(count):
        stems = random.normal(0, 4000, (4, 1, len(times))) * np.exp(-30 * (times % 0.1))
        made.append(np.repeat(stems, 2, axis=1).astype(np.int16))
    return Songs(tuple(str(number) for number in range(count)), tuple(made))


def unlike(song: NDArray[np.int16], heard: NDArray[np.float64]) -> bool:
    """Whether a sound is no excerpt of a song's stem, upside down or not."""
    whole = song[0].astype(np.float64) / 32768
    place = int(np.abs(correlate(whole, heard, "valid", method="fft")).argmax())
    best = whole[place : place + len(heard)]
    return bool(min(np.abs(heard - sign * best).max() for sign in (1, -1)) > 1e-4)


def test_a_song_as_long_as_the_fastest_clip_is_long_enough_and_a_shorter_is_told() -> None:
    mixing = replace(PLAIN, speed_share=1.0)
    (stems,) = tones().stems
    exact = Songs(("exact",), (stems[..., : mixing.frames_needed],))
    exact.require(mixing.frames_needed)
    for seed in range(30):
        mixing.clip(exact, rng(seed))
    short = Songs(("short",), (stems[..., : mixing.frames_needed - 1],))
    with pytest.raises(SystemExit, match=r"song short has 0.81 s; clips need 0.81 s"):
        short.require(mixing.frames_needed)


def test_layered_drums_are_low_of_one_and_high_of_the_other() -> None:
    times = torch.arange(RATE) / RATE
    low, high = (
        torch.sin(2 * torch.pi * 100 * times) + torch.sin(2 * torch.pi * hz * times)
        for hz in (3000, 5000)
    )
    levels = torch.fft.rfft(layered(low, high, 600.0)).abs() * 2 / RATE  # one bin for each hertz
    assert float(levels[100]) == pytest.approx(1.0, abs=1e-3)
    assert float(levels[5000]) == pytest.approx(1.0, abs=1e-3)
    assert float(levels[3000]) < 1e-3
    sound = torch.randn(2, 1001)
    torch.testing.assert_close(layered(sound, sound, 600.0), sound, atol=1e-5, rtol=0)


def test_saturation_keeps_the_peak_and_the_sign_and_adds_odd_harmonics_only() -> None:
    sound = 0.3 * torch.sin(2 * torch.pi * 100 * torch.arange(RATE) / RATE)
    driven = saturated(sound, 4.0)
    assert float(driven.abs().max()) == pytest.approx(0.3, abs=1e-4)
    assert torch.all(driven * sound >= 0)
    levels = torch.fft.rfft(driven).abs()[100:700:100] / RATE
    assert torch.all(levels[::2] > 1e-3)
    assert torch.all(levels[1::2] < 1e-5)
    torch.testing.assert_close(saturated(sound, 1e-3), sound, atol=1e-6, rtol=0)
    assert not saturated(torch.zeros(2, 9), 4.0).any()


@pytest.mark.parametrize("power", [0.5, -0.3])
def test_a_shaped_sound_decays_by_its_own_rate_times_more_or_less(power: float) -> None:
    times = torch.arange(RATE // 4) / RATE
    decay_db_per_s = 100.0
    tone = torch.sin(2 * torch.pi * 1000 * times) * 10 ** (-decay_db_per_s * times / 20)
    found = shaped(torch.stack([tone, 0.5 * tone]), power)
    torch.testing.assert_close(found[1], found[0] * 0.5)
    ratio = (found[0, 9::441] / tone[9::441])[3:20]  # from 30 to 200 ms, one value each 10 ms
    slope_db = 20 * torch.log10(ratio).diff().mean() * 100
    assert float(slope_db) == pytest.approx(-decay_db_per_s * power, rel=0.01)


def test_a_hit_is_shaped_alike_wherever_it_is() -> None:
    hit = torch.exp(-torch.arange(RATE // 5) / 1000.0).repeat(2, 1)
    hits = []
    for start in (2560, 10 * 2560, 40 * 2560):  # whole hops apart
        sound = torch.zeros(2, 3 * RATE)
        sound[:, start : start + hit.shape[1]] = hit
        hits.append(shaped(sound, 0.9)[:, start : start + hit.shape[1]])
    torch.testing.assert_close(hits[1], hits[0])
    torch.testing.assert_close(hits[2], hits[0])


def test_shaping_leaves_steady_sound_and_silence_as_they_are() -> None:
    tone = torch.sin(2 * torch.pi * 689.0625 * torch.arange(RATE) / RATE).repeat(2, 1)
    torch.testing.assert_close(shaped(tone, 0.9), tone, atol=0.01, rtol=0)
    assert not shaped(torch.zeros(2, 4000), -0.35).any()


def test_equalisers_stay_within_their_range() -> None:
    flat = torch.ones(400, 2, 2048, 3, dtype=torch.complex64)
    gains_db = 20 * torch.log10(equalized(flat, rng(0), range_db=9.0).abs())
    assert float(gains_db.abs().max()) <= 9.0 + 1e-4
    untouched = (gains_db.abs().amax((1, 2, 3)) < 1e-6).float().mean()
    assert 0.25 < float(untouched) < 0.45
    assert torch.equal(equalized(flat, rng(0), share=0.0), flat)


def test_the_learning_rate_rises_stays_and_falls_to_nothing() -> None:
    rates = [schedule(step, 1000) for step in range(1001)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == 1.0
    assert rates[100:650] == [1.0] * 550
    assert rates[1000] == 0.0
    assert rates[650:] == sorted(rates[650:], reverse=True)


@dataclass(frozen=True)
class BreaksOff(Mixing):
    """Draws some clips, then no more."""

    left: list[int] = field(default_factory=list)

    def clip(self, songs: Songs, rng: np.random.Generator) -> torch.Tensor:
        self.left.pop()
        return super().clip(songs, rng)


def test_training_that_broke_off_goes_on_as_it_would_have(tmp_path: Path) -> None:
    songs = some_songs()
    whole = Recipe(steps=3, clips=2, mixing=Mixing(frames=BRIEF), settings=SMALL)
    Run(tmp_path / "whole", whole, CPU).go(songs, songs, minutes=10, every=10)

    broken = Recipe(steps=3, clips=2, mixing=BreaksOff(frames=BRIEF, left=[0] * 3), settings=SMALL)
    with pytest.raises(IndexError):
        Run(tmp_path / "pieces", broken, CPU).go(songs, songs, minutes=10, every=0)
    Run(tmp_path / "pieces", whole, CPU).go(songs, songs, minutes=10, every=10)

    one, two = (
        torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "pieces")
    )
    assert one["step"] == two["step"] == 3
    for name, tensor in one["state"].items():
        assert torch.equal(tensor, two["state"][name]), name


@pytest.mark.parametrize("settings", [SMALL, LARGER], ids=["small", "larger"])
def test_a_run_leaves_a_log_a_curve_and_a_model(tmp_path: Path, settings: Any) -> None:
    songs = some_songs()
    recipe = Recipe(steps=2, clips=2, mixing=Mixing(frames=BRIEF), settings=settings)
    threads = torch.get_num_threads()
    Run(tmp_path, recipe).go(songs, songs, minutes=10, every=10)
    assert torch.get_num_threads() == threads
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 2
    assert set(json.loads(line)["improvement_db"]) == set(STEMS)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    kept = torch.load(tmp_path / "last.pt", weights_only=True)
    model = HDemucs(*kept["args"], **kept["kwargs"])
    model.load_state_dict(kept["state"])


def test_the_error_is_of_all_clips_however_many_cores_learn_from_them(tmp_path: Path) -> None:
    mixing = Mixing(frames=BRIEF, silent_share=0.4)
    recipe = Recipe(steps=1, clips=4, mixing=mixing, settings=SMALL)
    before = torch.get_num_threads()
    gradients = []
    try:
        for cores in (1, 4):
            torch.set_num_threads(cores)
            run = Run(tmp_path / str(cores), recipe, CPU)
            assert len(run.replicas) == cores
            run.go(some_songs(), some_songs(), minutes=10, every=10)
            slopes = [weights.grad for weights in run.network.parameters()]
            gradients.append(torch.cat([one.ravel() for one in slopes if one is not None]))
    finally:
        torch.set_num_threads(before)
    for found in gradients[1:]:
        assert float((found - gradients[0]).norm() / gradients[0].norm()) < 0.05


def test_a_run_that_is_over_stays_as_it_is(tmp_path: Path) -> None:
    recipe = Recipe(steps=1, clips=1, mixing=Mixing(frames=BRIEF), settings=SMALL)
    Run(tmp_path, recipe, CPU).go(some_songs(), some_songs(), minutes=10, every=10)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    again = Run(tmp_path, recipe, CPU)
    assert again.is_over
    again.go(some_songs(), some_songs(), minutes=10, every=10)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_stem_that_never_sounds_has_no_figure(tmp_path: Path) -> None:
    (stems,) = some_songs(1).stems
    silent = stems.copy()
    silent[STEMS.index("vocals")] = 0
    recipe = Recipe(steps=1, clips=1, mixing=Mixing(frames=BRIEF), settings=SMALL)
    held_back = Songs(("silent",), (silent,))
    Run(tmp_path, recipe, CPU).go(some_songs(), held_back, minutes=10, every=10)
    (entry,) = logged(tmp_path)
    assert set(entry["improvement_db"]) == {"drums", "bass", "other"}


def test_a_folder_with_another_run_is_refused(tmp_path: Path) -> None:
    recipe = Recipe(steps=2, clips=1, mixing=Mixing(frames=BRIEF), settings=SMALL)
    Run(tmp_path, recipe, CPU).go(some_songs(), some_songs(), minutes=0, every=10)
    assert not (tmp_path / "last.pt").exists()  # there was no time for a step
    Run(tmp_path, recipe, CPU).go(some_songs(), some_songs(), minutes=10, every=10)
    with pytest.raises(SystemExit, match=r"last.pt: that run was begun with steps 2, not 500; go"):
        Run(tmp_path, replace(recipe, steps=500), CPU)
    with pytest.raises(SystemExit, match=r"last.pt: no checkpoint of this network \(RuntimeError"):
        Run(tmp_path, replace(recipe, settings={**SMALL, "depth": 4}), CPU)
    kept = tmp_path / "last.pt"
    kept.write_bytes(kept.read_bytes()[:1000])
    with pytest.raises(SystemExit, match=r"last.pt: no checkpoint of this network"):
        Run(tmp_path, recipe, CPU)
    with pytest.raises(SystemExit, match=r"last.pt: no folder for a run: File exists"):
        Run(kept, recipe, CPU)
