"""Measure the hook that changes nothing, of each packed charm, beside that of an empty charm.

All run on localjuju, as processes, in turn. The empty charm is a packed one whose code is an ops
charm without anything in it: the same interpreter, the same packages, the same extras.

    make pack-here && python bench/hooks.py [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

import jubilant

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHARMS = ROOT / "build" / "charms"
PROVIDER, REQUIRER, EMPTY = "self-signed-provider", "demo-requirer", "empty"
TARGETS = {PROVIDER: 2.0, REQUIRER: 1.5}
DISPATCH = """#!/bin/sh
# Times the charm's own dispatch, and notes what it took.
start=$(date +%s%N)
"$(dirname "$0")/dispatch-packed"
status=$?
echo "$JUJU_DISPATCH_PATH $(( $(date +%s%N) - start ))" >> "{times}"
exit $status
"""
EMPTY_CHARM = """import ops


class Empty(ops.CharmBase):
    pass


ops.main(Empty)
"""


def timed_copy(charm: str, folder: pathlib.Path, *, empty: bool = False) -> pathlib.Path:
    """Unpack *charm* into *folder*, with a dispatch that notes how long each hook takes."""
    target = folder / (EMPTY if empty else charm)
    with zipfile.ZipFile(CHARMS / f"{charm}.charm") as archive:
        for item in archive.infolist():
            unpacked = pathlib.Path(archive.extract(item, target))
            if not item.is_dir():
                unpacked.chmod(item.external_attr >> 16 or 0o644)
    (target / "dispatch").rename(target / "dispatch-packed")
    (target / "dispatch").write_text(DISPATCH.format(times=folder / f"{target.name}.times"))
    (target / "dispatch").chmod(0o755)
    if empty:
        (target / "src" / "charm.py").write_text(EMPTY_CHARM)
    return target


def read_times(folder: pathlib.Path, charm: str) -> list[float]:
    """Return the seconds of each update-status that *charm* has run."""
    file = folder / f"{charm}.times"
    lines = file.read_text().splitlines() if file.exists() else []
    return [int(line.split()[1]) / 1e9 for line in lines if line.startswith("hooks/update-status")]


def measure(folder: pathlib.Path, rounds: int) -> dict[str, list[float]]:
    juju = jubilant.Juju(model="bench", cli_binary=str(folder / "bin" / "juju"))
    juju.add_model("bench")
    juju.model_config({"update-status-hook-interval": "60m"})
    try:
        for charm in (PROVIDER, REQUIRER):
            juju.deploy(timed_copy(charm, folder), charm)
        juju.deploy(timed_copy(PROVIDER, folder, empty=True), EMPTY)
        juju.integrate(f"{PROVIDER}:certificates", f"{REQUIRER}:certificates")
        juju.wait(
            lambda status: (
                jubilant.all_active(status, PROVIDER, REQUIRER)
                and jubilant.all_agents_idle(status)
            ),
            timeout=180,
        )
        for done in range(rounds):
            for charm in (EMPTY, PROVIDER, REQUIRER):
                command = ["local", "update-status", "-m", "bench", f"{charm}/0"]
                juju.cli(*command, include_model=False)
                end = time.monotonic() + 60
                while len(read_times(folder, charm)) <= done and time.monotonic() < end:
                    time.sleep(0.05)
        return {charm: read_times(folder, charm) for charm in (EMPTY, PROVIDER, REQUIRER)}
    finally:
        juju.destroy_model("bench", destroy_storage=True, force=True)


def main() -> int:
    """Print one line for each charm."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=pathlib.Path, help="where to keep the figures")
    arguments = parser.parse_args()
    if not CHARMS.is_dir():
        print("There are no packed charms: run `make pack-here` first.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = pathlib.Path(name)
        os.environ["LOCALJUJU_HOME"] = str(folder / "home")
        # Juju's agents set no such thing: a charm's code is compiled in its first hook, and kept.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        localjuju = pathlib.Path(sys.executable).with_name("localjuju")
        subprocess.run(
            [localjuju, "local", "shim", folder / "bin"], check=True, stdout=subprocess.DEVNULL
        )
        times = measure(folder, arguments.rounds)
        subprocess.run([localjuju, "local", "clean"], check=False, stdout=subprocess.DEVNULL)
    base = statistics.median(times[EMPTY])
    print(f"{'update-status, nothing to do':<32}{'median':>9}{'of empty':>10}  target")
    print(f"{EMPTY:<32}{base:>7.2f} s{1:>9.2f}x")
    all_met = True
    for charm, target in TARGETS.items():
        median = statistics.median(times[charm])
        is_met = median / base <= target
        all_met &= is_met
        met = "met" if is_met else "missed"
        print(f"{charm:<32}{median:>7.2f} s{median / base:>9.2f}x  {target}x {met}")
    if arguments.json:
        arguments.json.write_text(json.dumps(times))
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
