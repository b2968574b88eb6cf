"""Write a trained model as the file that is installed, and its digest beside it.

    python -m examples.mini_model.export CHECKPOINT [--to FILE]

CHECKPOINT is a torch file with ``{"args": [...], "kwargs": {...}, "state": state_dict}`` of an
HDemucs. FILE is a safetensors file with float16 tensors and the metadata of Demucs' hub; the same
checkpoint gives the same bytes. Where the folder of FILE is a package with ``DIGESTS``, its
digest is written there. By default FILE is the ``mini`` of the stock nodes.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from blake3 import blake3

CLASS = "demucs.hdemucs.HDemucs"
LICENCE = "MIT"
MAX_BYTES = 8_000_000
SHIPPED = Path(__file__).parents[2] / "nodes" / "resonate_nodes" / "models" / "mini.safetensors"

#: The data of a safetensors file begin at a multiple of this.
_ALIGNMENT = 8


class ExportError(Exception):
    """A checkpoint that cannot be shipped."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a trained model as it is installed.")
    parser.add_argument("checkpoint", type=Path, help="last.pt of a run")
    parser.add_argument(
        "--to", type=Path, default=SHIPPED, metavar="FILE", help="if not the one that ships"
    )
    arguments = parser.parse_args()
    try:
        digest = export(arguments.checkpoint, arguments.to)
    except ExportError as error:
        raise SystemExit(f"error: {arguments.checkpoint}: {error}") from None
    print(f"{arguments.to}: {arguments.to.stat().st_size:,} bytes, blake3 {digest}")


def export(checkpoint: Path, target: Path) -> str:
    """Write the model of a checkpoint; return its digest.

    Raises:
        ExportError: the file is no checkpoint; weights that are not finite as float16, too many of
            them, or of another model; no place for the digest. Nothing is written then.
    """
    content = packed(*_read(checkpoint))
    digest = blake3(content).hexdigest()
    package = target.with_name("__init__.py")
    source = _pinned(package, target.name, digest) if package.is_file() else None
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    beside.write_bytes(content)
    beside.replace(target)
    if source is not None:
        package.write_text(source, encoding="utf-8")
    return digest


def packed(args: Any, kwargs: Mapping[str, Any], state: Mapping[str, Any]) -> bytes:
    """Return the content of the file.

    Raises:
        ExportError: weights that are not finite as float16, too many of them, or of another model.
    """
    from demucs.hdemucs import HDemucs
    from safetensors.torch import save

    try:
        HDemucs(*args, **kwargs).load_state_dict(state)
    except (TypeError, RuntimeError) as error:
        raise ExportError(f"this is no state of that HDemucs: {error}") from error
    half = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in sorted(state.items())
    }
    if lost := [name for name, tensor in half.items() if not tensor.isfinite().all()]:
        raise ExportError(f"not finite as float16: {', '.join(lost[:5])}")
    metadata = {
        "klass": CLASS,
        "args": json.dumps(list(args), default=_plain),
        "kwargs": json.dumps(dict(kwargs), default=_plain, sort_keys=True),
        "license": LICENCE,
    }
    content = _in_order(save(half, metadata))
    if len(content) > MAX_BYTES:
        raise ExportError(f"{len(content):,} bytes; at most {MAX_BYTES:,} are shipped")
    return content


def _read(checkpoint: Path) -> tuple[Any, Mapping[str, Any], Mapping[str, Any]]:
    """Return args, kwargs and state of a checkpoint."""
    import torch

    try:
        with torch.serialization.safe_globals([Fraction]):
            kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
        return kept["args"], kept["kwargs"], kept["state"]
    except Exception as error:  # whatever a file that is none leads to
        reason = (str(error).splitlines() or [""])[0]
        raise ExportError(f"this is no checkpoint: {type(error).__name__}: {reason}") from error


def _plain(value: Any) -> dict[str, Any]:
    if isinstance(value, Fraction):
        parts = {"numerator": value.numerator, "denominator": value.denominator}
        return {"_type": "fraction", **parts}
    raise TypeError(f"{value!r} is nothing that JSON holds")


def _in_order(content: bytes) -> bytes:
    """Return a safetensors file with its header in order; safetensors' own differs by process."""
    start = 8
    stop = start + int.from_bytes(content[:start], "little")
    header = json.dumps(json.loads(content[start:stop]), sort_keys=True, separators=(",", ":"))
    header += " " * (-len(header) % _ALIGNMENT)
    return len(header).to_bytes(start, "little") + header.encode("ascii") + content[stop:]


def _pinned(package: Path, name: str, digest: str) -> str:
    """Return the source of a package with a file's digest in it, beside those of other files."""
    text = package.read_text(encoding="utf-8")
    place = re.search(r"^DIGESTS: dict\[str, str\] = (\{[^}]*\})\n", text, flags=re.M)
    if place is None:
        raise ExportError(f"{package} has no DIGESTS")
    digests = {**ast.literal_eval(place[1]), name: digest}
    entries = "".join(f'    "{file}": "{value}",\n' for file, value in digests.items())
    return f"{text[: place.start(1)]}{{\n{entries}}}{text[place.end(1) :]}"


if __name__ == "__main__":
    main()
