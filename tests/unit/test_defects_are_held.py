"""docs/defects.md: every defect has a test, and every test that it names exists."""

import re

from tests.unit import named_tests

DEFECTS = named_tests.DOCS / "defects.md"
UNIT = named_tests.TESTS / "unit"


def test_every_test_named_exists() -> None:
    """The list names no test that is gone, and leaves none out."""
    existing = named_tests.existing("unit/*/test_*.py", r"test_defect_\d\d_\w+")
    assert named_tests.named_in(DEFECTS, UNIT) == existing


def test_every_defect_has_a_test() -> None:
    """The list counts without a gap, and each item has a test of its number."""
    numbers = [int(one) for one in re.findall(r"^(\d+)\. ", DEFECTS.read_text(), re.MULTILINE)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    named = named_tests.named_in(DEFECTS, UNIT)
    assert {int(test.split("_")[2]) for _, test in named} == set(numbers)
