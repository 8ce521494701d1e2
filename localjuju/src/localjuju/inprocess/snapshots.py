"""The whole state of a world as a value: to go back to it, or on from it in several ways."""

from __future__ import annotations

import collections
import dataclasses
import io
import pickle
import shutil
from typing import TYPE_CHECKING, Any

from localjuju.model import Charm, Model

from . import trees

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

    from localjuju.model import LogLine

    from .world import Ran, World

SHARED = frozenset({"models", "rng", "addresses"})
"""What models hold of their world and is no part of their own state."""


@dataclasses.dataclass(frozen=True)
class Frozen:
    """The state of models."""

    pickled: bytes
    """Charms, and models themselves, stand in it by their place in ``kept``."""
    kept: tuple[object, ...]
    logs: dict[str, tuple[LogLine, ...]]


@dataclasses.dataclass(frozen=True, repr=False)
class Snapshot:
    """A state of a world, for ``World.restore``."""

    world: World
    now: datetime.datetime
    models: Frozen
    folders: dict[str, trees.Tree]
    drawn: Any
    """How far the random numbers have come."""
    addresses: int
    ran: tuple[Ran, ...]
    crash_at: dict[str, int]
    crash_in: dict[str, str]
    code: dict[tuple[str, str, int], Any]
    copies: int


class _Pickler(pickle.Pickler):
    """Pickles models' state, but not what never changes or is shared."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.kept: list[object] = []
        self._places: dict[int, int] = {}

    def persistent_id(self, obj: object) -> int | None:
        if not isinstance(obj, Charm | Model):
            return None
        place = self._places.setdefault(id(obj), len(self.kept))
        if place == len(self.kept):
            self.kept.append(obj)
        return place


class _Unpickler(pickle.Unpickler):
    def __init__(self, frozen: Frozen) -> None:
        super().__init__(io.BytesIO(frozen.pickled))
        self._kept = frozen.kept

    def persistent_load(self, pid: int) -> object:
        return self._kept[pid]


def freeze(models: Iterable[Model]) -> Frozen:
    """Return the state of models that share a controller, as it is now."""
    models, file = list(models), io.BytesIO()
    pickler = _Pickler(file)
    # All in one: a cross-model relation is one object in two models. The log's lines never
    # change, and there may be many.
    skipped = SHARED | {"log"}
    pickler.dump([(m, {k: v for k, v in vars(m).items() if k not in skipped}) for m in models])
    logs = {model.uuid: tuple(model.log) for model in models}
    return Frozen(file.getvalue(), tuple(pickler.kept), logs)


def thaw(frozen: Frozen) -> list[Model]:
    """Return the models in the state that they had: the same objects, with new ones in them."""
    models: list[Model] = []
    for model, state in _Unpickler(frozen).load():
        lines = frozen.logs[model.uuid]
        model.log = collections.deque(lines, maxlen=model.log.maxlen)
        for name, value in state.items():
            setattr(model, name, value)
        models.append(model)
    return models


def folders(world: World, before: dict[str, trees.Tree]) -> dict[str, trees.Tree]:
    """Return what is in units' folders, by their paths in the world's folder.

    Args:
        world: Whose.
        before: An earlier answer; what is equal is shared with it.
    """
    found: dict[str, trees.Tree] = {}
    for folder in sorted(world.folder.glob("*/unit-*")):
        name = str(folder.relative_to(world.folder))
        found[name] = trees.read(folder, before.get(name, {}))
    return found


def write_folders(world: World, goal: dict[str, trees.Tree]) -> None:
    """Make units' folders hold what they held."""
    now = folders(world, goal)
    for name in set(now) - set(goal):
        shutil.rmtree(world.folder / name)
    for name, tree in goal.items():
        (world.folder / name).mkdir(parents=True, exist_ok=True)
        trees.write(world.folder / name, tree, now.get(name, {}))
