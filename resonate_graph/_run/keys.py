"""Keys: what decides the samples of a step, and nothing else, as one digest.

In a key: the node's type and version (or source), its params with defaults, the content of its
inputs by port, what its `prepare` hook said (weights), the versions of the libraries it declares,
and the numerics class. Not in it: names, paths, times, layout, order in the file, device.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .._graph.bound import Step
from .._node.context import FP32
from .._node.declaration import NodeType
from .._node.values import canonical_json
from .._store.records import Key

KEY_FORMAT = 1
DECODE_FORMAT = 2


def step_key(
    step: Step,
    inputs: Mapping[str, tuple[str, ...]],
    identity: Mapping[str, Any],
    *,
    numerics: str = FP32,
    device: str | None = None,
) -> Key:
    """Return the key of a step.

    Args:
        step: the checked step.
        inputs: the content digests wired into each port, in order.
        identity: what the node's `prepare` hook returned.
        numerics: how the node computes, where that depends on the device.
        device: the device, where reuse is to be exact per device; it is left out otherwise.
    """
    first, libraries, package, last = _fixed(step.type)
    text = b"".join(
        (  # in the order of the names
            b"{" if device is None else b'{"device":%b,' % canonical_json(device),
            first,
            b'"identity":%b,' % (canonical_json(dict(identity)) if identity else b"{}"),
            b'"inputs":%b,' % _wired(inputs),
            libraries,
            b'"numerics":%b,' % _text(numerics),
            package,
            b'"params":%b,' % step.canonical_params,
            last,
        )
    )
    return Key.of_text(text)


@lru_cache(maxsize=1024)
def _fixed(node_type: NodeType) -> tuple[bytes, bytes, bytes, bytes]:
    """Return what is the same for all steps of a type: canonical JSON, to stand between others."""
    last: dict[str, Any] = {"type": node_type.id}
    package: dict[str, Any] = {}
    if node_type.version is not None:
        last["version"] = node_type.version
    if node_type.pack is not None:
        package["package"] = node_type.function.__module__.partition(".")[0]
    if node_type.version is None or node_type.pack is None:
        # two files of a caller's own may well both declare a `mynode` at version 1
        last["source"] = node_type.fingerprint
    return (
        canonical_json({"format": KEY_FORMAT})[1:-1] + b",",
        canonical_json({"libraries": node_type.library_versions})[1:-1] + b",",
        canonical_json(package)[1:-1] + b"," if package else b"",
        canonical_json(last)[1:],
    )


def _wired(inputs: Mapping[str, tuple[str, ...]]) -> bytes:
    """Return the digests that go into each port, as canonical JSON."""
    if not all(map(str.isascii, inputs)):  # whose order is that of UTF-16
        return canonical_json({port: digests for port, digests in inputs.items() if digests})
    wired = [
        f'"{port}":["{quoted}"]'
        for port, digests in sorted(inputs.items())
        if (quoted := '","'.join(digests))
    ]
    return f"{{{','.join(wired)}}}".encode()


@lru_cache(maxsize=1024)
def _text(text: str) -> bytes:
    return canonical_json(text)


def decode_key(file_digest: str, decoder: str, *, salvage: bool = False) -> Key:
    """Return the key of decoding a file: its bytes, the decoder's version, if it is salvaged."""
    preimage = {"format": KEY_FORMAT, "decode": file_digest, "decoder": decoder}
    if salvage:
        preimage["salvage"] = True
    return Key.of({**preimage, "decode_format": DECODE_FORMAT})
