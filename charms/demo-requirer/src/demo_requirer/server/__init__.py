"""The HTTPS server: a program of its own, run as `python -m demo_requirer.server`.

It reads the store and a listening socket that it is given, and nothing else; it has never heard
of Juju.
"""
