"""What ``resonate app`` says before there is a page."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.engine.commands import Command
from tests.tools import needs

pytestmark = needs("streamlit")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Command:
    """Calls the command line in this process."""
    return Command(capsys)


def test_a_port_that_is_taken_is_told(call: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = call("app", "--no-browser", "--port", str(port))
    assert (ended.code, f"--port: {port} is taken" in ended.err) == (2, True)


def test_streamlit_is_told_to_protect_and_to_tell_nobody() -> None:
    from resonate_graph._app.server import options

    told = options(None, open_browser=False)
    assert told["server.address"] == "127.0.0.1"
    assert told["server.enableXsrfProtection"] is told["server.enableCORS"] is True
    assert told["browser.gatherUsageStats"] is False
    assert told["server.maxUploadSize"] == 1100


@pytest.mark.parametrize(
    ("given", "message"),
    [("level_db=loud", "-i level_db: 'loud' is no number"),
     ("level=1", "-i level: the graph has no such input"),
     ("mix=gone.wav", "-i mix: gone.wav: there is no such file")],
)  # fmt: skip
def test_what_cannot_be_bound_is_told(
    call: Command, tmp_path: Path, given: str, message: str
) -> None:
    graph = {
        "format": 1, "name": "level", "nodes": {},
        "inputs": {"mix": {"type": "audio"}, "level_db": {"type": "number"}},
        "outputs": {"same": "$mix"},
    }  # fmt: skip
    path = tmp_path / "level.json"
    path.write_text(json.dumps(graph))
    ended = call("app", path, "--no-browser", "-i", given)
    assert (ended.code, message in ended.err) == (2, True)
