"""The state of a model and the rules of how it changes: no I/O, no processes, no clock."""

from .applications import Application as Application
from .applications import Hook as Hook
from .applications import Status as Status
from .applications import Task as Task
from .applications import Unit as Unit
from .charm import Charm as Charm
from .charm import parse_charm as parse_charm
from .errors import JujuError as JujuError
from .errors import NotFoundError as NotFoundError
from .model import Model as Model
from .records import LogLine as LogLine
from .records import Offer as Offer
from .records import Saas as Saas
from .values import parse_config as parse_config
from .values import parse_duration as parse_duration
