"""Measure this library beside the published one, in the same run.

The published distribution is a black box here: it is installed into an environment of its own
under ``build/``, which nothing else uses, and does the same work (`work.py`) through its public
API as ours does in another. Ends with an error when a target is missed.

    python bench/side_by_side.py [--limit SECONDS] [ENTRIES ...]
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
UV = ROOT / ".tools" / "bin" / "uv"
PUBLISHED = "charmlibs-interfaces-tls-certificates==1.12.0"
SIDES = ("provider", "requirer")
# How many times faster than the published library; with one entry, no slower.
TIMES_FASTER = {
    ("provider, steady", 1): 1.0,
    ("provider, steady", 200): 100.0,
    ("provider, issuing", 200): 20.0,
    ("requirer, steady", 1): 1.0,
    ("requirer, steady", 100): 50.0,
    ("import", 0): 1.0,
}
# How many times its own time at 100 entries the provider may take at 1,000: it is linear.
MOST_GROWTH = ("provider, steady", 100, 1000, 12.0)
IMPORT = """
import time, ops
start = time.perf_counter()
import charmlibs.interfaces.tls_certificates
print(time.perf_counter() - start)
"""
Times = dict[tuple[str, int], float]


def install(side: str, distribution: str) -> Path:
    """Return an interpreter that has a library, and `ops` of the same version on both sides.

    Ours has an environment of its own, too: what else the workspace's has, as tracing, is slower.
    """
    environment = ROOT / "build" / "bench" / side
    python = environment / "bin" / "python"
    subprocess.run(
        [UV, "venv", "--quiet", "--clear", "--python", sys.executable, environment],
        check=True,
        cwd=ROOT,
    )
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, distribution, "ops[testing]"],
        check=True,
        cwd=ROOT,
    )
    return python


def measure(python: Path, side: str, entries: int, limit: float) -> dict[str, float]:
    """Return the seconds of each kind of work; none if it took longer than the limit."""
    command = [python, "-W", "ignore", HERE / "work.py", side, str(entries)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=limit, cwd=HERE
        )
    except subprocess.TimeoutExpired:
        return {}
    return json.loads(done.stdout.splitlines()[-1])


def measure_import(python: Path) -> float:
    """Return the seconds of an import after `ops`: the best of several, for disks warm up."""
    command = [python, "-c", IMPORT]
    runs = (subprocess.run(command, capture_output=True, check=True, cwd=HERE) for _ in range(7))
    return min(float(done.stdout) for done in runs)


def verdicts(theirs: Times, ours: Times) -> Iterator[tuple[str, bool | None]]:
    """Yield each target, in words, with whether it is met; None if that was not measured."""
    for (work, entries), times in TIMES_FASTER.items():
        if (work, entries) not in theirs or (work, entries) not in ours:
            yield f"{work}, {entries} entries: left out, or over the limit", None
        else:
            faster = theirs[work, entries] / ours[work, entries]
            # What takes milliseconds, or an import, has noise of up to a tenth.
            met = faster >= times if times > 1 else faster >= 0.9
            yield f"{work}, {entries} entries: {faster:.1f} times faster, wanted {times:.0f}", met
    work, few, many, most = MOST_GROWTH
    if (work, few) not in ours or (work, many) not in ours:
        yield f"{work}: growth from {few} to {many} entries: left out, or over the limit", None
    else:
        growth = ours[work, many] / ours[work, few]
        yield (
            f"{work}: {many} entries take {growth:.1f} times {few}, at most {most:.0f}",
            (growth <= most),
        )


def line(work: str, entries: int, theirs: float | None, ours: float | None) -> str:
    """Return one line of the table."""
    before, here = (f"{time:.4f} s" if time else "over limit" for time in (theirs, ours))
    ratio = f"{theirs / ours:.1f}x" if theirs and ours else ""
    return f"{work:<22}{entries:>8}{before:>13}{here:>13}{ratio:>10}"


def main() -> int:
    """Print one line for each kind of work and number of entries, and then the verdicts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("entries", nargs="*", type=int, default=[1, 10, 100, 200, 1000])
    parser.add_argument("--limit", type=float, default=120, help="seconds for one measurement")
    arguments = parser.parse_args()
    published, here = install("published", PUBLISHED), install("here", "./lib")
    print(f"{'work':<22}{'entries':>8}{'published':>13}{'here':>13}{'faster':>10}")
    theirs: Times = {("import", 0): measure_import(published)}
    ours: Times = {("import", 0): measure_import(here)}
    print(line("import", 0, theirs["import", 0], ours["import", 0]))
    for side in SIDES:
        for entries in arguments.entries:
            before = measure(published, side, entries, arguments.limit)
            now = measure(here, side, entries, arguments.limit)
            theirs |= {(work, entries): seconds for work, seconds in before.items()}
            ours |= {(work, entries): seconds for work, seconds in now.items()}
            for work in now or before:
                print(line(work, entries, before.get(work), now.get(work)), flush=True)
    met = True
    for words, is_met in verdicts(theirs, ours):
        print({True: "pass", False: "FAIL", None: "open"}[is_met], words)
        met &= is_met is not False
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
