"""Fuzz: many cases of every target, and what fails as a test that can be pasted.

    python -m tests.fuzz [--cases 100000] [--seconds 600] [--seed N] [--jobs 2] [--target NAME]

Cases come in batches of one target and one seed each; the same seed gives the same batches. What
fails is made small, printed as a test, and with the command that runs its batch again.
"""

import argparse
import itertools
import multiprocessing
import pathlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

ROOT = pathlib.Path(__file__).resolve().parents[2]
# As pytest's `pythonpath` does it: the charms are no distributions.
sys.path += [str(path) for path in sorted(ROOT.glob("charms/*/src"))]

from tests.fuzz.run import Outcome, run_batch  # noqa: E402
from tests.fuzz.targets import BY_NAME  # noqa: E402

BATCH = 10
"""Cases of a batch for each unit of a target's weight."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--target", choices=sorted(BY_NAME), action="append")
    parser.add_argument("--patience", type=float, default=20, help="seconds for one case")
    return parser.parse_args()


def _batches(names: list[str], seed: int, cases: int) -> Iterator[tuple[str, int, int]]:
    """Yield target, seed and number of cases of each batch."""
    left = cases
    for turn in itertools.count():
        for name in names:
            if left <= 0:
                return
            size = min(left, BY_NAME[name].weight * BATCH)
            left -= size
            yield name, seed + turn, size


def main() -> int:
    given = _arguments()
    seed: int = random.SystemRandom().randrange(10**9) if given.seed is None else given.seed
    names: list[str] = given.target or list(BY_NAME)
    print(f"seed {seed}", flush=True)
    batches = _batches(names, seed, given.cases)
    began = time.monotonic()
    done: Counter[str] = Counter()
    failures: dict[str, Outcome] = {}
    # Not forked: the threads of a pool and a fork do not go together.
    with ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn")) as pool:
        running: set[Future[Outcome]] = set()
        while True:
            is_over = time.monotonic() - began > given.seconds
            for batch in itertools.islice(
                batches, 0 if is_over else 2 * given.jobs - len(running)
            ):
                running.add(pool.submit(run_batch, *batch, given.patience))
            if not running:
                break
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for outcome in (one.result() for one in finished):
                done[outcome.target] += outcome.cases
                if outcome.failure is not None and outcome.failure not in failures:
                    failures[outcome.failure] = outcome
                    print(f"\n{outcome.report}", flush=True)
            _show_progress(done, began, len(failures))
    print(file=sys.stderr)
    for name, count in done.items():
        print(f"{name:20}{count:8}")
    seconds = time.monotonic() - began
    total = done.total()
    print(f"{total} cases in {seconds:.0f} s, {total / seconds:.0f} a second, seed {seed}")
    print(f"{len(failures)} failed" if failures else "none failed")
    return 1 if failures else 0


def _show_progress(done: Counter[str], began: float, failed: int) -> None:
    seconds = time.monotonic() - began
    total = done.total()
    end = "\r" if sys.stderr.isatty() else "\n"
    text = f"{total} cases, {seconds:.0f} s, {total / seconds:.0f} a second, {failed} failed"
    print(f"{text:70}", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
