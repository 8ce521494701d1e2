"""Hooks inside the caller's process: the same rules, thousands of hooks in seconds.

For tests that want many units, a clock that they move, and a crash at any hook tool. The charm's
class is run by ``ops.main``; the one place where ops starts a hook tool is led to ``hooktools``::

    world = World(tmp_path, start=datetime(2026, 1, 1, tzinfo=timezone.utc))
    model = world.add_model("m")
    model.deploy(MyCharm, Path("charms/my-charm"), units=3)
    model.deploy(OtherCharm, Path("charms/other"))
    model.integrate("my-charm", "other")
    world.settle()
    world.advance(timedelta(days=30))

What a charm does to the process stays in the hook: environment, folder, logging and exception
hooks are put back. One world at a time may run a hook.
"""

from .local_model import LocalModel as LocalModel
from .pictures import Canon as Canon
from .snapshots import Snapshot as Snapshot
from .world import HookFailedError as HookFailedError
from .world import Ran as Ran
from .world import World as World
