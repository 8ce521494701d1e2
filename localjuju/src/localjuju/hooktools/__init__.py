"""The hook tools, each against the context of one hook: no I/O, no processes."""

from . import action_tools as action_tools
from . import relation_tools as relation_tools
from . import secret_tools as secret_tools
from . import unit_tools as unit_tools
from .context import HookContext as HookContext
from .environment import Folders as Folders
from .environment import environment as environment
from .errors import CommitError as CommitError
from .registry import Answer as Answer
from .registry import names as names
from .registry import run as run
