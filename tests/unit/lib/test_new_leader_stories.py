"""A provider's unit that leads before it has met every requirer, on Juju's own order of hooks."""

import datetime

from tests.unit.lib.providers import ENDPOINT
from tests.unit.lib.story import Story


def test_story_of_a_unit_that_leads_too_early(story: Story) -> None:
    """No certificate is removed, nor issued again, while the new leader meets the requirers."""
    before = story.answers()
    assert [len(entries) for entries in before] == [2, 2]
    new = story.hand_over()
    while story.world.step() is not None:
        assert story.answers() == before
    hooks = [ran.name for ran in story.world.ran if ran.unit == new]
    # It did lead before it had met anybody, or this story tells nothing.
    assert hooks.index("leader-elected") < hooks.index(f"{ENDPOINT}-relation-joined")


def test_story_of_a_renewal_under_a_new_leader(story: Story) -> None:
    """The new leader sees a request go, before any `update-status`: one answer each is left."""
    before = story.answers()
    story.hand_over()
    story.world.settle()
    story.world.advance(datetime.timedelta(days=82))
    after = story.answers()
    assert [len(entries) for entries in after] == [2, 2]
    assert not {str(entry) for entries in before for entry in entries} & {
        str(entry) for entries in after for entry in entries
    }
