"""What is kept over a move to another provider, on Juju's own order of hooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.lib.story import AuthorityCharm, Story
from tests.unit.provider.asker import AskerCharm

if TYPE_CHECKING:
    import pathlib


@pytest.mark.parametrize("first", ["ca", "other", "mover"])
def test_story_of_a_move_in_one_batch(first: str, story: Story, tmp_path: pathlib.Path) -> None:
    """A relation goes and another comes before any unit runs: whoever is first, all is answered.

    With the same provider, or where the endpoint has a limit of 1, it cannot be: to Juju a
    relation that it is removing is there.
    """
    mover = tmp_path / "mover"
    mover.mkdir()
    endpoint = {"certificates": {"interface": "tls-certificates"}}
    metadata = {"name": "mover", "type": "charm", "requires": endpoint}
    (mover / "charmcraft.yaml").write_text(json.dumps(metadata))
    story.model.deploy(AskerCharm, mover, "mover", units=2)
    story.model.integrate("ca:certificates", "mover")
    story.model.deploy(AuthorityCharm, tmp_path / "authority", "other")
    story.world.settle()
    story.model.remove_relation("ca:certificates", "mover")
    story.model.integrate("other:certificates", "mover")
    story.world.settle(
        choose=lambda due: next((pair for pair in due if pair[1].app == first), due[0])
    )
    uuid = story.model.state.uuid
    (relation,) = story.model.state.relations_of("other")
    asked = {
        one["certificate_signing_request"]
        for unit in relation.side_of(uuid, "mover").units.values()
        for one in json.loads(unit.settings["certificate_signing_requests"])
    }
    answers = json.loads(relation.side_of(uuid, "other").settings.settings["certificates"])
    assert len(asked) == 2
    assert {one["certificate_signing_request"] for one in answers} == asked
    labels = [str(one.label) for one in story.model.state.secrets.values()]
    assert sum("-private-key-" in label for label in labels) == 6
    assert len(story.answers()) == 2
