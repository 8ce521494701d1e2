# ruff: noqa: INP001 - `charms` is a namespace shared with other libraries.
"""The library under its Charmhub path, for charms that import it there.

All of it is in `charmlibs.interfaces.tls_certificates`; a charm that has this distribution changes
nothing but its packaging.
"""

from charmlibs.interfaces.tls_certificates import *  # noqa: F403 - that is what this module is for.
from charmlibs.interfaces.tls_certificates import __all__ as __all__  # noqa: PLC0414

LIBID = "afd8c2bccf834997afce12c2706d2ede"
LIBAPI = 4
# Higher than any patch that Charmhub has of this major version, so that `charmcraft fetch-lib`
# does not take an older one for an update.
LIBPATCH = 1000

PYDEPS = ["charmlibs-interfaces-tls-certificates"]
