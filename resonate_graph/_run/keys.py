"""Keys: what decides the samples of a step, and nothing else, as one digest.

In a key: the node's type and version (or source), its params with defaults, the content of its
inputs by port, what its `prepare` hook said (weights), the versions of the libraries it declares,
and the numerics class. Not in it: names, paths, times, layout, order in the file, device.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._graph.bound import Step
from .._node.context import FP32
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
    node_type = step.type
    preimage: dict[str, Any] = {
        "format": KEY_FORMAT,
        "type": node_type.id,
        "params": dict(step.plain_params),
        "inputs": {port: list(digests) for port, digests in inputs.items() if digests},
        "identity": dict(identity),
        "libraries": node_type.library_versions,
        "numerics": numerics,
    }
    if node_type.version is not None:
        preimage["version"] = node_type.version
    if node_type.pack is not None:
        preimage["package"] = node_type.function.__module__.partition(".")[0]
    if node_type.version is None or node_type.pack is None:
        # two files of a caller's own may well both declare a `mynode` at version 1
        preimage["source"] = node_type.fingerprint
    if device is not None:
        preimage["device"] = device
    return Key.of(preimage)


def decode_key(file_digest: str, decoder: str, *, salvage: bool = False) -> Key:
    """Return the key of decoding a file: its bytes, the decoder's version, if it is salvaged."""
    preimage = {"format": KEY_FORMAT, "decode": file_digest, "decoder": decoder}
    if salvage:
        preimage["salvage"] = True
    return Key.of({**preimage, "decode_format": DECODE_FORMAT})
