"""The documentation's pages and drawings, and how its commands are read."""

from __future__ import annotations

import pathlib
import re
from xml.etree import ElementTree

import pytest

from tests.integration import transcript
from tests.unit.recipes import CHARMS, recipe

ROOT = pathlib.Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
DRAWINGS = sorted((DOCS / "explanation").glob("*.svg"))
MARKDOWN = sorted(
    page
    for folder in (".", ".github", "charms", "docs", "lib", "localjuju", "terraform", "tests")
    for page in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
    if not {"build", "parts", "prime", "stage"} & set(page.relative_to(ROOT).parts)
)
SVG = "{http://www.w3.org/2000/svg}"

each_drawing = pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)


def slugs(page: pathlib.Path) -> set[str]:
    """Return the anchors of a page's headings, as the repository's host makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_within_the_repository(page: pathlib.Path) -> None:
    """A link to a file of the repository, or to a heading in one, leads to what is there."""
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in slugs(there), target


def test_readme_deploys_what_is_packed() -> None:
    """Each file that the README deploys is one of a platform that its charm is packed for."""
    files = re.findall(r"juju deploy \./build/charms/(\S+)\.charm", README)
    packed = {
        f"{charm}_{platform.replace(':', '-')}"
        for charm in (path.name for path in CHARMS.iterdir())
        for platform in recipe(charm)["platforms"]
    }
    assert {file.partition("_")[0] for file in files} == {path.name for path in CHARMS.iterdir()}
    assert set(files) <= packed


def test_readme_relates_what_fits() -> None:
    """Each two endpoints that the README relates exist, and have one interface."""
    related = re.findall(r"^juju integrate (\S+):(\S+) (\S+):(\S+)$", README, re.MULTILINE)
    assert len(related) == 2
    for provider, offered, requirer, wanted in related:
        here, there = recipe(provider)["provides"][offered], recipe(requirer)["requires"][wanted]
        assert here["interface"] == there["interface"]


@each_drawing
def test_drawing_says_what_it_shows(drawing: pathlib.Path) -> None:
    """A drawing has a title and a description, for those who do not see it."""
    root = ElementTree.parse(drawing).getroot()
    for part in ("title", "desc"):
        found = root.find(f"{SVG}{part}")
        assert found is not None
        assert found.text
        assert found.get("id") in root.get("aria-labelledby", "").split()


@each_drawing
def test_drawing_has_the_style_of_all(drawing: pathlib.Path) -> None:
    """Each drawing has one style, which is the same for all: in a page they share it."""
    styles = {
        re.findall(r"<style>(.*?)</style>", one.read_text(), re.DOTALL)[0] for one in DRAWINGS
    }
    assert len(styles) == 1
    assert drawing.read_text().count("<style>") == 1


@each_drawing
def test_drawing_keeps_within_its_frame(drawing: pathlib.Path) -> None:
    """No box of a drawing lies outside of what is shown."""
    root = ElementTree.parse(drawing).getroot()
    _, _, width, height = map(float, root.get("viewBox", "").split())
    for box in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.get(side, "0")) for side in ("x", "y", "width", "height"))
        assert min(x, y) >= 0, box.attrib
        assert x + w <= width, box.attrib
        assert y + h <= height, box.attrib


@each_drawing
def test_drawing_is_shown(drawing: pathlib.Path) -> None:
    """Each drawing stands in a page."""
    pages = "".join(page.read_text() for page in drawing.parent.glob("*.md"))
    assert f"({drawing.name})" in pages


def test_rooms_are_as_drawn() -> None:
    """The drawing of the library's rooms names modules that exist."""
    package = ROOT / "lib" / "charmlibs" / "interfaces" / "tls_certificates"
    named = re.findall(r">(_[_a-z0-9 ]+)<", (DOCS / "explanation" / "rooms.svg").read_text())
    modules = {module for line in named for module in line.split()}
    assert len(modules) > 20
    assert modules <= {path.stem for path in package.glob("*.py")}


def test_steps_of_a_page() -> None:
    """Commands are read with what continues them and what they show, from marked blocks alone."""
    page = (
        "```console\n$ not this\n```\n"
        "```console run\n$ one |\n>   two\nshown\n$ three\n```\n"
        "```console run until\n$ four\n```\n"
    )
    assert transcript.steps(page) == [
        transcript.Step("one |\n  two", "shown", until=False),
        transcript.Step("three", "", until=False),
        transcript.Step("four", "", until=True),
    ]


@pytest.mark.parametrize(
    ("printed", "shown", "like"),
    [
        pytest.param("a\n", "a", True, id="the same"),
        pytest.param("a\n", "b", False, id="another"),
        pytest.param("a\nb\n", "a", False, id="more"),
        pytest.param("serial=AB\n", "serial=…", True, id="a part left out"),
        pytest.param("x\ny\nz\n", "…\nz", True, id="lines left out"),
        pytest.param("z\n", "…\nz\n…", True, id="no line left out"),
        pytest.param("a   b\n", "a b", True, id="wider columns"),
        pytest.param("a.c\n", "a.c", True, id="a dot"),
        pytest.param("abc\n", "a.c", False, id="a dot is a dot"),
    ],
)
def test_likeness(printed: str, shown: str, like: bool) -> None:
    """What is shown is what is printed, but for what is left out and the width of columns."""
    assert transcript.is_like(printed, shown) is like


def test_shell_keeps_what_a_page_sets(tmp_path: pathlib.Path) -> None:
    """One command finds what another set, as in a terminal."""
    page = "```console run\n$ x=1; f() { echo $x; }\n$ f\n1\n```\n"
    with transcript.Shell(tmp_path, {"PATH": "/usr/bin:/bin"}) as shell:
        assert shell.go_through(page) == 2


@pytest.mark.parametrize("command", ["$ false", "$ echo a\nb"], ids=["fails", "shows another"])
def test_shell_says_what_is_unlike(tmp_path: pathlib.Path, command: str) -> None:
    """A command that fails, or shows something else, is named with what it printed."""
    page = f"```console run\n{command}\n```\n"
    with (
        transcript.Shell(tmp_path, {"PATH": "/usr/bin:/bin"}) as shell,
        pytest.raises(transcript.UnlikeError, match=re.escape(command.splitlines()[0])),
    ):
        shell.go_through(page)
