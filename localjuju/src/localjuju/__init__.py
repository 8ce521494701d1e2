"""A stand-in for Juju on one machine."""

JUJU_VERSION = "4.0.15"
"""The Juju whose behaviour this follows."""
