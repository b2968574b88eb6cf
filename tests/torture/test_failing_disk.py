"""Disks that are full, folders without permission, stores one may only read.

Each experiment is a process of its own, which has what it needs in memory, may write nothing more
at some point, and has to give the right result all the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from resonate_graph import Store
from tests.processes import files_in
from tests.torture import work
from tests.torture.crowd import Crowd

NOBODY = 65534


def outcome_is_right(outcome: work.Outcome) -> None:
    """Check that a run's results were right, and that it said so once if not all were kept."""
    assert outcome.right
    assert outcome.codes == ([] if outcome.kept else ["store-unusable"])


def whole(store: Store) -> None:
    """Check that nothing torn lies in a store, and that it can be used."""
    assert files_in(store.path / "temporary") == []
    assert all(sound for _, sound in store.verify())
    assert files_in(store.path / "quarantine") == []
    assert work.results(0, store) == right_results()


@cache
def right_results() -> Mapping[str, object]:
    return work.results(0, store=False)


def test_no_file_may_grow_beyond_a_size(crowd: Crowd, tmp_path: Path, torture: bool) -> None:
    """Every size at which one of the writes of a run is the first to fail, and some between."""
    trial = Store(tmp_path / "trial")
    work.results(0, trial)
    sizes = sorted({path.stat().st_size for path in trial.path.rglob("*") if path.is_file()})
    limits = sorted({0, 1, *(size - 1 for size in sizes if size), *(size // 2 for size in sizes)})
    for number, limit in enumerate(limits if torture else limits[::5]):
        store = Store(tmp_path / f"store{number}")
        outcome = crowd.start(work.run_with_file_limit, store.path, limit).hear()
        outcome_is_right(outcome)
        assert not outcome.kept
        whole(store)


ERRORS = ["ENOSPC", "EACCES", "EIO", "EDQUOT"]


@pytest.mark.parametrize("error", ERRORS)
def test_one_file_cannot_be_opened_for_writing(
    crowd: Crowd, tmp_path: Path, torture: bool, error: str
) -> None:
    """Each opening, renaming and making of a folder in the store fails in turn."""
    work_done = crowd.start(work.run_with_failing_operation, tmp_path / "t", -1, error)
    outcome, operations = work_done.hear()
    outcome_is_right(outcome)
    assert outcome.kept
    assert operations > 30
    # together the errors meet every ninth operation
    some = range(9 * ERRORS.index(error), operations, 9 * len(ERRORS))
    for operation in range(operations) if torture else some:
        store = Store(tmp_path / f"store{operation}")
        member = crowd.start(work.run_with_failing_operation, store.path, operation, error)
        outcome, _ = member.hear()
        outcome_is_right(outcome)  # nothing is lost without a lock, or a use noted
        whole(store)


@pytest.fixture
def small_disk() -> list[str]:
    """What to put before a command so that it sees a filesystem of its own at /mnt."""
    prefix = ["unshare", "--map-root-user", "--mount", "sh", "-ec"]
    command = [*prefix, "mount -t tmpfs -o size=64k none /mnt"]
    works = shutil.which("unshare") and not subprocess.call(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if not works:
        pytest.skip("no right to mount a filesystem here: it takes Linux and user namespaces")
    return prefix


def test_the_disk_is_full(small_disk: list[str], torture: bool) -> None:
    """A real filesystem, of any size from one page up to where everything fits."""
    for kilobytes in range(4, 1400, 12) if torture else (4, 354, 1054):
        shell = f'mount -t tmpfs -o size={kilobytes}k none /mnt; exec "$0" "$@"'
        command = [*small_disk, shell, sys.executable, "-c", work.ON_SMALL_DISK, "/mnt/store"]
        roomy = {**os.environ, "RESONATE_STORE_LIMIT": "1GB"}  # nothing goes but for want of disk
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=roomy)
        assert ended.returncode == 0, (kilobytes, ended.stderr)
        right, kept, *codes = ended.stdout.split()
        assert right == "True", kilobytes
        expected = {"True": ["disk-nearly-full"], "False": ["store-unusable"]}
        assert codes == expected[kept], kilobytes


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user reaches."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


@pytest.mark.parametrize("filled", [True, False], ids=["filled", "empty"])
def test_a_store_one_may_only_read(crowd: Crowd, open_folder: Path, filled: bool) -> None:
    store = Store(open_folder / "store")
    store.path.mkdir()
    if filled:
        work.results(0, store)
    forbid_writing(store.path)
    outcome = crowd.start(work.run_without_privileges, store.path, NOBODY).hear()
    outcome_is_right(outcome)
    assert outcome.kept == filled
    allow_writing(store.path)
    whole(store)


@pytest.mark.parametrize("kind", ["objects", "records"])
@pytest.mark.parametrize("mode", [0o000, 0o555], ids=["closed", "read-only"])
def test_one_shard_is_not_ours(
    crowd: Crowd, open_folder: Path, torture: bool, kind: str, mode: int
) -> None:
    """Of a store that holds everything, and of one that holds nothing yet."""
    trial = Store(open_folder / "trial")
    work.results(0, trial)
    shards = sorted(path.name for path in (trial.path / kind).iterdir())
    for shard in shards if torture else shards[:1]:
        for filled in (True, False):
            store = Store(open_folder / f"store-{shard}-{filled}")
            if filled:
                work.results(0, store)
            (store.path / kind / shard).mkdir(parents=True, exist_ok=True)
            allow_writing(store.path)
            (store.path / kind / shard).chmod(mode)
            outcome_is_right(crowd.start(work.run_without_privileges, store.path, NOBODY).hear())
            allow_writing(store.path)
            whole(store)


def forbid_writing(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def allow_writing(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        with suppress(PermissionError):  # a file of the other user
            path.chmod(0o777 if path.is_dir() else 0o666)
