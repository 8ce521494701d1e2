"""What a hook that changes nothing asks of Juju: each hook tool is a process of its own."""

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import time_machine

from localjuju.inprocess import process
from tests.unit.lib import keys
from tests.unit.lib.story import START, Story


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    """Count the hook tools of what runs, by unit and tool."""
    counter: Counter[tuple[str, str]] = Counter()
    run = process.Tools.run

    def counting(self: process.Tools, args: Sequence[str], **options: Any) -> Any:
        counter[self._context.unit.name, args[0]] += 1  # pyright: ignore[reportPrivateUsage]
        return run(self, args, **options)

    monkeypatch.setattr(process.Tools, "run", counting)
    return counter


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with time_machine.travel(START, tick=False) as clock:
        keys.forget_authorities()
        story = Story(tmp_path, clock, update_status="5m")
        # Until what is looked at once has been.
        story.world.advance(datetime.timedelta(minutes=6))
        yield story
    keys.forget_authorities()


def _quiet_hook(story: Story, asked: Counter[tuple[str, str]], unit: str) -> dict[str, int]:
    """Return the tools that one `update-status` of a unit asks, but for its log."""
    asked.clear()
    ran = story.world.advance(datetime.timedelta(minutes=5))
    assert [one.name for one in ran if one.unit == unit] == ["update-status"]
    return {tool: n for (name, tool), n in asked.items() if name == unit and tool != "juju-log"}


@pytest.mark.parametrize("unit", ["one/0", "one/1"])
def test_requirer_at_rest(story: Story, asked: Counter[tuple[str, str]], unit: str) -> None:
    """It asks for the databags, its key, its certificate, and what is being replaced.

    Nothing is asked for an owner that is not in force.
    """
    assert _quiet_hook(story, asked, unit) == {
        "relation-ids": 1,
        "relation-list": 1,
        "is-leader": 1,
        "relation-get": 2,
        "secret-get": 3,
        "secret-info-get": 2,
    }


def test_provider_at_rest(story: Story, asked: Counter[tuple[str, str]]) -> None:
    """It asks for each databag once: its own, and those of each unit and application."""
    assert _quiet_hook(story, asked, "ca/0") == {
        "relation-ids": 1,
        "relation-list": 2,
        "is-leader": 1,
        "relation-get": 8,
    }
