"""Measure the hook that changes nothing, of each packed charm, beside that of an empty charm.

All run on localjuju, as processes, in turn. The empty charm is a packed one whose code is an ops
charm without anything in it: the same interpreter, the same packages, the same extras.

    make pack-here && python bench/hooks.py [--rounds N]
"""

from __future__ import annotations

import argparse
import dataclasses
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
DISPATCH = """#!{python} -ISB
# Runs the charm's own dispatch, and notes the seconds it took: passed, and of processor time,
# its own and its children's.
import os, sys, time

packed = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dispatch-packed")
start = time.monotonic()
_, status, used = os.wait4(os.posix_spawn(packed, [packed], os.environ), 0)
passed, worked = time.monotonic() - start, used.ru_utime + used.ru_stime
with open("{times}", "a") as times:
    print(os.environ["JUJU_DISPATCH_PATH"], passed, worked, file=times)
sys.exit(os.waitstatus_to_exitcode(status))
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
    (target / "dispatch").write_text(
        DISPATCH.format(python=sys.executable, times=folder / f"{target.name}.times")
    )
    (target / "dispatch").chmod(0o755)
    if empty:
        (target / "src" / "charm.py").write_text(EMPTY_CHARM)
    return target


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one hook took, in seconds."""

    passed: float
    """From its beginning to its end."""
    worked: float
    """Of processor time, its hook tools' own included; other load on the machine matters less."""


def read_costs(folder: pathlib.Path, charm: str) -> list[Cost]:
    """Return what each update-status that *charm* has run took."""
    file = folder / f"{charm}.times"
    lines = file.read_text().splitlines() if file.exists() else []
    words = [line.split() for line in lines if line.startswith("hooks/update-status")]
    return [Cost(float(passed), float(worked)) for _, passed, worked in words]


def measure(folder: pathlib.Path, rounds: int) -> dict[str, list[Cost]]:
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
                while len(read_costs(folder, charm)) <= done and time.monotonic() < end:
                    time.sleep(0.05)
        return {charm: read_costs(folder, charm) for charm in (EMPTY, PROVIDER, REQUIRER)}
    finally:
        juju.destroy_model("bench", destroy_storage=True, force=True)


def median_of(costs: list[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(
        statistics.median(cost.passed for cost in costs),
        statistics.median(cost.worked for cost in costs),
    )


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
        measured = measure(folder, arguments.rounds)
        subprocess.run([localjuju, "local", "clean"], check=False, stdout=subprocess.DEVNULL)
    medians = {charm: median_of(costs) for charm, costs in measured.items()}
    base = medians[EMPTY]
    print(f"{'update-status, nothing to do':<30}{'passed':>10}{'worked':>18}   target for both")
    all_met = True
    for charm, cost in medians.items():
        passed, worked = cost.passed / base.passed, cost.worked / base.worked
        line = (
            f"{charm:<30}{cost.passed:>8.3f} s{passed:>6.2f}x{cost.worked:>9.3f} s{worked:>6.2f}x"
        )
        if charm in TARGETS:
            is_met = max(passed, worked) <= TARGETS[charm]
            all_met &= is_met
            line += f"  {TARGETS[charm]}x {'met' if is_met else 'missed'}"
        print(line)
    if arguments.json:
        arguments.json.write_text(
            json.dumps(
                {
                    charm: [dataclasses.astuple(one) for one in costs]
                    for charm, costs in measured.items()
                }
            )
        )
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
