"""An hour of sound, and sound from a server: only what is listened to is loaded."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_graph._page import parts
from resonate_graph._page.player import Track, player
from tests.browser import Browser, Opened
from tests.depth import sampled, thorough
from tests.signals import place_in
from tests.tools import needs

pytestmark = needs("chromium")

RATE = 8000


class Ranges(SimpleHTTPRequestHandler):
    """Serves a folder, and parts of files where a client asks for them."""

    ranges = True

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if not asked or not self.ranges or not path.is_file():
            with contextlib.suppress(ConnectionError):  # the client wanted no more of it
                super().do_GET()
            return
        first, last = (int(one) for one in asked.removeprefix("bytes=").split("-"))
        with path.open("rb") as file:
            file.seek(first)
            content = file.read(last + 1 - first)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(content) - 1}/*")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(folder: Path, handler: type[SimpleHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def sound() -> Audio:
    """An hour of noise, of which each minute is like the one before."""
    minute = 0.1 * np.random.default_rng(5).standard_normal(60 * RATE).astype(np.float32)
    samples = np.tile(minute, 60)[None]
    samples.flags.writeable = False
    return Audio(samples, RATE)


@pytest.fixture(scope="module")
def folder(sound: Audio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of it."""
    place = tmp_path_factory.mktemp("hour")
    sound.save(place / "hour.wav")
    track = Track("hour", "An hour", "hour.wav", sound, lufs=-20.0, true_peak_dbtp=-1.0)
    page = parts.document("An hour", player([track], folder=place))
    (place / "page.html").write_text(page, "utf-8")
    return place


def the_page(browser: Browser, address: Path | str) -> Opened:
    page = browser.open(address)
    page.run("window.one = document.querySelector('.rg-player').player, null")
    return page


def heard_from(page: Opened, seconds: float, sound: Audio) -> float:
    """Play from a place on; return where in the sound that is, by what is heard."""
    page.run(f"one.seek({seconds})")
    heard = page.played(RATE, each_seconds=0.5)
    middle = heard.shape[1] // 2
    around = sound.with_samples(sound.samples[:, (int(seconds) - 2) * RATE :][:, : 6 * RATE])
    found = [place_in(around, heard[:, at : at + 1500]) for at in (500, middle, -2000)]
    assert min(alike for _, alike in found) > 0.9
    begins = [
        place - at
        for (place, _), at in zip(found, (500, middle, heard.shape[1] - 2000), strict=True)
    ]
    assert max(begins) - min(begins) <= 1  # no piece is late, or early
    return float(int(seconds) - 2 + begins[0] / RATE)


@thorough
def test_an_hour_opens_without_its_sound(browser: Browser, folder: Path, sound: Audio) -> None:
    page = the_page(browser, folder / "page.html")
    loaded = sum(path_of(one).stat().st_size for one in page.asked if one.startswith("file:"))
    assert loaded < (folder / "hour.wav").stat().st_size / 200
    # across the end of a piece, which are of half a minute
    assert heard_from(page, 3569.8, sound) == pytest.approx(3569.8, abs=0.005)
    pieces = [path_of(one).stem for one in page.asked if one.endswith(".js")]
    assert pieces == ["118", "119"]
    assert "compressed copy" in page.run("one.how.textContent")
    page.close()


@pytest.mark.parametrize("ranges", [True, False])
@sampled(1)
def test_from_a_server_the_file_itself_is_heard_by_ranges(
    browser: Browser, folder: Path, sound: Audio, ranges: bool
) -> None:
    handler = type("Handler", (Ranges,), {"ranges": ranges})
    with served(folder, handler) as address:
        page = the_page(browser, f"{address}/page.html")
        assert heard_from(page, 100.0, sound) == pytest.approx(100.0, abs=0.005)
        pieces = [one for one in page.asked if one.endswith(".js")]
        assert len(pieces) == (0 if ranges else 2)
        assert ("You hear the file itself" in page.run("one.how.textContent")) is ranges
        page.close()


def path_of(url: str) -> Path:
    return Path(unquote(url.removeprefix("file://")))
