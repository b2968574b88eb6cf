"""The server: Streamlit with our page, for this machine only."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from .. import Audio, ResonateError, overview, stock
from .desk import descriptions, open_desk
from .places import MOST_UPLOAD_MEGABYTES
from .routes import routes

ADDRESS = "127.0.0.1"
#: Others may not lead a browser here under a name of theirs, and read what it is told.
_HOSTS = ["127.0.0.1", "localhost"]
_PAGE = Path(__file__).with_name("page.py")


def serve(
    *,
    port: int | None = None,
    open_browser: bool = True,
    root: Path | None = None,
    store: Path | None = None,
    models: Path | None = None,
    nodes: tuple[str, ...] = (),
    graph: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
) -> None:
    """Serve the page until the process is stopped.

    Args:
        port: where it listens; None for 8501, or the next that is free.
        open_browser: whether the browser is to open it.
        root: the folder whose files may be chosen; None for none.
        store: where results are kept; None for the usual place.
        models: the folder of model weights.
        nodes: modules with nodes of the caller's own.
        graph: the graph that is open at first.
        inputs: what is bound at first.
        params: what is set at first.
    """
    desk = open_desk(
        platformdirs.user_cache_path("resonate_graph") / "app",
        root=root,
        store=store,
        models=models,
        nodes=nodes,
        graph=graph,
        inputs=inputs,
        params=params,
    )
    try:
        threading.Thread(target=_warm_up, daemon=True).start()
        st.App(
            _PAGE, routes=routes(),
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)],
        ).run(config=options(port, open_browser=open_browser))  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left to do takes a second
        desk.close()


def options(port: int | None, *, open_browser: bool) -> dict[str, Any]:
    """Return what Streamlit is told, whatever a configuration file of the user's says."""
    told: dict[str, Any] = {
        "server.address": ADDRESS,
        "server.headless": not open_browser,
        "server.maxUploadSize": MOST_UPLOAD_MEGABYTES,
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.enableStaticServing": False,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        # to look for garbage after each of its runs took longer than the runs; Python does it too
        "runner.postScriptGC": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "type",
        "client.showErrorLinks": False,
        "global.developmentMode": False,
    }
    if port is not None:
        told["server.port"] = port
    return told


def _warm_up() -> None:
    """Load what the first page, plan and zoom need, before and while a person looks at the page."""
    with contextlib.suppress(ResonateError):  # told where it counts
        descriptions()
        stock("song-repair").check(["mix"], {"model": "mini"})
        overview(Audio(np.zeros((1, 4096)), 44_100), columns=8, bands=8)
    gc.freeze()  # what was imported is no garbage, and need not be looked through for any
