"""The machines for as long as wanted: `make soak STEPS=20000`, or `HOURS=8`.

Lives come in batches; each batch has a seed of its own, counted from SEED, and is played again
with `make soak SEED=… BATCHES=1`. A broken invariant ends the run with its story. Each batch is a
process, as many at a time as there are processors (JOBS): what lives leave in memory goes with it.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import itertools
import multiprocessing
import os
import pathlib
import platform
import sys
import time
import traceback
from typing import TYPE_CHECKING

import hypothesis
from hypothesis.stateful import run_state_machine_as_test
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from multiprocessing.pool import AsyncResult

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [
    str(ROOT / part)
    for part in ("", "charms/self-signed-provider/src", "charms/demo-requirer/src")
]

from tests.simulation import rules, test_bare_library, test_both_charms  # noqa: E402

MACHINES: dict[str, type[rules.LifeMachine]] = {
    "both charms": test_both_charms.BothCharms,
    "bare library": test_bare_library.BareLibrary,
}
LIVES = 8
"""Of one batch."""


@dataclasses.dataclass
class Tally:
    """What was run."""

    steps: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter[str])
    pairs: collections.Counter[tuple[str, str]] = dataclasses.field(
        default_factory=collections.Counter[tuple[str, str]]
    )
    lives: int = 0
    hooks: int = 0
    seconds: float = 0.0
    _before: str = ""

    @property
    def total(self) -> int:
        return sum(self.steps.values())

    def note(self, step: str) -> None:
        """Count a step; two that follow one another in a life have met."""
        self.steps[step] += 1
        if self._before:
            self.pairs[self._before, step] += 1
        self._before = step

    def begin_life(self) -> None:
        self.lives += 1
        self._before = ""

    def add(self, other: Tally) -> None:
        """Count what was run elsewhere."""
        self.steps += other.steps
        self.pairs += other.pairs
        self.lives += other.lives
        self.hooks += other.hooks


class BatchError(Exception):
    """What broke in a batch, with its story as a text: hypothesis' own errors cannot be sent."""


def counted_batch(name: str, seed: int, most: int) -> Tally:
    """Run one batch of lives, and count what was run.

    Raises:
        BatchError: An invariant was broken.
    """
    tally = Tally()
    try:
        run_batch(MACHINES[name], seed, tally, most)
    except Exception as error:  # noqa: BLE001 - whatever breaks is the finding
        raise BatchError("".join(traceback.format_exception(error))) from None
    return tally


def run_batch(machine: type[rules.LifeMachine], seed: int, tally: Tally, most: int) -> None:
    """Run one batch of lives; what breaks is raised, with its story."""

    class Watched(machine):  # type: ignore[valid-type, misc]
        watch = staticmethod(tally.note)

        def __init__(self) -> None:
            super().__init__()
            tally.begin_life()

        def teardown(self) -> None:
            super().teardown()
            if hasattr(self, "life"):
                tally.hooks += self.life.hooks

    Watched.__name__ = machine.__name__
    hypothesis.seed(seed)(Watched)
    run_state_machine_as_test(
        Watched,
        settings=hypothesis.settings(
            rules.SETTINGS,
            max_examples=LIVES,
            stateful_step_count=most,
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        ),
    )


PAGE = """\
# A soak, counted

`tests/simulation` lets both charms, and the bare library with small charms, live thousands of
lives: units and operators come and go, hooks are killed, alarms come late, neighbours lie.
After every hook it looks whether anything is wrong. The tests do so for minutes; this is a run of

```shell
make soak STEPS={steps} SEED={seed} SUMMARY=docs/explanation/soak.md
```

in which no invariant was broken. What a step is, and what must hold: `tests/simulation/README.md`.
How often each kind of step came, and how many kinds came right after it somewhere:

{summary}
"""


def summary(tally: Tally, first: int, following: int) -> str:
    """Return the run as Markdown."""
    kinds = sorted(tally.steps)
    met = {kind: sum(1 for pair in tally.pairs if pair[0] == kind) for kind in kinds}
    lines = [
        f"- {tally.total:,} steps in {tally.lives:,} lives, {tally.hooks:,} hooks",
        f"- {tally.seconds / 60:.0f} minutes, {tally.total / tally.seconds:.1f} steps a second",
        f"- seeds {first} to {following - 1}; the next is {following}",
        f"- {len(kinds)} kinds of steps; {sum(met.values()):,} of {len(kinds) ** 2:,} pairs met",
        f"- {os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}",
        "",
        "| step | times | met |",
        "|---|---:|---:|",
        *(f"| {kind} | {n:,} | {met[kind]} |" for kind, n in tally.steps.most_common()),
    ]
    return "\n".join(lines)


def main() -> int:
    """Run until there were enough steps, or the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000, help="how many steps, at least")
    parser.add_argument("--hours", type=float, default=1e9, help="for how long, at most")
    parser.add_argument("--batches", type=int, default=10**9, help="how many batches, at most")
    parser.add_argument("--seed", type=int, default=1, help="of the first batch")
    parser.add_argument("--length", type=int, default=50, help="steps in a life, at most")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="how many batches at a time"
    )
    parser.add_argument("--machine", choices=sorted(MACHINES), help="one of the machines alone")
    parser.add_argument(
        "--summary", type=pathlib.Path, help="a file for the summary, as a page (Markdown)"
    )
    args = parser.parse_args()
    names = [args.machine] if args.machine else list(MACHINES)
    tally, seed, began = Tally(), args.seed, time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} steps"),
        TextColumn("{task.fields[speed]:.1f}/s"),
        TimeElapsedColumn(),
    )
    seeds = range(args.seed, args.seed + args.batches)
    batches = ((one, names[one % len(names)]) for one in seeds)
    # Not forked: the progress bar has a thread.
    spawning = multiprocessing.get_context("spawn")
    under_way: collections.deque[tuple[int, AsyncResult[Tally]]] = collections.deque()
    with Progress(*columns) as progress, spawning.Pool(args.jobs, maxtasksperchild=1) as pool:
        bar = progress.add_task("soak", total=args.steps, speed=0.0)
        while tally.total < args.steps and time.monotonic() - began < args.hours * 3600:
            for one, name in itertools.islice(batches, 2 * args.jobs - len(under_way)):
                task = pool.apply_async(counted_batch, (name, one, args.length))
                under_way.append((one, task))
            if not under_way:
                break
            seed, task = under_way.popleft()
            progress.update(bar, description=f"seed {seed}")
            try:
                tally.add(task.get())
            except BatchError as error:
                progress.stop()
                print(f"{error}\nseed {seed}: again with make soak SEED={seed} BATCHES=1")
                return 1
            seed += 1
            tally.seconds = time.monotonic() - began
            progress.update(
                bar, completed=tally.total, speed=tally.total / max(tally.seconds, 0.001)
            )
            if args.summary:
                told = summary(tally, args.seed, seed)
                args.summary.write_text(
                    PAGE.format(steps=args.steps, seed=args.seed, summary=told)
                )
        progress.console.print(table(tally))
    print(summary(tally, args.seed, seed))
    return 0


def table(tally: Tally) -> Table:
    """Return the steps, each with how many others it has met."""
    shown = Table("step", "times", "met", title="which steps met")
    for kind, count in tally.steps.most_common():
        met = sum(1 for pair in tally.pairs if pair[0] == kind)
        shown.add_row(kind, f"{count:,}", f"{met} of {len(tally.steps)}")
    return shown


if __name__ == "__main__":
    sys.exit(main())
