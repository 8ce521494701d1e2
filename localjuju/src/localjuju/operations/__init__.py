"""What each ``juju`` verb does, in the controller."""

from . import actions as actions
from . import applications as applications
from . import deployments as deployments
from . import faults as faults
from . import models as models
from . import offers as offers
from . import shows as shows
from . import user_secrets as user_secrets
from .registry import run as run
