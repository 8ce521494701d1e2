"""What the charm says of its server, and what it has it do."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import ops
from ops import testing

from tests.unit.requirer.scene import (
    ADDRESS,
    QUICK,
    Place,
)

if TYPE_CHECKING:
    import pathlib

    import pytest

    from demo_requirer.charm import DemoRequirerCharm


# The server


def test_port_in_use(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Blocked, and said which; what ran keeps running."""
    place.taken_port = 9443
    changed = dataclasses.replace(served, config=QUICK | {"port": 9443})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert f"port 9443 of {ADDRESS} is in use" in out.unit_status.message
    assert place.listens[-1].port == 8443
    assert out.opened_ports == {testing.TCPPort(8443)}


def test_port_that_another_unit_has_open(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What Juju has against opening a port is in the status, and fails no hook."""

    def refuse(*_: object) -> None:
        text = 'ERROR cannot open 9443/tcp (unit "web/0"): port range conflicts with 9443/tcp'
        raise ops.ModelError(text + ' (unit "other/0")\n')

    monkeypatch.setattr("scenario.mocking._MockModelBackend.open_port", refuse)
    changed = dataclasses.replace(served, config=QUICK | {"port": 9443})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "Juju does not open port 9443: cannot open" in out.unit_status.message


def test_new_port(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """The server moves, and Juju opens the new port and closes the old."""
    changed = dataclasses.replace(served, config=QUICK | {"port": 9443})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert place.listens[-1].port == 9443
    assert out.opened_ports == {testing.TCPPort(9443)}


def test_folder_that_cannot_be_written(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Blocked with the path, and what is served stays."""
    place.make_store().remove()
    (place.folder / "store").write_text("in the way")
    out = ctx.run(ctx.on.update_status(), served)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert str(place.folder / "store") in out.unit_status.message


def test_refresh_renews_the_server(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """After a refresh, and only then, a new process takes over."""
    assert place.renewed == 0
    ctx.run(ctx.on.upgrade_charm(), served)
    assert place.renewed == 1


def test_refresh_whose_hook_was_skipped(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    place: Place,
    tmp_path: pathlib.Path,
) -> None:
    """Where upgrade-charm failed and was not run again, the next hook renews the server, once."""
    out = ctx.run(ctx.on.update_status(), served)
    (tmp_path / "charm" / "dispatch").touch()
    for _ in range(2):
        out = ctx.run(ctx.on.config_changed(), out)
    assert place.renewed == 1


def test_removed(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Nothing of the unit is left, and nothing is started again."""
    ctx.run(ctx.on.remove(), dataclasses.replace(served, relations=[]))
    assert place.removed
    assert not (place.folder / "store").exists()
