from __future__ import annotations

import linecache
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Catalog, node

FingerprintOf = Callable[..., str]

SOURCE = '''
import math
from functools import partial

import numpy as np
from numpy import hanning as window
from resonate_graph import Audio, node

LEVEL = 0.5
TABLE = {"low": (1, 2.5), "high": [3, None, True]}
CURVE = np.linspace(0, 1, 4)
halve = partial(np.multiply, 0.5)


class Shape:
    power = 2

    def of(self, value: float) -> float:
        """Say something."""
        return value**self.power


def helper(value: float, mix: float = 1.0) -> float:
    return deeper(value) * LEVEL + mix


def deeper(value: float) -> float:
    return Shape().of(value) + TABLE["low"][0] + CURVE[0] + halve(1.0) + window(3)[0]


def mix(value: float) -> float:
    return value


@node()
def shine(audio: Audio, *, amount: float = 1.0) -> Audio:
    """Make it shine."""
    text = """
several
  lines"""
    # scaled by the helper
    return audio.with_samples(audio.samples * helper(amount, len(text)))
'''


@pytest.fixture
def fingerprint_of(tmp_path: Path) -> FingerprintOf:
    """Return the fingerprint of `shine` in a file of nodes; each call writes another file."""
    count = 0

    def fingerprint(source: str = SOURCE, *, name: str = "") -> str:
        nonlocal count
        count += 1
        path = tmp_path / str(count) / f"{name or 'mine'}.py"
        path.parent.mkdir()
        path.write_text(source)
        return Catalog().with_module(str(path)).types["shine"].fingerprint

    return fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Make it shine."""', '"""Make it gleam."""'),
        ('    """Make it shine."""\n', ""),
        ('        """Say something."""\n', ""),
        ("# scaled by the helper", "# scaled by a helper of ours\n"),
        ("value**self.power", "value ** self.power"),
        (
            "return deeper(value) * LEVEL + mix",
            "return (\n        deeper(value) * LEVEL + mix\n    )",
        ),
        ('TABLE["low"]', "TABLE['low']"),
        ("0.5)", "5e-1)"),
        ("LEVEL = 0.5", "LEVEL = 1 / 2"),
        ('"low": (1, 2.5), "high": [3, None, True]', '"high": [3, None, True], "low": (1, 2.5)'),
        (
            "def mix(value: float) -> float:\n    return value",
            "def mix(value: float) -> float: ...",
        ),
        ("import math\n", ""),
        ("\n\n\n", "\n\n\n\nUNUSED = 1\n\n\n"),
    ],
)
def test_what_does_not_change_the_samples_does_not_change_the_fingerprint(
    fingerprint_of: FingerprintOf, old: str, new: str
) -> None:
    assert old in SOURCE
    assert fingerprint_of(SOURCE.replace(old, new)) == fingerprint_of()


def test_when_and_where_it_runs_does_not_enter(fingerprint_of: FingerprintOf) -> None:
    advice = """@node(
    cost=Cost(seconds=SECONDS, threads="all"),  # of this machine
    avoid=[Avoid("mps", "slower there")],
)
"""
    source = SOURCE.replace("import Audio, node", "import Audio, Avoid, Cost, node")
    source = source.replace("LEVEL = 0.5", "LEVEL = 0.5\nSECONDS = 3.0")
    assert fingerprint_of(source.replace("@node()\n", advice)) == fingerprint_of()
    assert fingerprint_of(SOURCE.replace("@node()", "@node(version=None)")) != fingerprint_of()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("audio.samples * helper", "audio.samples - helper"),
        ("amount: float = 1.0", "amount: float = 2.0"),
        ("deeper(value) * LEVEL + mix", "deeper(value) * LEVEL - mix"),
        ("value**self.power", "value**-self.power"),
        ("power = 2", "power = 3"),
        ("LEVEL = 0.5", "LEVEL = 0.25"),
        ("2.5", "2.25"),
        ("None, True", "None, False"),
        ("linspace(0, 1, 4)", "linspace(0, 1, 5)"),
        ("partial(np.multiply, 0.5)", "partial(np.multiply, 0.25)"),
        ("hanning as window", "hamming as window"),
        ("several\n  lines", "several\n lines"),
    ],
)
def test_what_changes_the_samples_changes_the_fingerprint(
    fingerprint_of: FingerprintOf, old: str, new: str
) -> None:
    assert old in SOURCE
    assert fingerprint_of(SOURCE.replace(old, new)) != fingerprint_of()


def test_the_name_of_the_file_and_its_place_do_not_enter(fingerprint_of: FingerprintOf) -> None:
    assert fingerprint_of(name="mine") == fingerprint_of(name="yours")


def test_a_file_that_was_edited_in_no_time_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    found = []
    for level in ("0.50", "0.25"):  # of equal length, within one tick of the clock
        path.write_text(SOURCE.replace("LEVEL = 0.5", f"LEVEL = {level}"))
        node_type = Catalog().with_module(str(path)).types["shine"]
        samples = node_type.function(Audio([1.0], 8000)).samples
        found.append((node_type.fingerprint, float(samples[0, 0])))
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]


def test_the_fingerprint_is_of_the_source_that_was_loaded(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    first = Catalog().with_module(str(path)).types["shine"]
    path.write_text(SOURCE.replace("power = 2", "power = 3"))
    second = Catalog().with_module(str(path)).types["shine"]
    assert first.fingerprint != second.fingerprint


def test_modules_beside_a_file_of_nodes_are_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for folder, power in [("a", 2), ("b", 3), ("c", 2)]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "beside.py").write_text(
            f"POWER = {power}\n\ndef f(x): return x**POWER"
        )
        (tmp_path / folder / "mine.py").write_text(
            "import beside\nfrom resonate_graph import Audio, node\n\n@node()\n"
            "def shine(audio: Audio) -> Audio:\n"
            "    return audio.with_samples(beside.f(audio.samples))\n"
        )
        monkeypatch.syspath_prepend(tmp_path / folder)
        monkeypatch.delitem(sys.modules, "beside", raising=False)
        catalog = Catalog().with_module(str(tmp_path / folder / "mine.py"))
        found.append(catalog.types["shine"].fingerprint)
    sys.modules.pop("beside")
    assert found[0] == found[2] != found[1]


PACKAGE = {
    "__init__.py": "from .nodes import shine",
    "nodes.py": """
from resonate_graph import Audio, node
from . import shapes
from .curves import CURVE, bend as bent

@node()
def shine(audio: Audio) -> Audio:
    from .lazy import late
    from . import lazier
    return audio.with_samples(bent(audio.samples) * shapes.inner.POWER * late(CURVE) + lazier.one())
""",
    "curves.py": "import numpy as np\nCURVE = np.ones(1)\ndef bend(x): return x * 2",
    "shapes/__init__.py": "from . import inner",
    "shapes/inner.py": "POWER = 2",
    "lazy.py": "def late(x): return x * FACTOR\nFACTOR = 1",
    "lazier.py": "def one(): return 1",
}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("curves.py", "ones(1)", "zeros(1)"),
        ("curves.py", "x * 2", "x * 3"),
        ("shapes/inner.py", "POWER = 2", "POWER = 3"),
        ("lazy.py", "x * FACTOR", "x / FACTOR"),
        ("lazy.py", "FACTOR = 1", "FACTOR = 2"),
        ("lazier.py", "return 1", "return 2"),
    ],
)
def test_a_package_is_followed_through_every_kind_of_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str
) -> None:
    found = []
    for name, change in [("first_pack", ("", "")), ("second_pack", (old, new))]:
        monkeypatch.syspath_prepend(tmp_path)
        for path, text in PACKAGE.items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.replace(*change) if path == file else text)
        found.append(Catalog().with_module(name).types["shine"].fingerprint)
        again = Catalog().with_module(name).types["shine"].fingerprint
        assert again == found[-1]
    for module in [one for one in sys.modules if one.startswith(("first_pack", "second_pack"))]:
        del sys.modules[module]
    assert found[0] != found[1]


# -- functions within functions ----------------------------------------------------------------


def scaled_by(value: Any) -> Any:
    @node()
    def shine(audio: Audio) -> Audio:
        return audio.with_samples(audio.samples * value)

    return shine


def test_the_variables_around_a_function_enter() -> None:
    for one, other in [
        (1.0, 2.0),
        ((1, 2), (2, 1)),
        (np.zeros(2000), np.eye(1, 2000, 1000)[0]),
        (Audio(np.zeros(4), 8000), Audio(np.ones(4), 8000)),
        (deeper_one, deeper_two),
    ]:
        first, second = scaled_by(one).type.fingerprint, scaled_by(other).type.fingerprint
        assert first != second
        assert scaled_by(one).type.fingerprint == first


def deeper_one() -> float:
    return 1.0


def deeper_two() -> float:
    return 2.0


def test_what_cannot_be_written_down_never_matches() -> None:
    lock = object()
    assert scaled_by(lock).type.fingerprint != scaled_by(lock).type.fingerprint


@pytest.mark.parametrize("known", [None, "def another(): ...\n"])
def test_a_function_without_source_never_matches(
    known: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if known is not None:  # something else that was compiled from a text
        monkeypatch.setitem(linecache.cache, "<string>", (len(known), None, [known], "<string>"))

    def made() -> Any:
        scope: dict[str, Any] = {"Audio": Audio, "__name__": __name__}
        exec("def shine(audio: Audio) -> Audio:\n    return audio", scope)
        return node()(scope["shine"])

    assert made().type.fingerprint != made().type.fingerprint


def test_a_function_whose_module_is_gone_never_matches(tmp_path: Path) -> None:
    """As in a document that runs its examples: there is a source, but nowhere to look names up."""
    path = tmp_path / "example.py"
    path.write_text("LEVEL = 0.5\n\n\ndef shine(audio):\n    return audio if LEVEL else None\n")
    fingerprints = set()
    for _ in range(2):
        scope: dict[str, Any] = {"__name__": "not_imported"}
        exec(compile(path.read_text(), path, "exec"), scope)
        shine = scope["shine"]
        shine.__annotations__ = {"audio": Audio, "return": Audio}
        fingerprints.add(node()(shine).type.fingerprint)
    assert len(fingerprints) == 2


def test_functions_of_one_name_are_told_apart() -> None:
    def uses(*helpers: Any) -> str:
        first, second = helpers

        @node()
        def both(audio: Audio) -> Audio:
            return audio.with_samples(first(second(audio)))

        return both.type.fingerprint

    one, two, three = (scaled_by(value) for value in (1.0, 2.0, 3.0))
    assert len({uses(one, two), uses(one, three), uses(two, three)}) == 3


def test_recursion_ends() -> None:
    assert recursive.type.fingerprint == recursive.type.fingerprint


def even(number: int) -> bool:
    return number == 0 or odd(number - 1)


def odd(number: int) -> bool:
    return number != 0 and even(number - 1)


@node()
def recursive(number: int) -> bool:
    return even(number)


# -- across processes --------------------------------------------------------------------------


def test_it_is_the_same_in_every_process(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE.replace("LEVEL = 0.5", 'LEVEL = len({"a", "b", "c"}) and 0.5'))
    program = (
        "import sys; from resonate_graph import Catalog; "
        "print(Catalog().with_module(sys.argv[1]).types['shine'].fingerprint)"
    )
    command = [sys.executable, "-c", program, str(path)]
    ended = subprocess.run(
        command, env={"PYTHONHASHSEED": "1"}, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == Catalog().with_module(str(path)).types["shine"].fingerprint
