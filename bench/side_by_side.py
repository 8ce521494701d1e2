"""Measure this library beside the published one, in the same run.

The published distribution is a black box here: it is installed into an environment of its own
under ``build/``, which nothing else uses, and does the same work (`work.py`) through its public
API as ours does in another. Each figure is the median of several runs, the two sides in turn.
Ends with an error when a target is missed.

    python bench/side_by_side.py [--runs N] [--limit SECONDS] [--store] [ENTRIES ...]
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import results

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
UV = ROOT / ".tools" / "bin" / "uv"
PUBLISHED = "charmlibs-interfaces-tls-certificates==1.12.0"
COMMAND = "make bench-library"
ENTRIES = (1, 10, 100, 200, 1000)
LONG = 20.0
"""Seconds; what takes longer is run once: its noise is a small part of it."""
IMPORT = """
import time, ops
start = time.process_time()
import charmlibs.interfaces.tls_certificates
print(time.process_time() - start)
"""
"""Processor time: what else the machine does meanwhile is more than the difference."""
IMPORTS = 15
"""How many of them, at least: they are short."""
VERSIONS = """
import importlib.metadata as m
print(", ".join(f"{name} {m.version(name)}" for name in ("ops", "cryptography", "pydantic")))
"""


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


def work(python: Path, side: str, entries: int, limit: float) -> dict[str, Any]:
    """Do one side's work once; return what it took.

    What is over the limit is ended: it has no seconds, and the memory that it had taken by then.
    """
    command = [python, "-W", "ignore", HERE / "work.py", side, str(entries)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE) as process:
        try:
            printed, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            peak = peak_of(process.pid)
            process.kill()
            return {"seconds": {}, "peak": peak}
    if process.returncode != 0:
        raise SystemExit(f"{side} with {entries} entries ended with {process.returncode}")
    return json.loads(printed.splitlines()[-1])


def peak_of(pid: int) -> float:
    """Return the most memory that a process that runs has had, in MiB (proc_pid_status(5))."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (most,) = (line.split()[1] for line in status if line.startswith("VmHWM:"))
    return int(most) / 1024


def in_turn(
    pythons: dict[str, Path], side: str, entries: int, runs: int, limit: float
) -> dict[str, list[dict[str, Any]]]:
    """Do the work several times, each time with every library in turn."""
    found: dict[str, list[dict[str, Any]]] = {who: [] for who in pythons}
    going_on = dict(pythons)
    for _ in range(runs):
        for who, python in list(going_on.items()):
            one = work(python, side, entries, limit)
            found[who].append(one)
            if not one["seconds"] or sum(one["seconds"].values()) > LONG:
                del going_on[who]
    return found


def figures_of(
    pythons: dict[str, Path], side: str, entries: int, runs: int, limit: float
) -> Iterator[results.Figure]:
    """Measure one side with one number of entries."""
    found = in_turn(pythons, side, entries, runs, limit)

    def middle(who: str, name: str) -> float | None:
        many = [one["seconds"] for one in found.get(who, [])]
        return results.median(one[name] for one in many if name in one)

    for name in dict.fromkeys(
        name for many in found.values() for one in many for name in one["seconds"]
    ):
        yield results.Figure(name, entries, "s", middle("published", name), middle("here", name))
    if "published" in pythons:
        peaks = {who: results.median(one["peak"] for one in many) for who, many in found.items()}
        yield results.Figure(
            f"{side}, peak memory", entries, "MiB", peaks["published"], peaks["here"]
        )


def measure_import(pythons: dict[str, Path], runs: int) -> results.Figure:
    """Measure an import after `ops`: the first of each is not counted, for it warms up disks."""
    found: dict[str, list[float]] = {who: [] for who in pythons}
    for _ in range(runs + 1):
        for who, python in pythons.items():
            done = subprocess.run(
                [python, "-c", IMPORT], capture_output=True, check=True, cwd=HERE
            )
            found[who].append(float(done.stdout))
    published, here = (results.median(found[who][1:]) for who in ("published", "here"))
    return results.Figure(results.IMPORT, 0, "s", published, here)


def measure(
    pythons: dict[str, Path], entries: list[int], runs: int, limit: float
) -> Iterator[results.Figure]:
    """Measure everything, the quick things first."""
    yield measure_import(pythons, max(runs, IMPORTS))
    for number in entries:
        yield from figures_of({"here": pythons["here"]}, "bare", number, runs, limit)
        for side in ("provider", "requirer"):
            yield from figures_of(pythons, side, number, runs, limit)


def machine(python: Path) -> str:
    """Say how large the machine is, and with what was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = subprocess.run(
        [python, "-c", VERSIONS], capture_output=True, text=True, check=True
    ).stdout.strip()
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), {memory:.0f} GiB, "
        f"Python {platform.python_version()}, {versions}"
    )


def line(figure: results.Figure) -> str:
    """Return one line of the table."""
    before, here = (
        f"{value:.4g} {figure.unit}" if value else "-" for value in (figure.published, figure.here)
    )
    ratio = f"{figure.ratio:.2f}x" if figure.ratio else ""
    return f"{figure.work:<24}{figure.entries or '':>8}{before:>13}{here:>13}{ratio:>10}"


def main() -> int:
    """Print one line for each kind of work and number of entries, and then the verdicts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("entries", nargs="*", type=int, default=list(ENTRIES))
    parser.add_argument("--runs", type=int, default=5, help="of which the median counts")
    parser.add_argument(
        "--limit", type=float, default=results.LIMIT, help="seconds after which a run is ended"
    )
    parser.add_argument("--store", action="store_true", help="for the documentation")
    arguments = parser.parse_args()
    pythons = {"published": install("published", PUBLISHED), "here": install("here", "./lib")}
    found = results.Results(COMMAND, machine(pythons["here"]), arguments.runs)
    print(f"{found.machine}; medians of {found.runs} runs")
    print(f"{'work':<24}{'entries':>8}{'published':>13}{'here':>13}{'ratio':>10}")
    for figure in measure(pythons, arguments.entries, arguments.runs, arguments.limit):
        found.figures.append(figure)
        print(line(figure), flush=True)
    judged = list(results.verdicts(found))
    for verdict in judged:
        print({True: "pass", False: "FAIL", None: "open"}[verdict.is_met], verdict.words)
    if arguments.store:
        results.STORED.parent.mkdir(parents=True, exist_ok=True)
        results.STORED.write_text(found.to_json())
        print(f"stored in {results.STORED.relative_to(ROOT)}: make bench-plots draws them")
    return 1 if any(verdict.is_met is False for verdict in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
