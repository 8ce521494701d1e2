"""The ``juju`` command line of localjuju.

Each call is a process of its own, and a test run makes thousands: what every call imports is kept
small. So its values are named tuples, not dataclasses (which import ``inspect``), and what one
verb alone needs is imported in that verb.
"""

from .main import main as main
