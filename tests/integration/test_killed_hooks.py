"""What is broken off at any of its calls: tried again, it is as if nothing had been."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import jubilant
import pytest

from tests.integration import deployment
from tests.integration.endpoint import Probe
from tests.integration.faults import deploy_for_faults, settle

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Generator

    from tests.integration.deployment import Deployment
    from tests.integration.faults import Faults

    Figure = Callable[[str], None]

# Where hooks cannot be killed, nothing is deployed for it.
pytestmark = pytest.mark.usefixtures("faults")

MOST_CALLS = 80
"""A hook that calls more tools than this is in an endless loop."""


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """Two served units and two of the authority; no `update-status` helps by chance."""
    return deploy_for_faults(juju, charms)


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
    before, held = len(served.issued()), served.secrets_held()
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
    assert served.secrets_held() == held


def test_action_killed(served: Deployment, faults: Faults, figure: Figure) -> None:
    """A `regenerate-private-key` that is killed, at every third of its calls, changes nothing at
    all; a whole one changes the key.
    """
    settle(served, faults)
    held = served.secrets_held()
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
    assert served.secrets_held() == held
