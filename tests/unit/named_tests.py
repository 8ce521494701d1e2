"""Documents that name the tests which hold what they say: `unit/lib/test_x.py::test_y`."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
_NAMED = re.compile(r"`(?P<file>[\w/.]+\.py)::(?P<test>test_\w+)`")


def named_in(document: Path, below: Path = TESTS) -> set[tuple[str, str]]:
    """Return the tests that a document names, as file (below a folder of tests) and function."""
    found = _NAMED.finditer(document.read_text(encoding="utf-8"))
    return {((below / one["file"]).relative_to(TESTS).as_posix(), one["test"]) for one in found}


def existing(pattern: str = "**/test_*.py", name: str = r"test_\w+") -> set[tuple[str, str]]:
    """Return the tests that there are, of files and with names of a pattern."""
    return {
        (file.relative_to(TESTS).as_posix(), test)
        for file in TESTS.glob(pattern)
        for test in re.findall(
            rf"^(?:async )?def ({name})\(", file.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
