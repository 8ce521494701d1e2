"""What a run of `side_by_side.py` found, and whether it is what was wanted: no measuring here."""

import json
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

STORED = Path(__file__).resolve().parents[1] / "docs" / "figures" / "library.json"
"""Where the results stand that the documentation shows."""
LIMIT = 700.0
"""Seconds: a run that takes longer is ended, if nobody says otherwise."""
IMPORT = "import after ops"
BARE = "bare cryptography"
STEADY, ISSUING = "provider, steady", "provider, issuing"
REQUIRER = "requirer, steady"
PEAKS = ("provider, peak memory", "requirer, peak memory")
_NOISE = 0.9
"""What takes milliseconds has noise of up to a tenth, which is let where no gain is asked for."""

_TIMES_FASTER = {
    (STEADY, 200): 100,
    (ISSUING, 200): 20,
    (REQUIRER, 100): 50,
    (STEADY, 1): 1,
    (REQUIRER, 1): 1,
    (IMPORT, 0): 1,
    (PEAKS[0], 1000): 1,
    (PEAKS[1], 1000): 1,
}
_GROWTH = (STEADY, 100, 1000, 12.0)
_OF_BARE = (ISSUING, 200, 2.0)


@dataclass(frozen=True)
class Figure:
    """One kind of work with one number of entries, on both sides."""

    work: str
    entries: int
    unit: str
    """``s`` or ``MiB``."""
    published: float | None
    """The median of the runs; None where it was not measured, or took longer than the limit."""
    here: float | None

    @property
    def ratio(self) -> float | None:
        """How many times as much it takes on the published side."""
        return self.published / self.here if self.published and self.here else None


@dataclass(frozen=True)
class Results:
    """All figures of one run."""

    command: str
    """What anyone can run to have them again."""
    machine: str
    """Its size, and what was measured with."""
    runs: int
    """Of how many each figure is the median."""
    figures: list[Figure] = field(default_factory=list[Figure])

    def find(self, work: str, entries: int) -> Figure | None:
        """Return a figure, or None if it was not measured."""
        return next((f for f in self.figures if (f.work, f.entries) == (work, entries)), None)

    def was_ended(self, figure: Figure) -> bool:
        """Tell whether the published side was ended at the limit, its memory growing still."""
        steady = self.find(figure.work.replace("peak memory", "steady"), figure.entries)
        return figure.work in PEAKS and steady is not None and steady.published is None

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Results":
        stored = json.loads(text)
        figures = [Figure(**one) for one in stored["figures"]]
        return cls(stored["command"], stored["machine"], stored["runs"], figures)


@dataclass(frozen=True)
class Verdict:
    """A target, and how it came out."""

    words: str
    is_met: bool | None
    """None where it was not measured."""


def median(values: Iterable[float]) -> float | None:
    """Return the middle one, or None of none."""
    listed = list(values)
    return statistics.median(listed) if listed else None


def verdicts(results: Results) -> Iterator[Verdict]:
    """Yield each target with how it came out."""
    for (work, entries), times in _TIMES_FASTER.items():
        words = f"{work}, {entries} entries" if entries else work
        figure = results.find(work, entries)
        if figure is None or figure.ratio is None:
            yield Verdict(f"{words}: not measured", None)
        elif results.was_ended(figure) and figure.ratio < _NOISE:
            yield Verdict(f"{words}: the published side did not end in time", None)
        elif times > 1:
            yield Verdict(
                f"{words}: {figure.ratio:.0f} times faster, wanted {times}", figure.ratio >= times
            )
        else:
            yield Verdict(
                f"{words}: {figure.ratio:.2f} times better, wanted no worse",
                figure.ratio >= _NOISE,
            )
    work, few, many, most = _GROWTH
    yield _at_most(
        results.find(work, many),
        results.find(work, few),
        most,
        f"{work}: {many} entries beside {few}",
    )
    work, entries, most = _OF_BARE
    yield _at_most(
        results.find(work, entries),
        results.find(BARE, entries),
        most,
        f"{work}, {entries} entries, beside the bare cryptography",
    )


def _at_most(figure: Figure | None, base: Figure | None, most: float, words: str) -> Verdict:
    if figure is None or base is None or not figure.here or not base.here:
        return Verdict(f"{words}: not measured", None)
    times = figure.here / base.here
    return Verdict(f"{words}: {times:.1f} times, at most {most:.0f}", times <= most)
