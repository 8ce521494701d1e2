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

A state can be gone back to (``snapshot``, ``restore``) and compared (``picture``,
``fingerprint``); any unit's hook can be made the next (``step``, ``step_of``, ``choose``) and be
killed at any of its hook tools (``crash``); peers can lie (``tamper``), vanish (``kill_unit``,
``kill_application``) or be cut off (``pause``).

What a charm does to the process stays in the hook: environment, folder, logging and exception
hooks are put back. One world at a time may run a hook.
"""

from localjuju.model.secrets import Expiry as Expiry

from .local_model import LocalModel as LocalModel
from .pictures import Canon as Canon
from .snapshots import Snapshot as Snapshot
from .world import AFTER_ALL as AFTER_ALL
from .world import HookFailedError as HookFailedError
from .world import Ran as Ran
from .world import World as World
