#!/usr/bin/env bash
# Streamlit hands a download out with gzip where the browser takes that, and leaves sound, pictures and ZIP
# out, since these are packed already. It goes by the media type alone, and bytes for a download button are
# application/octet-stream if nobody says otherwise: a FLAC file or an archive is packed once more, at each
# download anew, grows a little, and takes ten times as long to come.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet streamlit==1.67.0 starlette==1.10.0 websockets==17.4
cd "$folder"
"$folder/venv/bin/python" - <<'END'
import http.client
import socket
import subprocess
import sys
import time
from pathlib import Path

import websockets.sync.client
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.version import STREAMLIT_VERSION_STRING

PORT = 18_765
print("streamlit", STREAMLIT_VERSION_STRING)
Path("app.py").write_text(
    "import os, streamlit as st\n"
    "packed = st.cache_data(lambda: os.urandom(64_000_000))()\n"  # as what is packed looks
    "st.download_button('plain', packed, 'take.flac')\n"
    "st.download_button('typed', packed, 'take.flac', 'audio/flac')\n"
)
server = subprocess.Popen(
    [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true",
     f"--server.port={PORT}", "--browser.gatherUsageStats=false"],
    stdout=subprocess.DEVNULL,
)


def urls():
    """Return where the buttons' files are, as a browser is told."""
    found, ask, message = {}, BackMsg(), ForwardMsg()
    ask.rerun_script.query_string = ""
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", PORT)).close()
            break
        except OSError:
            time.sleep(0.2)
    with websockets.sync.client.connect(
        f"ws://127.0.0.1:{PORT}/_stcore/stream", subprotocols=["streamlit"], max_size=None,
        origin=f"http://127.0.0.1:{PORT}",
    ) as browser:
        browser.send(ask.SerializeToString())
        while len(found) < 2:
            message.ParseFromString(browser.recv(timeout=60))
            button = message.delta.new_element.download_button
            if button.url:
                found[button.label] = button.url
        return {label: fetched(url) for label, url in found.items()}


def fetched(url):
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    start = time.monotonic()
    connection.request("GET", url, headers={"Accept-Encoding": "gzip, deflate, br"})
    answer = connection.getresponse()
    size = len(answer.read())
    seconds = time.monotonic() - start
    packing = answer.getheader("Content-Encoding")
    print(f"{answer.getheader('Content-Type')}: {size:,} bytes, packed: {packing}, {seconds:.2f} s")
    return packing, size, seconds


try:
    told = urls()
finally:
    server.terminate()
    server.wait()
assert told["typed"][:2] == (None, 64_000_000), "what is known to be packed is packed now"
assert told["plain"][0] == "gzip" and told["plain"][1] > 64_000_000, "it leaves bytes alone now"
assert told["plain"][2] > 3 * told["typed"][2], "it costs nothing now"
END
