"""What is killed, full or cut off: afterwards everything is as if nothing had been."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jubilant
import pytest

from tests.integration.endpoint import Probe
from tests.integration.faults import deploy_for_faults, full_disk, settle, unwritable

if TYPE_CHECKING:
    import contextlib
    import pathlib
    from collections.abc import Callable

    from tests.integration.deployment import Deployment
    from tests.integration.faults import Faults
    from tests.integration.machines import Machines

    Figure = Callable[[str], None]


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """Two served units and two of the authority; no `update-status` helps by chance."""
    return deploy_for_faults(juju, charms)


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
