"""The ``juju`` command line of localjuju."""

from .main import main as main
