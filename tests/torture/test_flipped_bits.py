"""Single bits flip in what is stored, in headers too."""

from __future__ import annotations

import random
from pathlib import Path

from resonate_graph import Audio, Store
from tests.files import write_sound
from tests.torture import work


def test_every_flipped_bit_is_found_and_mended(
    tmp_path: Path, excerpt: Audio, torture: bool
) -> None:
    """A fresh process would see the same: each round has a store that has verified nothing yet."""
    rounds = 10_000 if torture else 100
    draw = random.Random(3)
    graph = work.graph_with_every_step_an_output(1)
    mix = write_sound(excerpt.with_samples(excerpt.samples[:, :3000]), tmp_path / "mix.wav")
    truth = work.plain(graph.run({"mix": mix}, store=False))
    graph.run({"mix": mix}, store=tmp_path / "store")
    paths = sorted(path for name in ("objects", "records") for path in stored(tmp_path, name))
    assert len(paths) == 8 + 8
    for _ in range(rounds):
        path = draw.choice(paths)
        good = path.read_bytes()
        # half of them where headers are, and where records are throughout
        bit = draw.randrange(8 * (min(len(good), 116) if draw.random() < 0.5 else len(good)))
        path.write_bytes(with_flipped_bit(good, bit))
        found = graph.run({"mix": mix}, store=tmp_path / "store")
        assert work.plain(found) == truth, (path, bit)
        assert [one["code"] for one in found.report["warnings"]] == ["store-damaged"], (path, bit)
        (quarantined,) = (tmp_path / "store" / "quarantine").iterdir()
        quarantined.unlink()
        if path.parent.parent.name == "objects":
            assert path.read_bytes() == good
        else:
            assert path.stem in {record.key for record in Store(tmp_path / "store").records()}
    assert all(sound for _, sound in Store(tmp_path / "store").verify())


def stored(folder: Path, name: str) -> list[Path]:
    return [path for path in (folder / "store" / name).rglob("*") if path.is_file()]


def with_flipped_bit(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
