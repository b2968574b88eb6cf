"""Files and results that lie elsewhere: a real S3 server, and a way to it that fails."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import s3fs
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer

from resonate_graph import Audio, Graph, InputError, OutputError, Store, batch, read_audio
from resonate_graph._corpus import remote
from resonate_graph._corpus.driver import Plan
from resonate_graph._corpus.shared_store import SharedStore
from tests.corpus.archives import NODES, open_graph, write_graph, write_innocent
from tests.depth import thorough
from tests.faults import flipped

pytestmark = thorough

BUCKET = "archive"


class Way:
    """A way to a server that can be cut after some bytes, be silent, or be closed."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.mode, self.after = "open", 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                if self.mode == "refused":
                    here.close()
                    continue
                there = socket.create_connection(("127.0.0.1", self._server))
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while part := source.recv(4096):
                carried += len(part)
                if self.mode == "silent":
                    continue
                if self.mode == "cut" and carried > self.after:
                    break
                target.sendall(part)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listening.close()


class Cloud:
    """An S3 server on this machine, seen through a way that can fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.way = Way(port)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{self.way.port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setattr(remote, "_ATTEMPTS", 1)
        monkeypatch.setattr(remote, "_READ_SECONDS", 1)
        monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
        s3fs.S3FileSystem.clear_instance_cache()
        self.direct = s3fs.S3FileSystem(
            endpoint_url=f"http://{host}:{port}", use_listings_cache=False
        )
        self.direct.mkdir(BUCKET)

    def keys(self, folder: str) -> list[str]:
        return [str(one) for one in self.direct.find(f"{BUCKET}/{folder}")]

    def uploads(self) -> list[Any]:
        found = self.direct.call_s3("list_multipart_uploads", Bucket=BUCKET).get("Uploads", [])
        return sorted(found, key=lambda one: str(one["Key"]))

    def close(self) -> None:
        self.way.close()
        self._server.stop()


@pytest.fixture(scope="module")
def standing() -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as patch:
        made = Cloud(patch)
        yield made
        made.close()


@pytest.fixture
def cloud(standing: Cloud) -> Iterator[Cloud]:
    standing.way.mode = "open"
    yield standing
    standing.way.mode = "open"
    for one in standing.keys(""):
        standing.direct.rm_file(one)
    for begun in standing.uploads():
        standing.direct.call_s3(
            "abort_multipart_upload", Bucket=BUCKET, Key=begun["Key"], UploadId=begun["UploadId"]
        )


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return open_graph(write_graph(tmp_path))


def statuses(result: Any) -> list[str]:
    return [one["status"] for one in result.report["nodes"]]


def test_inputs_outputs_and_store_may_all_lie_in_a_bucket(
    tmp_path: Path, excerpt: Audio, cloud: Cloud, graph: Graph
) -> None:
    sounds = write_innocent(tmp_path / "tapes", 2, excerpt)
    for path in sounds:
        cloud.direct.put_file(str(path), f"{BUCKET}/in/{path.relative_to(tmp_path / 'tapes')}")
    rows = list(
        batch(
            graph,
            f"s3://{BUCKET}/in",
            tmp_path / "journal",
            remote=f"s3://{BUCKET}/out",
            shared_store=f"s3://{BUCKET}/store",
            store=tmp_path / "first",
            nodes=[NODES],
            jobs=1,
        )
    )
    assert [row.state for row in rows] == ["done", "done"]
    assert sorted(row.outputs["taken"] for row in rows) == [
        f"s3://{BUCKET}/out/side0/000.taken.wav",
        f"s3://{BUCKET}/out/side1/001.taken.wav",
    ]
    for row, path in zip(rows, sounds, strict=True):
        got = cloud.direct.cat_file(row.outputs["taken"])
        single = graph.run({"tape": path}, store=Store(tmp_path / "alone"))
        (tmp_path / "got.wav").write_bytes(got)
        assert read_audio(tmp_path / "got.wav") == single["taken"]
    # they are there; where they are to go elsewhere, they are not
    for place, stale in ((f"s3://{BUCKET}/out", {}), ("", {"outputs go elsewhere now": 2})):
        plans: list[Plan] = []
        batch(
            graph,
            f"s3://{BUCKET}/in",
            tmp_path / "journal",
            remote=place,
            store=tmp_path / "first",
            nodes=[NODES],
            on_plan=plans.append,
        ).close()  # type: ignore[attr-defined]
        assert plans[0].stale == stale
    # another machine finds what this one has computed
    other = SharedStore(tmp_path / "second", f"s3://{BUCKET}/store")
    result = graph.run({"tape": sounds[0]}, store=other)
    assert statuses(result) == ["cached"]
    assert other.fetched
    # what is sent in one request leaves nothing begun
    assert "Uploads" not in cloud.direct.call_s3("list_multipart_uploads", Bucket=BUCKET)


def test_what_is_damaged_over_there_is_computed_again_and_mended(
    tmp_path: Path, excerpt: Audio, cloud: Cloud, graph: Graph
) -> None:
    url = f"s3://{BUCKET}/store"
    first = graph.run({"tape": excerpt}, store=SharedStore(tmp_path / "a", url))
    (place,) = [one for one in cloud.keys("store/objects") if one.endswith(".wav")]
    whole = cloud.direct.cat_file(place)
    cloud.direct.pipe_file(place, flipped(whole, 8 * 2000))
    again = graph.run({"tape": excerpt}, store=SharedStore(tmp_path / "b", url))
    assert statuses(again) == ["ran"]
    assert again["taken"] == first["taken"]
    assert cloud.direct.cat_file(place) == whole
    record = cloud.keys("store/records")[0]
    cloud.direct.pipe_file(record, b"{}")
    assert statuses(graph.run({"tape": excerpt}, store=SharedStore(tmp_path / "c", url))) == ["ran"]


@pytest.mark.parametrize(("mode", "after"), [("refused", 0), ("cut", 9000), ("silent", 0)])
def test_a_way_that_fails_costs_time_and_no_result(
    tmp_path: Path, excerpt: Audio, cloud: Cloud, graph: Graph, mode: str, after: int
) -> None:
    url = f"s3://{BUCKET}/store"
    plain = graph.run({"tape": excerpt}, store=False)
    cloud.way.mode, cloud.way.after = mode, after
    store = SharedStore(tmp_path / "a", url)
    result = graph.run({"tape": excerpt}, store=store)
    assert result["taken"] == plain["taken"]
    assert store.failures
    for one in cloud.keys("store/objects"):  # whole, or not at all
        assert cloud.direct.info(one)["size"] == store_size(store, one)
    assert graph.run({"tape": excerpt}, store=store).report["nodes"][0]["status"] == "cached"


def test_what_could_not_be_reached_is_asked_again_half_a_minute_later(
    tmp_path: Path, excerpt: Audio, cloud: Cloud, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.way.mode = "refused"
    store = SharedStore(tmp_path / "a", f"s3://{BUCKET}/store")
    graph.run({"tape": excerpt}, store=store)
    assert store.failures == 1
    cloud.way.mode = "open"
    graph.run({"tape": excerpt}, params={"factor": 0.25}, store=store)
    assert (store.failures, cloud.keys("store")) == (1, [])
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 31)
    graph.run({"tape": excerpt}, params={"factor": 0.75}, store=store)
    assert (store.failures, store.sent) == (1, 1)
    assert cloud.keys("store")


def store_size(store: Store, place: str) -> int:
    return (store.path / place.split("/store/")[1]).stat().st_size


def test_files_that_cannot_be_had_or_written_are_told(
    tmp_path: Path, excerpt: Audio, cloud: Cloud
) -> None:
    with (
        pytest.raises(InputError, match="there is no such file"),
        remote.fetched(f"s3://{BUCKET}/nowhere.wav"),
    ):
        pass
    cloud.direct.pipe_file(f"{BUCKET}/in/one.wav", bytes(100_000))
    cloud.way.mode, cloud.way.after = "cut", 20_000
    with (
        pytest.raises(InputError, match="cannot be had"),
        remote.fetched(f"s3://{BUCKET}/in/one.wav"),
    ):
        pass
    with remote.outbox(f"s3://{BUCKET}/out") as (folder, send):
        (folder / "one.wav").write_bytes(bytes(100_000))
        with pytest.raises(OutputError, match="cannot be written"):
            send(folder / "one.wav", "")
    assert cloud.keys("out") == []


def test_uploads_in_parts_that_were_killed_long_ago_are_swept(
    tmp_path: Path, excerpt: Audio, cloud: Cloud, graph: Graph
) -> None:
    """The server says of all uploads that they began in 2010."""
    sound = write_innocent(tmp_path / "tapes", 1, excerpt)[0]
    for key in ("out/large.wav", "outer/large.wav"):
        cloud.direct.call_s3("create_multipart_upload", Bucket=BUCKET, Key=key)
    assert remote.sweep(f"s3://{BUCKET}/out", older_seconds=50 * 365 * 86_400) == 0
    rows = batch(graph, sound, tmp_path / "journal", remote=f"s3://{BUCKET}/out", store=False,
                 nodes=[NODES])  # fmt: skip
    rows.close()  # type: ignore[attr-defined]
    assert pending(cloud) == ["outer/large.wav"]
    assert remote.sweep(f"file://{tmp_path}") == 0
    cloud.way.mode = "refused"
    assert remote.sweep(f"s3://{BUCKET}/outer") == 0


def pending(cloud: Cloud) -> list[str]:
    """Return the keys of uploads in parts that were begun, and are neither ended nor aborted."""
    return [str(one["Key"]) for one in cloud.uploads()]


def test_in_the_whole_of_a_bucket_the_uploads_of_others_are_left_alone(
    tmp_path: Path, excerpt: Audio, cloud: Cloud, graph: Graph
) -> None:
    """Of a store that is a whole bucket, its objects alone are swept."""
    sound = write_innocent(tmp_path / "tapes", 1, excerpt)[0]
    for key in ("objects/ab/large.wav", "objects.tar", "theirs/large.wav"):
        cloud.direct.call_s3("create_multipart_upload", Bucket=BUCKET, Key=key)
    for bucket in (f"s3://{BUCKET}", f"s3://{BUCKET}/"):
        assert remote.sweep(bucket) == 0
    whole = f"s3://{BUCKET}"
    rows = batch(graph, sound, tmp_path / "journal", remote=whole, shared_store=whole,
                 store=tmp_path / "store", nodes=[NODES])  # fmt: skip
    rows.close()  # type: ignore[attr-defined]
    assert pending(cloud) == ["objects.tar", "theirs/large.wav"]


def test_more_uploads_than_a_server_lists_at_a_time_are_swept(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 lists 1,000 at a time, and moto all: here that lists two, as S3 has it."""
    answer = S3Response.serialized

    def two(response: Any, found: Any) -> Any:
        said = found.result
        if isinstance(said, dict) and "Uploads" in said:
            asked = response.querystring
            after = [asked.get(one, [""])[0] for one in ("key-marker", "upload-id-marker")]
            every = sorted(said["Uploads"], key=lambda one: [one["Key"], one["UploadId"]])
            left = [one for one in every if [one["Key"], one["UploadId"]] > after]
            said |= {"Uploads": left[:2], "IsTruncated": len(left) > 2}
            if len(left) > 2:
                last = left[1]
                said |= {"NextKeyMarker": last["Key"], "NextUploadIdMarker": last["UploadId"]}
        return answer(response, found)

    for number in range(7):
        key = f"out/{number // 2}.wav"
        cloud.direct.call_s3("create_multipart_upload", Bucket=BUCKET, Key=key)
    monkeypatch.setattr(S3Response, "serialized", two)
    assert len(pending(cloud)) == 2
    assert remote.sweep(f"s3://{BUCKET}/out") == 7
    assert pending(cloud) == []


def test_a_folder_may_be_the_second_tier(tmp_path: Path, excerpt: Audio, graph: Graph) -> None:
    url = f"file://{tmp_path / 'share'}"
    graph.run({"tape": excerpt}, store=SharedStore(tmp_path / "a", url))
    found = graph.run({"tape": excerpt}, store=SharedStore(tmp_path / "b", url))
    assert statuses(found) == ["cached"]
