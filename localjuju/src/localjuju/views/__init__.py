"""A model as data, in the shape of Juju's JSON."""

from .entities import config as config
from .entities import log_line as log_line
from .entities import secret as secret
from .entities import show_application as show_application
from .entities import show_model as show_model
from .entities import show_unit as show_unit
from .entities import task as task
from .status import CLOUD as CLOUD
from .status import REGION as REGION
from .status import application_status as application_status
from .status import endpoint_view as endpoint_view
from .status import integrations as integrations
from .status import since as since
from .status import status as status
