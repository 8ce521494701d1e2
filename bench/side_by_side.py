"""Measure this library beside the published one, in the same run.

The published distribution is a black box here: it is installed into an environment of its own,
which is thrown away, and does the same work (`work.py`) through its public API.

    python bench/side_by_side.py [--limit SECONDS] [ENTRIES ...]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
UV = HERE.parent / ".tools" / "bin" / "uv"
PUBLISHED = "charmlibs-interfaces-tls-certificates==1.12.0"
TARGETS = {
    ("provider, steady", 200): 100,
    ("provider, issuing", 200): 20,
    ("requirer, steady", 100): 50,
}


def install_published(folder: Path) -> Path:
    """Return an interpreter that has the published library, and `ops` as new as here."""
    environment = folder / "published"
    python = environment / "bin" / "python"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, PUBLISHED, "ops[testing]"],
        check=True,
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


def main() -> None:
    """Print one line for each kind of work and number of entries."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("entries", nargs="*", type=int, default=[1, 10, 100, 200, 1000])
    parser.add_argument("--limit", type=float, default=120, help="seconds for one measurement")
    arguments = parser.parse_args()
    print(f"{'work':<22}{'entries':>8}{'published':>12}{'here':>12}{'faster':>9}  target")
    with tempfile.TemporaryDirectory() as folder:
        published = install_published(Path(folder))
        for side in ("provider", "requirer"):
            for entries in arguments.entries:
                theirs = measure(published, side, entries, arguments.limit)
                ours = measure(Path(sys.executable), side, entries, arguments.limit)
                for work, seconds in ours.items():
                    print(line(work, entries, theirs.get(work), seconds), flush=True)


def line(work: str, entries: int, theirs: float | None, ours: float) -> str:
    """Return one line of the table."""
    if theirs is None:
        before, ratio = "over limit", ""
    else:
        before, ratio = f"{theirs:.3f} s", f"{theirs / ours:.0f}x"
    wanted = TARGETS.get((work, entries))
    target = f"{wanted}x" if wanted else ""
    return f"{work:<22}{entries:>8}{before:>12}{ours:>10.3f} s{ratio:>9}  {target}"


if __name__ == "__main__":
    main()
