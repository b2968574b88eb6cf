from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest

from resonate_graph import OutputError
from resonate_graph._base.publish import publish


def test_a_published_file_is_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    assert publish(path, lambda file: file.write(b"content")) == path
    assert path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [None, b"what was there"])
def test_a_writer_that_raises_leaves_everything_as_it_was(
    tmp_path: Path, failure: type[BaseException], before: bytes | None
) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)

    def write(file: IO[bytes]) -> None:
        file.write(b"half")
        file.flush()
        raise failure

    with pytest.raises(failure):
        publish(path, write)
    assert list(tmp_path.iterdir()) == ([path] if before is not None else [])
    assert before is None or path.read_bytes() == before


def test_the_name_appears_only_after_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "file"
    seen = []

    def write(file: IO[bytes]) -> None:
        file.write(b"first")
        seen.append(path.exists())
        file.write(b"second")
        file.flush()
        seen.append(path.exists())

    publish(path, write)
    assert seen == [False, False]
    assert path.read_bytes() == b"firstsecond"


def test_a_system_error_is_told_with_the_path_and_leaves_nothing(tmp_path: Path) -> None:
    def write(file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    with pytest.raises(OutputError, match="file: cannot be written: No space left on device"):
        publish(path, write)
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_go_where_they_are_told(tmp_path: Path) -> None:
    temp_folder = tmp_path / "temporary"
    seen: list[list[Path]] = []

    def write(file: IO[bytes]) -> None:
        seen.append(list(temp_folder.iterdir()))
        seen.append(list((tmp_path / "objects").iterdir()))
        file.write(b"content")

    publish(tmp_path / "objects" / "file", write, temp_folder=temp_folder)
    assert [len(files) for files in seen] == [1, 0]
    assert list(temp_folder.iterdir()) == []


def test_a_folder_in_the_way_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OutputError, match="file: cannot be written"):
        publish(tmp_path / "file", lambda file: file.write(b"content"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
