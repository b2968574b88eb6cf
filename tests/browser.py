"""A browser for pages: Chromium, driven by Playwright from a thread of its own.

Playwright's loop would run for as long as the browser does, and what else wants a loop in the same
thread could not have one. So all calls go to another thread, and wait there for their answers.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Page, async_playwright
from playwright.async_api import TimeoutError as TooLate

from tests.tools import place_of

#: What a page sounds like: all that goes to the loudspeakers is kept as well. A busy page reads it
#: later, and loses none of it.
_LISTEN = """
const heard = [], { connect } = AudioNode.prototype;
AudioNode.prototype.connect = function (to, ...more) {
  const { context } = this;
  if (to === context.destination) {
    context.ear ??= listening(context);
    connect.call(this, context.ear);
  }
  return connect.call(this, to, ...more);
};
function listening(context) {
  const ear = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
  const silence = new ConstantSourceNode(context, { offset: 0 });  // else no blocks come in pauses
  silence.connect(ear);
  silence.start();
  const [track] = ear.stream.getAudioTracks();
  const blocks = new MediaStreamTrackProcessor({ track, maxBufferSize: 60_000 }).readable;
  blocks.pipeTo(new WritableStream({ write(block) {
    const both = new Float32Array(2 * block.numberOfFrames);
    for (const planeIndex of [0, 1]) {
      const one = new Float32Array(block.numberOfFrames);
      block.copyTo(one, { planeIndex, format: "f32-planar" });
      one.forEach((value, at) => { both[2 * at + planeIndex] = value; });
    }
    heard.push(both);
    block.close();
  } }));
  return ear;
}
window.takeHeard = () => heard.splice(0).map(block => {
  let text = "";
  const bytes = new Uint8Array(block.buffer);
  for (let at = 0; at < bytes.length; at += 32768)
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
});
"""


class Browser:
    """Chromium. Its pages are closed one by one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.wait_for(self._start())

    async def _start(self) -> None:
        self._playwright = await async_playwright().start()
        self._chromium = await self._playwright.chromium.launch(
            executable_path=place_of("chromium"),
            args=[
                "--no-sandbox",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-device-for-media-stream",  # beeps, as from a microphone
                "--use-fake-ui-for-media-stream",
            ],
        )

    def wait_for(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the browser's thread; return what comes of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def open(self, address: Path | str, width: int = 1200, *, dark: bool = False) -> Opened:
        """Open a page, in a window of some width, for somebody who wants it dark or not."""
        url = address.as_uri() if isinstance(address, Path) else address
        return Opened(self, self.wait_for(self._open(url, width, dark)))

    async def _open(self, url: str, width: int, dark: bool) -> tuple[Page, list[str], list[str]]:
        page = await self._chromium.new_page(
            viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
        )
        await page.add_init_script(_LISTEN)
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        await page.goto(url)
        return page, asked, faults

    def close(self) -> None:
        """End the browser, and the thread."""
        self.wait_for(self._chromium.close())
        self.wait_for(self._playwright.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class Opened:
    """A page that was opened.

    Attributes:
        asked: the addresses of all it asked for.
        faults: what went wrong in it.
    """

    def __init__(self, browser: Browser, opened: tuple[Page, list[str], list[str]]) -> None:
        self._browser = browser
        self._page, self.asked, self.faults = opened

    def run(self, script: str) -> Any:
        """Return what an expression of JavaScript gives, when its promise is kept."""
        return self._browser.wait_for(self._page.evaluate(script))

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self._browser.wait_for(self._page.keyboard.press(key))

    def tab_to(self, selector: str) -> None:
        """Press the tab key until the focus is on what a selector finds, or inside it."""
        for _ in range(100):
            self.press("Tab")
            if self.run(f"document.activeElement.closest({json.dumps(selector)}) !== null"):
                return
        raise AssertionError(f"the tab key does not lead to {selector}")

    def type(self, text: str) -> None:
        """Press the keys of a text."""
        self._browser.wait_for(self._page.keyboard.type(text))

    def click(self, selector: str) -> None:
        """Click what a selector finds."""
        self._browser.wait_for(self._page.click(selector))

    def bring(self, selector: str, path: Path) -> None:
        """Give a file to an input for files."""
        self._browser.wait_for(self._page.set_input_files(selector, path))

    def fill(self, selector: str, text: str) -> None:
        """Write into a field, and leave it."""
        self._browser.wait_for(self._page.fill(selector, text))
        self._browser.wait_for(self._page.press(selector, "Enter"))

    def focus(self, selector: str) -> None:
        """Move the focus to what a selector finds."""
        self._browser.wait_for(self._page.focus(selector))

    def see(self, selector: str) -> None:
        """Wait until what a selector finds is there to be seen."""
        self._browser.wait_for(self._page.wait_for_selector(selector, timeout=55_000))

    def sees(self, selector: str, seconds: float) -> bool:
        """Return whether what a selector finds is there to be seen within a time."""
        try:
            self._browser.wait_for(self._page.wait_for_selector(selector, timeout=1000 * seconds))
        except TooLate:
            return False
        return True

    def download(self, selector: str, folder: Path) -> Path:
        """Click on a download, and return the file, under the name that it was given."""
        return self._browser.wait_for(self._download(selector, folder))  # type: ignore[no-any-return]

    async def _download(self, selector: str, folder: Path) -> Path:
        async with self._page.expect_download() as expected:
            await self._page.click(selector)
        found = await expected.value
        await found.save_as(folder / found.suggested_filename)
        return folder / found.suggested_filename

    def reload(self) -> None:
        """Load it anew."""
        self._browser.wait_for(self._page.reload())

    @property
    def address(self) -> str:
        """Where it is."""
        return self._page.url

    def until(self, condition: str) -> None:
        """Wait until an expression is true."""
        self.run(
            "new Promise(done => {"
            f"const look = () => {condition} ? done() : setTimeout(look, 10); look(); }})"
        )

    def resize(self, width: int) -> None:
        """Make the window wider or narrower."""
        self._browser.wait_for(self._page.set_viewport_size({"width": width, "height": 800}))

    def played(self, rate: int, *keys: str, each_seconds: float) -> NDArray[np.float32]:
        """Return what is heard when it plays, and keys are pressed at intervals.

        ``one`` in the page is the player, at `rate`. Silence around it is left out.
        """
        self.press(" ")
        self.until("one.playing")
        for key in (*keys, " "):
            self.run("window.begun = one.transport.context.currentTime")
            self.until(f"one.transport.context.currentTime > begun + {each_seconds}")
            self.press(key)
        heard = self.heard()
        while not heard.any() or heard[:, -rate // 20 :].any():  # the last block is to be silent
            self.run("new Promise(done => setTimeout(done, 50))")
            heard = np.concatenate([heard, self.heard()], axis=1)
        loud = np.flatnonzero(np.abs(heard).max(axis=0) > 1e-4)
        return heard[:, loud[0] : loud[-1] + 1]

    def heard(self) -> NDArray[np.float32]:
        """Return what came out of the loudspeakers since the last call, as (channels, frames)."""
        blocks = [np.frombuffer(base64.b64decode(one), "<f4") for one in self.run("takeHeard()")]
        return np.concatenate([np.zeros(0, np.float32), *blocks]).reshape(-1, 2).T

    def close(self) -> None:
        """Close the page."""
        self._browser.wait_for(self._page.close())
