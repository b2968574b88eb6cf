"""Which files the page may name: those in one folder, and those that were brought."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from resonate_graph import InputError
from resonate_graph._app.places import Root, Uploads


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A folder with a secret beside it, and links to it."""
    (tmp_path / "secret.wav").write_bytes(b"x")
    folder = tmp_path / "songs"
    (folder / "b side").mkdir(parents=True)
    for name in ("A.wav", "b side/c.flac", "notes.txt", ".hidden.wav"):
        (folder / name).write_bytes(b"x")
    (folder / "out.wav").symlink_to(tmp_path / "secret.wav")
    (folder / "up").symlink_to(tmp_path)
    (folder / "in.wav").symlink_to(folder / "A.wav")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    return Root(folder)


def test_a_folder_is_listed_without_what_leads_out_of_it(root: Root) -> None:
    listing = root.list("", [".wav", ".flac"])
    assert listing.folders == ("b side",)
    assert listing.files == ("A.wav", "in.wav")
    assert root.list("b side").files == ("c.flac",)


def test_a_name_that_is_no_text_is_counted_and_not_listed(root: Root) -> None:
    try:
        (root.folder / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"x")
    except OSError:
        pytest.skip("names are UTF-8 here, whoever writes them")
    listing = root.list("", [".wav"])
    assert (listing.files, listing.omitted) == (("A.wav", "in.wav"), 1)


@pytest.mark.parametrize(
    "name",
    ["..", "../secret.wav", "out.wav", "up/secret.wav", "/etc/passwd", "b side/../../secret.wav",
     "loop.wav", "a\0b", "nothing.wav"],
)  # fmt: skip
def test_what_is_not_in_the_folder_cannot_be_named(root: Root, name: str) -> None:
    with pytest.raises(InputError):
        root.path(name)


@pytest.mark.parametrize(
    ("name", "called"),
    [("song.WAV", "recording.wav"), ("../../x.flac", "recording.flac"), ("a.b/c", "recording"),
     ("x.wav\0", "recording"), ("x.tar.gz; rm", "recording"), ("", "recording")],
)  # fmt: skip
def test_names_of_what_is_brought_never_become_paths(
    tmp_path: Path, name: str, called: str
) -> None:
    path = Uploads(tmp_path / "uploads").take(name, io.BytesIO(b"sound"))
    assert path.name == called
    assert path.parent.parent == tmp_path / "uploads"
    assert path.read_bytes() == b"sound"
    uploads = Uploads(tmp_path / "uploads")
    assert (uploads.has(str(path)), uploads.has(str(tmp_path / "x.wav"))) == (True, False)


def test_what_is_too_large_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonate_graph._app.places.MOST_UPLOAD_MEGABYTES", 1)
    uploads = Uploads(tmp_path / "uploads")
    with pytest.raises(InputError, match="larger than 1 MB"):
        uploads.take("song.wav", io.BytesIO(bytes((1 << 20) + 1)))
    assert list(uploads.folder.iterdir()) == []
