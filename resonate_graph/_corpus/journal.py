"""The journal of a batch: what every job is and how each try ended. It is the truth.

It is SQLite in rollback mode, in one file beside the outputs. A text file with a line per end would
be simpler to read, but to say how far 100,000 jobs are it would have to be read whole, and who asks
does so often; SQLite answers from an index, and a half-written end is rolled back by whoever opens
the file next. Rollback mode and not the write-ahead log: that one needs memory shared by all that
open it, which network filesystems do not have, and 3.40.1, which is widely installed, has a bug
in it that can damage the file.

Rows are added and never changed, and triggers see to that. A job's last end counts, and with it
goes a row of sums, so that "how far is it" costs one look.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from .. import OutputError, StoreError
from .jobs import End, Identity, Job
from .sums import Sums

NAME = "batch.sqlite"
_FORMAT = 1
#: How long one waits for another that reads or writes.
_PATIENCE_SECONDS = 30.0

_TABLES = """
CREATE TABLE starts (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, graph TEXT NOT NULL, text TEXT NOT NULL,
  told TEXT NOT NULL
);
CREATE TABLE identities (digest TEXT PRIMARY KEY, parts TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, label TEXT NOT NULL,
  inputs TEXT NOT NULL, name TEXT NOT NULL
);
CREATE TABLE rows (
  id INTEGER PRIMARY KEY, job TEXT NOT NULL, params TEXT NOT NULL, carried TEXT NOT NULL
);
CREATE INDEX rows_by_job ON rows (job, id);
CREATE TABLE ends (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, start INTEGER NOT NULL, job TEXT NOT NULL,
  state TEXT NOT NULL, identity TEXT NOT NULL, content TEXT NOT NULL, end TEXT NOT NULL
);
CREATE INDEX ends_by_job ON ends (job, id);
CREATE INDEX ends_by_state ON ends (state, id);
CREATE INDEX ends_by_content ON ends (content, id);
CREATE TABLE sums (id INTEGER PRIMARY KEY, at REAL NOT NULL, sums TEXT NOT NULL);
"""
_APPEND_ONLY = """
CREATE TRIGGER {table}_not_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
"""


#: What a damaged file leads to; that is a UnicodeDecodeError where SQLite quotes from it.
_TROUBLE = (sqlite3.Error, UnicodeDecodeError, ValidationError)
_Row = TypeVar("_Row")


def _written(text: Any) -> Any:
    """Return what a column of JSON says."""
    if not isinstance(text, str):
        raise ValueError("this is no text")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


# What the columns of each question hold: a file that was damaged, or made by others, may hold
# anything.
_JSON = BeforeValidator(_written)
_Plain: TypeAlias = Annotated[dict[str, Any], _JSON]
_COUNT = TypeAdapter(tuple[int])
_END = TypeAdapter(tuple[str, Annotated[End, _JSON]])
_IDENTITY = TypeAdapter(tuple[Annotated[Identity, _JSON]])
_JOB = TypeAdapter(tuple[str, str, _Plain, _Plain, str, _Plain])
_NAMES = TypeAdapter(tuple[str, str])
_START = TypeAdapter(tuple[float, str, _Plain])
_SUMS = TypeAdapter(tuple[float, Annotated[Sums, _JSON]])


class Journal:
    """The journal of a folder.

    Args:
        folder: where it lies.
        read_only: whether it is only looked at; it must be there then.

    Raises:
        StoreError: it cannot be used.
        OutputError: it cannot be made.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / NAME
        if read_only and not self.path.is_file():
            raise StoreError(f"{folder}: there is no batch here: no {NAME}")
        try:
            if not read_only:
                folder.mkdir(parents=True, exist_ok=True)
            # one thread at a time, which need not be the one that made it
            self._connection = sqlite3.connect(
                self.path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._make(read_only=read_only)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error
        except _TROUBLE as error:
            raise self._unusable(error) from error

    def _make(self, *, read_only: bool) -> None:
        db = self._connection
        db.execute("PRAGMA trusted_schema = OFF")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not read_only:
            # TRUNCATE is rollback mode that keeps its file, which saves a sync of the folder
            db.execute("PRAGMA journal_mode = TRUNCATE")
            tables = ("starts", "identities", "jobs", "rows", "ends", "sums")
            rules = "".join(
                _APPEND_ONLY.format(table=table, verb=verb)
                for table in tables
                for verb in ("UPDATE", "DELETE")
            )
            db.executescript(f"BEGIN; {_TABLES} {rules} PRAGMA user_version = {_FORMAT}; COMMIT;")
        elif version != _FORMAT:
            raise StoreError(
                f"{self.path}: this journal has format {version}, and this version of "
                f"resonate-graph reads {_FORMAT}"
            )
        if not read_only:
            db.execute("PRAGMA journal_mode = TRUNCATE")
            db.execute("PRAGMA synchronous = FULL")
        else:
            db.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    # -- what is added ----------------------------------------------------------------------------

    def start(self, graph: str, text: str, told: Mapping[str, Any]) -> int:
        """Note that a batch starts; return its number."""
        with self._adding() as db:
            found = db.execute(
                "INSERT INTO starts (at, graph, text, told) VALUES (?, ?, ?, ?)",
                (time.time(), graph, text, json.dumps(told)),
            )
            number = found.lastrowid
        assert number is not None
        return number

    def add_identity(self, digest: str, parts: Mapping[str, Any]) -> None:
        """Keep what an identity was made of, so that one can say later what changed."""
        with self._adding() as db:
            db.execute(
                "INSERT OR IGNORE INTO identities VALUES (?, ?)", (digest, json.dumps(parts))
            )

    def add_jobs(self, jobs: Iterable[Job]) -> None:
        """Add jobs that are not there, and what their rows say now where that is new."""
        with self._adding() as db:
            for job in jobs:
                db.execute(
                    "INSERT OR IGNORE INTO jobs (id, label, inputs, name) VALUES (?, ?, ?, ?)",
                    (job.id, job.label, json.dumps(dict(job.inputs)), job.name),
                )
                row = (json.dumps(dict(job.params)), json.dumps(dict(job.carried), default=str))
                last = db.execute(
                    "SELECT params, carried FROM rows WHERE job = ? ORDER BY id DESC LIMIT 1",
                    (job.id,),
                ).fetchone()
                if last != row:
                    db.execute(
                        "INSERT INTO rows (job, params, carried) VALUES (?, ?, ?)", (job.id, *row)
                    )

    def add_ends(self, start: int, ends: Iterable[tuple[str, str, End]], sums: Sums) -> None:
        """Add how jobs ended, and the sums after that: all of it, or nothing.

        Args:
            start: the number of the batch.
            ends: id, identity and end of each.
            sums: what all of them come to.
        """
        now = time.time()
        with self._adding() as db:
            db.executemany(
                "INSERT INTO ends (at, start, job, state, identity, content, end) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (now, start, job, end.state, identity, end.content, json.dumps(end.plain()))
                    for job, identity, end in ends
                ],
            )
            db.execute("INSERT INTO sums (at, sums) VALUES (?, ?)", (now, json.dumps(sums.plain())))

    # -- what is known ----------------------------------------------------------------------------

    def last_start(self) -> tuple[float, str, dict[str, Any]] | None:
        """Return when the last batch started, its graph, and what was told of it then."""
        return self._one(_START, "SELECT at, graph, told FROM starts ORDER BY id DESC LIMIT 1")

    def identity(self, digest: str) -> Identity | None:
        """Return what an identity was made of."""
        row = self._one(_IDENTITY, "SELECT parts FROM identities WHERE digest = ?", digest)
        return row[0] if row else None

    def last_end(self, job: str) -> tuple[str, End] | None:
        """Return identity and end of a job's last try that ended it.

        Success wins over failure where two batches were at it: a failure is none if the job was
        done with the same identity since the batch began that had it. What was done before then was
        found amiss when that batch began, or it would not have been tried again.
        """
        newest = self._one(
            _END,
            "SELECT identity, end FROM ends WHERE job = ? AND state IN ('done', 'failed') "
            "ORDER BY id DESC LIMIT 1",
            job,
        )
        if newest is None or newest[1].state == "done":
            return newest
        done = self._one(
            _END,
            "SELECT identity, end FROM ends WHERE job = ? AND state = 'done' AND identity = ? AND "
            "at >= (SELECT starts.at FROM starts JOIN ends ON starts.id = ends.start "
            "WHERE ends.job = ? AND ends.state = 'failed' ORDER BY ends.id DESC LIMIT 1) "
            "ORDER BY id DESC LIMIT 1",
            job, newest[0], job,
        )  # fmt: skip
        return done or newest

    def deaths(self, content: str) -> int:
        """Return how often a process died of some content since that last came to an end."""
        row = self._one(
            _COUNT,
            "SELECT count(*) FROM ends WHERE content = ? AND state = 'died' AND id > coalesce("
            "(SELECT max(id) FROM ends WHERE content = ? AND state IN ('done', 'failed')), 0)",
            content, content,
        )  # fmt: skip
        return row[0] if row else 0

    def mortal(self) -> dict[str, str]:
        """Return the content of jobs whose process died last, by job."""
        rows = self._all(
            _NAMES,
            "SELECT job, content FROM ends AS one WHERE state = 'died' AND content != '' AND "
            "NOT EXISTS (SELECT 1 FROM ends WHERE job = one.job AND id > one.id)",
        )
        return dict(rows)

    def sums(self) -> tuple[float, Sums] | None:
        """Return the last sums, and when they were true."""
        return self._one(_SUMS, "SELECT at, sums FROM sums ORDER BY id DESC LIMIT 1")

    def failures(self, limit: int) -> list[tuple[str, End]]:
        """Return label and end of jobs whose last end is a failure, the latest first."""
        return self._all(
            _END,
            "SELECT jobs.label, one.end FROM ends AS one JOIN jobs ON jobs.id = one.job "
            "WHERE one.state = 'failed' AND NOT EXISTS "
            "(SELECT 1 FROM ends WHERE job = one.job AND state IN ('done', 'failed') "
            "AND id > one.id) ORDER BY one.id DESC LIMIT ?",
            limit,
        )

    def jobs(self) -> Iterator[Job]:
        """Yield every job that was ever asked for, with what its row said last."""
        rows = self._each(
            _JOB,
            "SELECT jobs.id, label, inputs, params, name, carried FROM jobs JOIN rows ON rows.id = "
            "(SELECT max(id) FROM rows WHERE job = jobs.id) ORDER BY position",
        )
        yield from (Job(*row) for row in rows)

    # -- how --------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _adding(self) -> Iterator[sqlite3.Connection]:
        """Add what is added inside, all of it or nothing."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
        except _TROUBLE as error:
            raise self._unusable(error) from error

    def _one(self, row: TypeAdapter[_Row], query: str, *values: Any) -> _Row | None:
        return next(iter(self._all(row, query, *values)), None)

    def _all(self, row: TypeAdapter[_Row], query: str, *values: Any) -> list[_Row]:
        return list(self._each(row, query, *values))

    def _each(self, row: TypeAdapter[_Row], query: str, *values: Any) -> Iterator[_Row]:
        try:
            for found in self._connection.execute(query, values):
                yield row.validate_python(found)
        except _TROUBLE as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        reason: object = error
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            reason = f"it holds what is none of its own: {first['msg']}"
        return StoreError(f"{self.path}: the journal cannot be used: {reason}")
