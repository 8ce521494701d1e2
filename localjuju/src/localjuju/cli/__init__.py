"""The ``juju`` command line of localjuju.

Each call is a process of its own, and a test run makes thousands: what every call imports is kept
to ``json``, ``socket`` and what they bring. So, here and in what is imported from here,

- values are plain classes: dataclasses import ``inspect``, and named tuples are compiled at each
  start;
- paths are text, since ``pathlib`` imports half of ``urllib``;
- ``TYPE_CHECKING`` is a constant of the module, which type checkers know as well as that of
  ``typing``;
- what one verb alone needs is imported in that verb.
"""

from .main import main as main
from .main import program as program
