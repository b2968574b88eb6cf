"""Files that are made again from their provenance: what differs, and whether it was asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import InputError, Recipe, Result, Verification, verify


@dataclass(frozen=True)
class Again:
    """A file that is made again.

    Attributes:
        recipe: what its provenance says.
        found: whether the file was what that says before it was made again; None where that
            cannot be told.
        unknown: why it cannot.
    """

    recipe: Recipe
    found: Verification | None
    unknown: str = ""

    @classmethod
    def of(cls, path: Path, recipe: Recipe) -> Again:
        """Look at a file before anything is written, which may be written over it."""
        try:
            return cls(recipe, verify(path))
        except InputError as error:
            return cls(recipe, None, str(error))

    def differences(self, result: Result) -> list[str]:
        """Say what differs, that the file is not what it was among it."""
        found = self.found
        other = [] if found is None or found.is_same else [f"{found.path}: {found.message}"]
        return [*other, *self.recipe.differences(result.provenance)]

    def is_same(self, result: Result) -> bool:
        """Whether the same came out as was written, and the file still holds it."""
        return (self.found is None or self.found.is_same) and not self._came_out_differently(result)

    @property
    def conclusion(self) -> str:
        """What is said of a file that came out as it was."""
        if self.found is None:
            return f"the same as was written then; that was not compared: {self.unknown}"
        return f"the same as in {self.found.path}"

    def is_as_asked(
        self, result: Result, params: Mapping[str, Any], given: Collection[str]
    ) -> bool:
        """Whether what differs does because this call says so: by params, or by other files.

        Args:
            result: what came out.
            params: the params of the call.
            given: the inputs that it bound.
        """
        if self.is_same(result):
            return True
        inputs, before = result.provenance["inputs"], self.recipe.file_digests
        others = (
            name for name in given if inputs.get(name, {}).get("file_digest") != before.get(name)
        )
        asked = any(self.recipe.changes(params)) or any(others)
        return asked and (self.found is None or self.found.is_same)

    def _came_out_differently(self, result: Result) -> bool:
        outputs = result.report["outputs"]
        return any(
            outputs[name]["digest"] != before
            for name, before in self.recipe.outputs.items()
            if name in outputs
        )
