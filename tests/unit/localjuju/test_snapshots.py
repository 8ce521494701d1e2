"""States of a world: gone back to, compared, and gone on from in several ways."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ops
import pytest

from localjuju.inprocess import Canon, LocalModel, World

from .test_inprocess import CHARMS, GIVER, START, TAKER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localjuju.model import Model, Unit

MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, start=START)


@pytest.fixture
def model(world: World) -> LocalModel:
    """Both charms, deployed and related, with everything still to do."""
    model = world.add_model("m")
    model.deploy(GIVER, CHARMS / "secret-giver", units=2)
    model.deploy(TAKER, CHARMS / "secret-taker", units=2)
    model.integrate("secret-giver", "secret-taker")
    return model


def _in_units(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.glob("*/unit-*/**/*"))
        if path.is_file()
    }


@pytest.mark.usefixtures("model")
def test_back_before_hooks(world: World) -> None:
    """Gone back to before a hook, a world runs on from there as it did the first time."""
    states = [(world.snapshot(), world.fingerprint(Canon(ids=False)))]
    while world.step():
        states.append((world.snapshot(), world.fingerprint(Canon(ids=False))))
    ran, files = list(world.ran), _in_units(world.folder)
    for snapshot, fingerprint in states[::-4]:
        world.restore(snapshot)
        assert world.fingerprint(Canon(ids=False)) == fingerprint
        world.settle()
        assert [(r.unit, r.name) for r in world.ran] == [(r.unit, r.name) for r in ran]
        assert world.fingerprint(Canon(ids=False)) == states[-1][1]
        assert set(_in_units(world.folder)) == set(files)


def test_restores_what_was_removed(world: World, model: LocalModel) -> None:
    """Applications, units, secrets, folders and the clock are back as they were."""
    world.settle()
    before, files, shown = world.snapshot(), _in_units(world.folder), world.picture()
    model.remove_application("secret-taker")
    world.advance(MINUTE)
    other = world.add_model("other")
    other.deploy(TAKER, CHARMS / "secret-taker")
    world.settle()
    world.restore(before)
    assert (_in_units(world.folder), world.picture(), world.now) == (files, shown, START)
    assert [m.name for m in world.models.values()] == ["m"]
    model.run("secret-giver/leader", "change", word="new")
    world.settle()
    assert model.unit_status("secret-taker/1") == ("active", "has pass-new")


def test_restores_what_a_folder_held(world: World, model: LocalModel) -> None:
    """Files, folders, links and modes of a unit's folder are as they were."""
    world.settle()
    folder = world.unit_folder(model.state, model.state.unit("secret-taker/0"))
    (folder / "kept").mkdir()
    (folder / "kept" / "file").write_text("one")
    (folder / "kept" / "file").chmod(0o640)
    (folder / "link").symlink_to("kept")
    before = world.snapshot()
    (folder / "kept" / "file").unlink()
    (folder / "kept").rmdir()
    (folder / "kept").write_text("a file now")
    (folder / "link").unlink()
    (folder / "link").mkdir()
    (folder / "more").mkdir()
    (folder / "more" / "file").write_text("two")
    world.restore(before)
    assert (folder / "link").readlink() == Path("kept")
    assert (folder / "link" / "file").read_text() == "one"
    assert (folder / "kept" / "file").stat().st_mode & 0o777 == 0o640
    assert not (folder / "more").exists()


def test_leaves_equal_files_alone(world: World, model: LocalModel) -> None:
    """What is as it was is not written again, and its bytes are in memory once."""
    world.settle()
    folder = world.unit_folder(model.state, model.state.unit("secret-taker/0"))
    first = world.snapshot()
    (folder / "new").write_text("one")
    second = world.snapshot()
    name = str(folder.relative_to(world.folder))
    metadata = "charm/metadata.yaml"
    assert second.folders[name][metadata] is first.folders[name][metadata]
    before = (folder / metadata).stat()
    world.restore(first)
    after = (folder / metadata).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_pending_crash_is_part_of_the_state(world: World, model: LocalModel) -> None:
    """A crash that was asked for happens again after going back, and only then."""
    world.settle()
    world.crash_at["secret-giver/0"] = 1
    before = world.snapshot()
    model.config("secret-giver", prefix="one")
    assert next(r for r in world.settle() if r.unit == "secret-giver/0").error is not None
    assert world.crash_at == {}
    world.restore(before)
    assert world.crash_at == {"secret-giver/0": 1}


def test_refuses_another_worlds(world: World, tmp_path: Path) -> None:
    """A snapshot is good for the world that it was taken of."""
    other = World(tmp_path / "other", start=START)
    with pytest.raises(ValueError, match="another world"):
        world.restore(other.snapshot())


@pytest.mark.usefixtures("model")
def test_random_numbers_are_part_of_the_state(world: World) -> None:
    """What is drawn after going back is what was drawn before."""
    before = world.snapshot()
    drawn = world.rng.random()
    world.restore(before)
    assert world.rng.random() == drawn


def test_orders_that_come_to_the_same(tmp_path: Path) -> None:
    """Two orders of hooks that end in one state have one fingerprint, whatever ids were drawn."""

    def last(due: Sequence[tuple[Model, Unit]]) -> tuple[Model, Unit]:
        return due[-1]

    found: list[Any] = []
    for seed, choose in ((1, None), (2, last)):
        world = World(tmp_path / str(seed), start=START, seed=seed)
        model = world.add_model("m")
        model.deploy(GIVER, CHARMS / "secret-giver")
        model.deploy(TAKER, CHARMS / "secret-taker", units=2)
        model.integrate("secret-giver", "secret-taker")
        world.settle(choose=choose)
        found.append(world)
    first, second = found
    assert first.fingerprint(Canon(ids=False)) != second.fingerprint(Canon(ids=False))
    assert first.picture() == second.picture()
    assert first.fingerprint() == second.fingerprint()


def test_moments_count_as_asked(world: World, model: LocalModel) -> None:
    """By default what is due counts by how far ahead it is."""
    world.settle()
    kinds = [
        Canon(),
        Canon(moment=lambda moment, _: moment),
        Canon(moment=lambda _moment, _now: None),
    ]
    before = [world.fingerprint(canon) for canon in kinds]
    world.move_to(world.now + MINUTE)
    changed = [world.fingerprint(canon) != old for canon, old in zip(kinds, before, strict=True)]
    assert changed == [True, False, False]
    unit = model.state.unit("secret-taker/0")
    assert unit.next_update_status is not None
    unit.next_update_status += MINUTE
    after = [world.fingerprint(canon) != old for canon, old in zip(kinds, before, strict=True)]
    assert after == [True, True, False]


def test_texts_count_as_asked(world: World, model: LocalModel) -> None:
    """What a charm wrote counts as the canon rewrites it."""
    world.settle()
    kinds = [Canon(), Canon(text=lambda _: "")]
    before = [world.fingerprint(canon) for canon in kinds]
    model.run("secret-giver/leader", "change", word="new")
    (secret,) = model.state.secrets.values()
    secret.latest, secret.revisions = 1, {1: secret.revisions[2]}
    after = [world.fingerprint(canon) for canon in kinds]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_revisions_count_as_asked(world: World, model: LocalModel) -> None:
    """A secret that was changed and read again and again is the same, counted from its newest."""
    world.settle()
    kinds = [Canon(), Canon(revisions=True)]
    before = [world.fingerprint(canon) for canon in kinds]
    (secret,) = model.state.secrets.values()
    secret.latest, secret.revisions = 2, {2: secret.revisions[1]}
    for consumer in secret.consumers.values():
        consumer.tracking, consumer.told = 2, 2
    after = [world.fingerprint(canon) for canon in kinds]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_files_count_as_asked(world: World, model: LocalModel) -> None:
    """What is in a unit's folder counts, or does not."""
    world.settle()
    kinds = [Canon(), Canon(files=False)]
    before = [world.fingerprint(canon) for canon in kinds]
    unit = model.state.unit("secret-taker/0")
    (world.unit_folder(model.state, unit) / "new").write_text("")
    after = [world.fingerprint(canon) for canon in kinds]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_deferred_events_count(world: World, tmp_path: Path) -> None:
    """A deferred event is part of a state; how many events there were before is not."""

    class Later(ops.CharmBase):
        defers = False

        def __init__(self, framework: ops.Framework) -> None:
            super().__init__(framework)
            framework.observe(self.on.config_changed, self._on_config_changed)

        def _on_config_changed(self, event: ops.ConfigChangedEvent) -> None:
            if self.config["later"]:
                event.defer()

    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "charmcraft.yaml").write_text(
        "name: later\nconfig: {options: {later: {type: boolean, default: false}}}\n"
    )
    model = world.add_model("m")
    model.deploy(Later, tmp_path / "later")
    world.settle()
    rested = world.fingerprint()
    world.advance(datetime.timedelta(minutes=5))
    assert world.fingerprint() == rested
    model.config("later", later=True)
    world.settle()
    deferred = world.fingerprint(Canon(text=lambda _: ""))
    model.config("later", later=False)
    world.settle()
    assert world.fingerprint(Canon(text=lambda _: "")) != deferred
