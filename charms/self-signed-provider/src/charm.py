#!/usr/bin/env python3
"""The door through which Juju runs this charm; the charm itself is the package beside it."""

import gc

if __name__ == "__main__":
    # What is imported stays until the hook ends: to search it for garbage over and over would be
    # a tenth of the hook's time.
    gc.disable()

import ops

from self_signed_provider.charm import SelfSignedProviderCharm

if __name__ == "__main__":
    gc.freeze()
    gc.enable()
    ops.main(SelfSignedProviderCharm)
