"""``python -m localjuju`` is the ``juju`` command line."""

import sys

from .cli import main

sys.exit(main())
