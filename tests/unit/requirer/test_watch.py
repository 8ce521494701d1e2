"""How the server comes to what the charm has put in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo_requirer.server.metrics import Metrics
from demo_requirer.server.tls import Terminal
from demo_requirer.server.watch import RETRY_AFTER, Watcher
from demo_requirer.store import Store
from tests.unit.requirer.conftest import content_of, pair_of

if TYPE_CHECKING:
    import pathlib

    import pytest

    from tests.unit.requirer.authority import Authority


def test_what_could_not_be_read_is_tried_again(
    authority: Authority, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A set that the server had no file descriptor left for is served once there is one again."""
    store = Store(tmp_path)
    store.write(content_of(pair_of(authority.issue("a"))))
    key = store.set_folder(str(store.current_set())) / "0.key"
    terminal = Terminal(Metrics())
    watcher = Watcher(store, terminal, Metrics())
    hidden = key.rename(tmp_path / "hidden")
    for _ in range(3 * RETRY_AFTER):
        watcher.look()
    assert terminal.served_now() is None
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    hidden.rename(key)
    for _ in range(RETRY_AFTER + 1):
        watcher.look()
    assert terminal.served_now() is not None
