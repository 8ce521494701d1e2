"""Measure localjuju itself: a hook tool, a verb, twenty units, idleness, hooks in-process.

python bench/stand_in.py [--calls N] [--units N] [--idle SECONDS]
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import jubilant

from localjuju import cli, processes
from localjuju.inprocess import World

ROOT = Path(__file__).resolve().parent.parent
SMALL = ROOT / "tests" / "charms"
CHARMS = ("self-signed-provider", "demo-requirer")
SECONDS_OF_A_TOOL, WORK_OF_A_VERB, SETTLED, IDLE, HOOKS_A_SECOND = 0.02, 0.035, 120, 0.01, 50
"""The targets."""

NAMES = 4
"""How many times each requirer is given another name, so that a certificate is made for it."""

TIME_CALLS = """
import statistics, subprocess, time
taken = []
for _ in range({calls}):
    start = time.perf_counter()
    subprocess.run(["config-get", "--format", "json"], check=True, stdout=subprocess.DEVNULL)
    taken.append(time.perf_counter() - start)
print(statistics.median(taken))
"""


def as_processes(folder: Path, calls: int, units: int, idle: float) -> dict[str, float]:
    """Return the figures of charms that run as processes, under a controller of their own."""
    juju = jubilant.Juju(cli_binary=folder / "bin" / "juju", model="bench")
    juju.add_model("bench")
    try:
        juju.deploy(SMALL / "secret-giver")
        juju.wait(jubilant.all_active, delay=0.2, successes=1)
        before = children_seconds()
        for _ in range(calls):
            juju.cli("status", "--format", "json")
        verb = (children_seconds() - before) / calls
        start = time.perf_counter()
        juju.deploy(SMALL / "secret-taker", num_units=units)
        juju.integrate("secret-giver", "secret-taker")
        juju.wait(
            lambda s: jubilant.all_active(s) and jubilant.all_agents_idle(s),
            delay=0.5,
            successes=1,
            timeout=600,
        )
        settled = time.perf_counter() - start
        (folder / "calls.py").write_text(TIME_CALLS.format(calls=calls))
        command = f"{sys.executable} -IS {folder / 'calls.py'}"
        tool = float(juju.exec(command, unit="secret-giver/0").stdout)
        (record,) = (folder / "home").glob("controllers/*/controller.pid")
        pid = json.loads(record.read_text())["pid"]
        before = cpu_seconds(pid)
        time.sleep(idle)
        busy = (cpu_seconds(pid) - before) / idle
    finally:
        juju.destroy_model("bench", destroy_storage=True, force=True)
    return {"tool": tool, "verb": verb, "settled": settled, "busy": busy}


def children_seconds() -> float:
    """Return how long the processes have computed that this one has started, and that ended."""
    times = os.times()
    return times.children_user + times.children_system


def cpu_seconds(pid: int) -> float:
    """Return how long a process has computed: fields 14 and 15 of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_process(folder: Path) -> float:
    """Return how many hooks of the real charms run in a second, certificates and all."""
    sys.path += [str(ROOT / "charms" / name / "src") for name in CHARMS]
    from demo_requirer.charm import DemoRequirerCharm  # noqa: PLC0415 (charms are not installed)
    from self_signed_provider.charm import SelfSignedProviderCharm  # noqa: PLC0415 (as above)

    # The requirers' servers are real processes: found again by this mark.
    mark = f"bench-{os.getpid()}"
    os.environ[processes.MARK] = mark
    world = World(folder, start=datetime.datetime.now(datetime.timezone.utc))
    model = world.add_model("bench")
    try:
        provider, requirer = CHARMS
        ca, leaf = {"key-algorithm": "ecdsa-p256"}, {"key-algorithm": "ecdsa"}
        model.deploy(SelfSignedProviderCharm, ROOT / "charms" / provider, config=ca)
        model.deploy(DemoRequirerCharm, ROOT / "charms" / requirer, units=5, config=leaf)
        model.integrate(f"{provider}:certificates", f"{requirer}:certificates")
        world.settle()
        before, start = len(world.ran), time.perf_counter()
        for number in range(NAMES):
            model.config(requirer, common_name=f"name{number}.example.com")
            world.settle()
        taken = time.perf_counter() - start
        bad = [f"{r.unit} {r.name}: {r.error!r}" for r in world.ran if r.error]
        # What is blocked or waits makes no certificates, and would be measured as fast.
        bad += [
            f"{unit.name} is {unit.workload.current}: {unit.workload.message}"
            for unit in model.state.units()
            if unit.workload.current != "active"
        ]
        if bad:
            raise SystemExit("\n".join(bad))
        return (len(world.ran) - before) / taken
    finally:
        processes.end_marked(mark)
        del os.environ[processes.MARK]


def main() -> int:
    """Print one line for each figure, with its target; return whether one was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=100, help="of the hook tool and the verb")
    parser.add_argument("--units", type=int, default=20)
    parser.add_argument("--idle", type=float, default=10, help="seconds to look at an idle model")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        os.environ["LOCALJUJU_HOME"] = str(folder / "home")
        os.environ["LOCALJUJU_PARENT_PID"] = str(os.getpid())
        cli.main(["local", "shim", str(folder / "bin")])
        found = as_processes(folder, arguments.calls, arguments.units, arguments.idle)
        per_second = in_process(folder / "in-process")
    print(f"\n{'figure':<44}{'measured':>12}  target")
    all_met = True
    for what, value, unit, target, is_met in (
        (
            "hook tool call, median",
            found["tool"] * 1000,
            "ms",
            "at most 20",
            found["tool"] <= SECONDS_OF_A_TOOL,
        ),
        (
            "CPU of a juju status",
            found["verb"] * 1000,
            "ms",
            "at most 35",
            found["verb"] <= WORK_OF_A_VERB,
        ),
        (
            f"{arguments.units} units, related, until settled",
            found["settled"],
            "s",
            "at most 120",
            found["settled"] <= SETTLED,
        ),
        ("CPU of an idle controller", found["busy"] * 100, "%", "below 1", found["busy"] < IDLE),
        (
            "hooks of the real charms, in-process",
            per_second,
            "/s",
            "at least 50",
            per_second >= HOOKS_A_SECOND,
        ),
    ):
        all_met &= is_met
        shown = f"{value:.1f} {unit}"
        print(f"{what:<44}{shown:>12}  {target} {'met' if is_met else 'missed'}")
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
