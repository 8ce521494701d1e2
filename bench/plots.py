"""Draw what `side_by_side.py` has stored, and write the page that shows it. Nothing is measured.

python -m bench.plots
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Drawing

from bench import results

PAGE = results.STORED.parents[1] / "explanation" / "figures.md"
# Colours that can be told apart on white and on black, and by most who see few colours.
PUBLISHED, HERE, BARE, INK = "#d55e00", "#0072b2", "#8a8a8a", "#7d7d7d"
PLOTS = {
    "provider-steady": (results.STEADY, "Provider, nothing to do: a hook"),
    "provider-issuing": (results.ISSUING, "Provider, issuing: one hook"),
    "requirer-steady": (results.REQUIRER, "Requirer, nothing to do: a hook"),
}
_INTRO = """# Figures

How this library does beside the published one, version 1.12.0, in one run: each figure is the
median of {runs} runs, the two in turn, each in a process of its own, in seconds of its processor
time. What takes over 20 seconds is run once; what is not done after {limit:.0f} seconds is ended,
and has no time here, but the memory that it had taken by then.

```console
$ {command}
```

Measured with {machine}. Times differ from machine to machine; how many times faster one is than
the other differs little.
"""


def draw(found: results.Results, work: str, title: str) -> Drawing:
    """Draw one kind of work over the number of entries."""
    drawing = Drawing(figsize=(7, 4), layout="constrained")
    drawing.patch.set_alpha(0)
    axes: Any = drawing.add_subplot()
    axes.patch.set_alpha(0)
    lines = [
        ("published 1.12.0", work, "published", PUBLISHED, "o-"),
        ("this library", work, "here", HERE, "s-"),
    ]
    if work == results.ISSUING:
        lines.append(("bare cryptography", results.BARE, "here", BARE, "^--"))
    for label, name, side, colour, style in lines:
        points = [
            (figure.entries, value)
            for figure in found.figures
            if figure.work == name and (value := getattr(figure, side)) is not None
        ]
        axes.plot(*zip(*points, strict=True), style, color=colour, label=label)
    axes.set(xscale="log", yscale="log")
    axes.set(xlabel="certificates in the relation", ylabel="seconds of processor time")
    axes.set_title(title, color=INK)
    axes.legend(frameon=False, labelcolor=INK)
    axes.grid(visible=True, alpha=0.3)
    axes.tick_params(colors=INK, which="both")
    for part in (axes.xaxis.label, axes.yaxis.label):
        part.set_color(INK)
    for spine in axes.spines.values():
        spine.set_color(INK)
    return drawing


def page(found: results.Results) -> Iterator[str]:
    """Yield the page, part by part."""
    yield _INTRO.format(
        runs=found.runs, limit=results.LIMIT, command=found.command, machine=found.machine
    )
    for name, (_, title) in PLOTS.items():
        yield f"![{title}, by the number of certificates](../figures/{name}.svg)\n"
    yield "## Every figure\n"
    rows = [
        "| work | entries | published | here | times |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for figure in found.figures:
        published, here = (
            "" if value is None else f"{value:.3g} {figure.unit}"
            for value in (figure.published, figure.here)
        )
        if found.was_ended(figure):
            published = f"over {published}"
        times = f"{figure.ratio:.1f}" if figure.ratio and not found.was_ended(figure) else ""
        rows.append(f"| {figure.work} | {figure.entries or ''} | {published} | {here} | {times} |")
    yield "\n".join(rows) + "\n"
    yield "## What was wanted\n"
    marks = {True: "met", False: "**missed**", None: "not measured"}
    yield "\n".join(f"- {v.words}: {marks[v.is_met]}." for v in results.verdicts(found)) + "\n"


def write(found: results.Results, folder: Path, page_file: Path) -> None:
    """Write the plots and the page; the same results make the same files."""
    folder.mkdir(parents=True, exist_ok=True)
    # Its types leave much unsaid.
    library: Any = mpl
    with library.rc_context({"svg.hashsalt": "figures", "svg.fonttype": "none"}):
        for name, (work, title) in PLOTS.items():
            drawing: Any = draw(found, work, title)
            drawing.savefig(folder / f"{name}.svg", metadata={"Date": None})
    page_file.write_text("\n".join(page(found)))


def main() -> int:
    """Draw what is stored."""
    write(results.Results.from_json(results.STORED.read_text()), results.STORED.parent, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
