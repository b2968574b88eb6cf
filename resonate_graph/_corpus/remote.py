"""Files that lie elsewhere: ``s3://``, ``gs://``, ``file://`` and what else fsspec reaches.

What is read is brought here whole first. What is written is finished first, and goes there by one
request, so that nobody finds half of it; a stream into its final name would publish what there is
when an error ends it. Nothing is remembered of listings: what others wrote since would not be seen.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from typing import Any

from .. import CatalogError, InputError, OutputError
from .._base.publish import publish
from .jobs import file_digest

#: One request takes so much; S3 allows no more.
_ONE_PUT_BYTES = 5 * 2**30 - 1
#: How long one waits for a server, and how often it is asked.
_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 5, 60, 4
#: An upload in parts that began so long ago was killed.
_PENDING_SECONDS = 86_400.0


def opened(url: str) -> tuple[Any, str]:
    """Return the filesystem of a URL, and the path in it.

    Raises:
        CatalogError: what reaches it is not installed.
    """
    try:
        import fsspec

        found = fsspec.core.url_to_fs(url, use_listings_cache=False, **_patience(url))
        return found[0], str(found[1])
    except ImportError as error:
        raise CatalogError(
            f'{url}: reaching it needs {error.name}: pip install "resonate-graph[corpus]"'
        ) from error
    except ValueError as error:
        raise CatalogError(f"{url}: {error}") from error


def _patience(url: str) -> dict[str, Any]:
    if not url.startswith(("s3://", "s3a://")):
        return {}
    retries = {"max_attempts": _ATTEMPTS, "mode": "standard"}
    timeouts = {"connect_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS}
    return {"config_kwargs": {**timeouts, "retries": retries}}


def reason(error: BaseException) -> str:
    """Return what a server or the way to it had to say, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def listed(url: str, suffixes: Collection[str]) -> list[tuple[str, str]]:
    """Return the recordings of a folder or a pattern: each URL, and its way below without suffix.

    Raises:
        InputError: it cannot be listed.
    """
    system, path = opened(url)
    try:
        if any(mark in path for mark in "*?["):
            fixed = path[: min(path.index(mark) for mark in "*?[" if mark in path)]
            root, found = fixed.rpartition("/")[0], system.glob(path)
        elif system.isdir(path):
            root, found = path.rstrip("/"), system.find(path)
        else:
            root, found = path.rpartition("/")[0], [path]
    except Exception as error:  # whatever the library of that filesystem raises
        raise InputError(Path(url), f"it cannot be listed: {reason(error)}") from error
    kept = [one for one in sorted(found) if PurePosixPath(one).suffix.lower() in suffixes]
    return [
        (system.unstrip_protocol(one), str(PurePosixPath(one).relative_to(root).with_suffix("")))
        for one in kept
    ]


@contextlib.contextmanager
def fetched(url: str) -> Iterator[Path]:
    """Bring a file here for some time, under its own name.

    Raises:
        InputError: it cannot be had.
    """
    system, path = opened(url)
    with tempfile.TemporaryDirectory(prefix="resonate-") as folder:
        place = Path(folder) / PurePosixPath(path).name
        try:
            size = system.info(path)["size"]
            system.get_file(path, str(place))
        except FileNotFoundError as error:
            raise InputError(Path(url), "there is no such file") from error
        except Exception as error:  # whatever the library of that filesystem raises
            raise InputError(Path(url), f"it cannot be had: {reason(error)}") from error
        if size is not None and place.stat().st_size != size:
            raise InputError(Path(url), "it arrived cut off")
        yield place


def read(system: Any, path: str) -> bytes | None:
    """Return what is in a file; None where there is none.

    Raises:
        OSError: it cannot be had.
    """
    try:
        content: bytes = system.cat_file(path)
    except FileNotFoundError:
        return None
    except OSError:
        raise
    except Exception as error:  # whatever the library of that filesystem raises
        raise OSError(reason(error)) from error
    return content


def put(system: Any, path: str, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    try:
        if "file" in _protocols(system):
            publish(Path(path), lambda file: file.write(content))
        elif "s3" in _protocols(system) and len(content) <= _ONE_PUT_BYTES:
            system.pipe_file(path, content, chunksize=_ONE_PUT_BYTES)
        else:
            system.pipe_file(path, content)
    except OSError:
        raise
    except Exception as error:  # whatever the library of that filesystem raises
        raise OSError(reason(error)) from error


def sweep(url: str, older_seconds: float = _PENDING_SECONDS) -> int:
    """Remove what is left below a folder of uploads in parts that were killed; return how many.

    Only files beyond what one request takes are sent in parts, and only S3 keeps what arrived of
    them, unseen and paid for. Where one may not look, it stays; and in the whole of a bucket, since
    others' may be among it.

    Args:
        url: where it is looked for.
        older_seconds: how long ago they began at least.
    """
    system, path = opened(url)
    bucket, _, below = path.strip("/").partition("/")
    if "s3" not in _protocols(system) or not below:
        return 0
    horizon = datetime.now(timezone.utc) - timedelta(seconds=older_seconds)
    swept = 0
    with contextlib.suppress(Exception):  # whatever that filesystem raises: it is no reason to fail
        for one in _pending(system, bucket, f"{below}/"):
            if one["Initiated"] < horizon:
                system.call_s3("abort_multipart_upload", Bucket=bucket, Key=one["Key"],
                               UploadId=one["UploadId"])  # fmt: skip
                swept += 1
    return swept


def _pending(system: Any, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
    """Yield the uploads in parts that were begun below a prefix, of which S3 lists 1,000 a time."""
    after: dict[str, str] = {}
    while True:
        found = system.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix, **after)
        yield from found.get("Uploads", [])
        if not found.get("IsTruncated"):
            return
        after = {"KeyMarker": found["NextKeyMarker"], "UploadIdMarker": found["NextUploadIdMarker"]}


def _protocols(system: Any) -> tuple[str, ...]:
    found = system.protocol
    return (found,) if isinstance(found, str) else tuple(found)


@contextlib.contextmanager
def outbox(url: str) -> Iterator[tuple[Path, Callable[[Path, str], dict[str, Any]]]]:
    """Give a folder for outputs, and what sends one of them to a URL with what lies beside it."""
    system, root = opened(url)
    with tempfile.TemporaryDirectory(prefix="resonate-") as temporary:
        folder = Path(temporary)

        def send(path: Path, digest: str) -> dict[str, Any]:
            target = f"{root.rstrip('/')}/{path.relative_to(folder).as_posix()}"
            beside = path.with_name(f"{path.name}.provenance.json")
            try:
                if beside.exists():
                    put(system, f"{target}.provenance.json", beside.read_bytes())
                put(system, target, path.read_bytes())
            except OSError as error:
                raise OutputError(f"{url}: cannot be written: {reason(error)}") from error
            return {
                "path": system.unstrip_protocol(target),
                "bytes": path.stat().st_size,
                "mtime_ns": 0,
                "digest": digest,
                "file": file_digest(path),
            }

        yield folder, send
