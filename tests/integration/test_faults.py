"""What is broken off, killed, full or cut off: afterwards everything is as if nothing had been."""

from __future__ import annotations

import collections
import contextlib
import json
from typing import TYPE_CHECKING

import jubilant
import pytest

from tests.integration import deployment
from tests.integration.endpoint import Probe
from tests.integration.faults import full_disk, unwritable

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Generator

    from tests.integration.deployment import Deployment
    from tests.integration.faults import Faults
    from tests.integration.machines import Machines

    Figure = Callable[[str], None]

MOST_CALLS = 80
"""A hook that calls more tools than this is in an endless loop."""


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """Two served units and two of the authority; no `update-status` helps by chance."""
    juju.model_config({"update-status-hook-interval": "60m"})
    juju.deploy(
        charms(deployment.PROVIDER),
        config={"key-algorithm": "ecdsa-p256", "ca-overlap": "5s"},
        num_units=2,
    )
    juju.deploy(charms(deployment.REQUIRER), config={"key-algorithm": "ecdsa"}, num_units=2)
    model = deployment.Deployment(juju)
    juju.integrate(f"{model.provider}:certificates", f"{model.requirer}:certificates")
    model.wait_active()
    return model


def secrets_held(served: Deployment) -> collections.Counter[str]:
    """Count the model's secrets by their owners: what a broken hook left would stand out."""
    listed = json.loads(served.juju.cli("secrets", "--format", "json"))
    return collections.Counter(secret["owner"] for secret in listed.values())


def settle(served: Deployment, faults: Faults) -> None:
    """Have every unit look at everything twice: what is done with is removed in a later hook."""
    served.wait_active(after_fault=True)
    for _ in range(2):
        for app in (served.provider, served.requirer):
            for name in served.juju.status().apps[app].units:
                faults.update_status(name)
        served.wait_active()


def succeeds(served: Deployment, unit: str, action: str) -> bool:
    """Run an action, and say whether it ended well."""
    try:
        served.juju.run(unit, action)
    except jubilant.TaskError:
        return False
    return True


@contextlib.contextmanager
def by_hand(served: Deployment) -> Generator[None, None, None]:
    """Keep Juju from trying a failed hook again by itself: only `juju resolve` does."""
    served.juju.model_config({"automatically-retry-hooks": False})
    try:
        yield
    finally:
        served.juju.model_config({"automatically-retry-hooks": True})


def is_at_rest(served: Deployment, unit: str) -> bool:
    app, _, _ = unit.partition("/")
    status = served.juju.status().apps[app].units[unit]
    return status.juju_status.current == "idle" and status.workload_status.current == "active"


def hooks_killed(served: Deployment) -> int:
    log = served.juju.cli("debug-log", "--level", "ERROR", "--limit", "100000")
    return log.count("failed: signal: killed")


@pytest.mark.parametrize(
    ("side", "hook"),
    [
        pytest.param(deployment.PROVIDER, "certificates-relation-changed", id="issuing"),
        pytest.param(deployment.REQUIRER, "certificates-relation-changed", id="receiving"),
    ],
)
def test_hook_killed_at_each_tool_call(
    served: Deployment, faults: Faults, figure: Figure, side: str, hook: str
) -> None:
    """Killed at its first call, resolved, killed at its second, and so on until it is through, a
    renewal's hook loses nothing and does nothing twice: one certificate more is issued, and no
    secret is left over.
    """
    settle(served, faults)
    before, held = len(served.issued()), secrets_held(served)
    unit, place = min(served.endpoints().items())
    victim = served.leader(side) if side == served.provider else unit
    trusted = served.ca()
    serial = place.look(trusted).serial
    earlier = hooks_killed(served)

    def is_killed(times: int) -> bool:
        return hooks_killed(served) - earlier == times

    def is_through() -> bool:
        # What is served changes within the hook already, which may yet be killed.
        is_renewed = place.look(trusted).serial != serial
        return is_renewed and is_at_rest(served, victim)

    with by_hand(served), Probe(served.endpoints(), lambda: trusted) as probe:
        faults.kill_hook(victim, hook, 1)
        served.juju.run(unit, "renew-certificate")
        for call in range(1, MOST_CALLS):
            served.wait_fact(
                lambda call=call: is_killed(times=call) or is_through(),
                f"{hook} of {victim} to be killed at its call {call}, or the renewal",
            )
            if not is_killed(times=call):
                break
            faults.kill_hook(victim, hook, call + 1)
            served.juju.cli("resolve", victim)
        else:
            pytest.fail(f"{hook} still calls hook tools after {MOST_CALLS} calls")
    figure(f"killed at each of {call - 1} tool calls: {probe.report()}")
    assert call > 1, "the hook was never killed"
    assert not probe.failures
    settle(served, faults)
    issued = [int(entry["serial"], 16) for entry in served.issued()]
    assert len(issued) == before + 1
    assert place.look(trusted).serial in issued
    assert secrets_held(served) == held


def test_action_killed(served: Deployment, faults: Faults, figure: Figure) -> None:
    """A `regenerate-private-key` that is killed, at every third of its calls, changes nothing at
    all; a whole one changes the key.
    """
    settle(served, faults)
    held = secrets_held(served)
    unit, place = min(served.endpoints().items())
    trusted = served.ca()
    serial = place.look(trusted).serial
    action = "regenerate-private-key"
    with Probe(served.endpoints(), lambda: trusted) as probe:
        for call in range(1, MOST_CALLS, 3):
            faults.kill_hook(unit, action, call)
            if succeeds(served, unit, action):
                break
            assert place.look(trusted).serial == serial
        else:
            pytest.fail(f"{action} still calls hook tools after {MOST_CALLS} calls")
        served.wait_fact(lambda: place.look(trusted).serial != serial, "a certificate anew")
    figure(f"an action killed, at last at call {call - 3}: {probe.report()}")
    assert call > 1, "the action was never killed"
    assert not probe.failures
    settle(served, faults)
    assert secrets_held(served) == held


def test_server_killed(served: Deployment, faults: Faults) -> None:
    """The next hook starts a server that was killed, with the certificate that it had."""
    unit, place = min(served.endpoints().items())
    trusted = served.ca()
    before = place.look(trusted)
    faults.kill_server(place)
    with pytest.raises(OSError, match=r"refused|reset"):
        place.look(trusted)
    faults.update_status(unit)
    served.wait_fact(lambda: place.look(trusted) == before, "the server to come back")
    served.wait_active()


@pytest.mark.parametrize("broken", [unwritable, full_disk])
def test_disk(
    served: Deployment,
    faults: Faults,
    figure: Figure,
    broken: Callable[..., contextlib.AbstractContextManager[None]],
) -> None:
    """Where a renewal cannot be written, the unit says so and serves what it has; the new one is
    served when it can.
    """
    unit, place = min(served.endpoints().items())
    name = unit.replace("/", "-")
    store = faults.folder(unit) / f"{name}-server" / "store" / "sets"
    trusted = served.ca()
    before = place.look(trusted).serial

    def says() -> str:
        return served.juju.status().apps[served.requirer].units[unit].workload_status.message

    with Probe({unit: place}, lambda: trusted) as probe:
        with broken(store):
            served.juju.run(unit, "renew-certificate")
            served.wait_fact(lambda: "cannot write" in says(), "the unit to say what is wrong")
            assert place.look(trusted).serial == before
        faults.update_status(unit)
        served.wait_fact(lambda: place.look(trusted).serial != before, "the new certificate")
    figure(f"{broken.__name__.replace('_', ' ')}: {probe.report()}")
    assert not probe.failures
    served.wait_active()


def test_cut_off_during_a_rotation(served: Deployment, faults: Faults, figure: Figure) -> None:
    """A unit that hears nothing of a new CA serves on, trusted still; heard from again, it
    follows.
    """
    there = served.endpoints()
    lost, other = sorted(there)
    with served.follow_bundle() as client:
        before = {name: place.look(client.trusted).serial for name, place in there.items()}
        with Probe(there, lambda: client.trusted) as probe:
            with faults.cut_off(lost):
                served.juju.config(served.provider, {"ca-common-name": "While one was away"})
                served.wait_fact(
                    lambda: there[other].look(client.trusted).serial != before[other],
                    "the other unit's certificate of the new CA",
                )
                assert there[lost].look(client.trusted).serial == before[lost]
            served.wait_fact(
                lambda: there[lost].look(client.trusted).serial != before[lost],
                "the certificate of the one that was away",
            )
    figure(f"cut off during a rotation: {probe.report()}")
    assert not probe.failures
    settle(served, faults)


@pytest.mark.parametrize("phase", ["publish", "switch"])
def test_leader_dies_during_a_rotation(
    served: Deployment, faults: Faults, figure: Figure, phase: str
) -> None:
    """The next leader takes a rotation up where the last one left it; the old one, back, follows.

    In *publish* it dies when the new CA is in the bundle, before anything is issued under it; in
    *switch* when the first unit has its certificate of the new CA.
    """
    there = served.endpoints()
    dying = served.leader(served.provider)
    heir = next(n for n in served.juju.status().apps[served.provider].units if n != dying)
    with served.follow_bundle() as client:
        old = client.trusted
        before = {name: place.look(old).serial for name, place in there.items()}

        def renewed(names: list[str]) -> list[str]:
            seen = {n: there[n].look(client.trusted).serial for n in names}
            return [n for n in names if seen[n] != before[n]]

        with Probe(there, lambda: client.trusted) as probe:
            served.juju.config(served.provider, {"ca-common-name": f"A leader died in {phase}"})
            served.wait_fact(lambda: client.trusted != old, "the new CA in the bundle")
            if phase == "switch":
                served.wait_fact(lambda: bool(renewed(list(there))), "a first new certificate")
            faults.stop(dying)
            faults.lead(heir)
            served.wait_fact(lambda: renewed(list(there)) == list(there), "every new certificate")
            faults.start(dying)
            served.wait_active(after_fault=True)
    figure(f"the leader dies in {phase}: {probe.report()}")
    assert not probe.failures
    assert [name for name, serials in probe.serials.items() if len(serials) != 2] == []
    settle(served, faults)


def _is_another_boot(machines: Machines, unit: str, before: str) -> bool:
    try:
        return machines.boot_id(unit) != before
    except jubilant.CLIError:
        # No connection while it is down.
        return False


def test_killed_server_on_a_machine(served: Deployment, machines: Machines) -> None:
    """A server that was killed is brought back by systemd, before any hook runs."""
    unit, place = min(served.endpoints().items())
    trusted = served.ca()
    before = place.look(trusted)
    name = f"{unit.replace('/', '-')}-https.service"
    machines.systemctl(unit, "kill", "--signal=KILL", name)
    served.wait_fact(lambda: place.look(trusted) == before, "the server to come back")


def test_rebooted_machine(served: Deployment, machines: Machines) -> None:
    """After a reboot the same certificate is served; Juju finds everything in its place."""
    unit, place = min(served.endpoints().items())
    trusted = served.ca()
    before = place.look(trusted)
    boot = machines.boot_id(unit)
    machines.reboot(unit)
    served.wait_fact(lambda: _is_another_boot(machines, unit, boot), "the reboot")
    served.wait_fact(lambda: place.look(trusted) == before, "the same certificate")
    served.wait_active()
    assert place.look(trusted) == before
