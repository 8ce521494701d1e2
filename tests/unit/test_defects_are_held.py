"""docs/defects.md: every defect has a test, and every test that it names exists."""

import re
from pathlib import Path

UNIT = Path(__file__).parent
DEFECTS = UNIT.parents[1] / "docs" / "defects.md"
NAMED = re.compile(r"^   - `(?P<file>[\w/.]+)::(?P<test>\w+)`$", re.MULTILINE)


def _named() -> set[tuple[str, str]]:
    return {(one["file"], one["test"]) for one in NAMED.finditer(DEFECTS.read_text())}


def _existing() -> set[tuple[str, str]]:
    """Return the tests whose names say which defect they hold."""
    return {
        (file.relative_to(UNIT).as_posix(), test)
        for file in UNIT.glob("*/test_*.py")
        for test in re.findall(r"^def (test_defect_\d\d_\w+)", file.read_text(), re.MULTILINE)
    }


def test_every_test_named_exists() -> None:
    """The list names no test that is gone, and leaves none out."""
    assert _named() == _existing()


def test_every_defect_has_a_test() -> None:
    """The list counts without a gap, and each item has a test of its number."""
    numbers = [int(one) for one in re.findall(r"^(\d+)\. ", DEFECTS.read_text(), re.MULTILINE)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert {int(test.split("_")[2]) for _, test in _named()} == set(numbers)
