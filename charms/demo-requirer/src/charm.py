#!/usr/bin/env python3
"""The door through which Juju runs this charm; the charm itself is the package beside it."""

import ops

from demo_requirer.charm import DemoRequirerCharm

if __name__ == "__main__":
    ops.main(DemoRequirerCharm)
