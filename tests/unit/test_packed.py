"""Which packed charms the integration tests take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration import packed

if TYPE_CHECKING:
    import pathlib

RELEASE = [
    f"web_ubuntu@{base}-{processor}.charm"
    for base in ("22.04", "24.04")
    for processor in ("amd64", "arm64")
]
JAMMY, NOBLE = "web_ubuntu@22.04-amd64.charm", "web_ubuntu@24.04-amd64.charm"


@pytest.mark.parametrize(
    ("files", "base", "taken"),
    [
        pytest.param([], None, None, id="nothing"),
        pytest.param(["website.charm", "web.cdx.json"], "24.04", None, id="of another charm"),
        pytest.param(["web.charm"], None, "web.charm", id="for this machine"),
        pytest.param(["web.charm", *RELEASE], None, "web.charm", id="this machine goes before"),
        pytest.param(["web.charm", *RELEASE], "22.04", JAMMY, id="asked for beside that"),
        pytest.param(RELEASE, None, NOBLE, id="the newer"),
        pytest.param(RELEASE, "22.04", JAMMY, id="asked for"),
        pytest.param([JAMMY], None, JAMMY, id="the only one"),
    ],
)
def test_takes(
    tmp_path: pathlib.Path, files: list[str], base: str | None, taken: str | None
) -> None:
    """A charm's file for the base that is asked for, and for the processor of the machine."""
    for name in files:
        (tmp_path / name).touch()
    found = packed.choose(tmp_path, "web", base, machine="x86_64")
    assert (found and found.name) == taken


@pytest.mark.parametrize(
    ("files", "base", "machine"),
    [
        pytest.param([JAMMY], "24.04", "x86_64", id="base"),
        pytest.param([JAMMY], None, "aarch64", id="processor"),
        pytest.param(["web.charm"], "24.04", "x86_64", id="file that does not say"),
    ],
)
def test_names_what_is_there(
    tmp_path: pathlib.Path, files: list[str], base: str | None, machine: str
) -> None:
    """Where the one that is wanted is missing, no other is taken for it, and those are named."""
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(packed.NotPackedError, match=files[0]):
        packed.choose(tmp_path, "web", base, machine)
