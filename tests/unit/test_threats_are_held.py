"""docs/explanation/security.md: every threat has a test, or is said to be accepted."""

import re

from tests.unit import named_tests

THREATS = named_tests.DOCS / "explanation" / "security.md"


def test_every_test_named_exists() -> None:
    """It names no test that is gone."""
    assert named_tests.named_in(THREATS) - named_tests.existing() == set()


def test_every_threat_has_a_test() -> None:
    """Each item that begins with a threat in bold names a test."""
    _, *sections = re.split(r"^## (?=Over|In|At|On)", THREATS.read_text(), flags=re.MULTILINE)
    assert len(sections) == 8
    threats = [item for one in sections for item in re.split(r"^- ", one, flags=re.MULTILINE)[1:]]
    assert [one for one in threats if not one.startswith("**")] == []
    assert [one for one in threats if "::test_" not in one] == []
