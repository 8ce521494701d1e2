"""What was measured: how it is judged, and how it is shown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from bench import plots, results

if TYPE_CHECKING:
    import pathlib

NOTHING = results.Results("make bench-library", "2 processors", 3)


def with_figures(*figures: tuple[str, int, float | None, float | None]) -> results.Results:
    made = [results.Figure(work, n, "s", published, here) for work, n, published, here in figures]
    return dataclasses.replace(NOTHING, figures=made)


def verdict(found: results.Results, begins: str) -> bool | None:
    return next(v.is_met for v in results.verdicts(found) if v.words.startswith(begins))


@pytest.mark.parametrize(
    ("published", "here", "met"),
    [
        pytest.param(10.0, 0.1, True, id="just enough"),
        pytest.param(10.0, 0.2, False, id="too slow"),
        pytest.param(None, 0.1, None, id="the other side was over the limit"),
    ],
)
def test_times_faster(published: float | None, here: float, met: bool | None) -> None:
    """A gain that was asked for is judged as it is; what was not measured is not."""
    found = with_figures((results.STEADY, 200, published, here))
    assert verdict(found, "provider, steady, 200") is met


@pytest.mark.parametrize(
    ("here", "met"),
    [pytest.param(1.05, True, id="noise"), pytest.param(1.5, False, id="more than noise")],
)
def test_no_worse(here: float, met: bool) -> None:
    """Where no gain was asked for, a tenth is noise."""
    assert verdict(with_figures((results.IMPORT, 0, 1.0, here)), "import") is met


@pytest.mark.parametrize(
    ("published", "steady", "met"),
    [
        pytest.param(70.0, 1.0, False, id="both ended"),
        pytest.param(70.0, None, None, id="ended at the limit with less"),
        pytest.param(110.0, None, True, id="ended at the limit with more"),
    ],
)
def test_memory_of_what_was_ended(
    published: float, steady: float | None, met: bool | None
) -> None:
    """What was ended had taken at least so much: more than ours decides, less does not."""
    found = with_figures(
        (results.PEAKS[1], 1000, published, 100.0), (results.REQUIRER, 1000, steady, 0.5)
    )
    assert verdict(found, "requirer, peak memory") is met
    rows = "\n".join(plots.page(found)).splitlines()
    (row,) = (row for row in rows if row.startswith(f"| {results.PEAKS[1]} |"))
    assert ("over" in row) is (steady is None)


@pytest.mark.parametrize(
    ("many", "met"),
    [pytest.param(1.2, True, id="linear"), pytest.param(5.0, False, id="more than linear")],
)
def test_growth(many: float, met: bool) -> None:
    """A thousand entries may take twelve times a hundred."""
    found = with_figures((results.STEADY, 100, None, 0.1), (results.STEADY, 1000, None, many))
    assert verdict(found, "provider, steady: 1000 entries beside 100") is met


def test_stored_and_read() -> None:
    """What is stored is read again as it was."""
    found = with_figures((results.STEADY, 1, None, 0.1))
    assert results.Results.from_json(found.to_json()) == found


def test_drawn(tmp_path: pathlib.Path) -> None:
    """Every plot is a drawing with its title, and the page names every figure."""
    found = with_figures(
        *[(work, n, n * 2.0, n * 1.0) for work, _ in plots.PLOTS.values() for n in (1, 10)],
        (results.BARE, 10, None, 0.5),
    )
    plots.write(found, tmp_path / "figures", tmp_path / "figures.md")
    for name, (_, title) in plots.PLOTS.items():
        drawing = ElementTree.parse(tmp_path / "figures" / f"{name}.svg")  # Our own file.
        assert title in [node.text for node in drawing.iter() if node.tag.endswith("text")]
    page = (tmp_path / "figures.md").read_text()
    assert page.count("\n| ") == len(found.figures) + 2
    assert found.machine in page
