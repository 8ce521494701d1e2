"""``python -m localjuju`` is the ``juju`` command line."""

from .cli import program

program()
