#!/usr/bin/env python3
"""The door through which Juju runs this charm; the charm itself is the package beside it."""

import ops

from self_signed_provider.charm import SelfSignedProviderCharm

if __name__ == "__main__":
    ops.main(SelfSignedProviderCharm)
