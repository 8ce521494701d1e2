"""Who keeps the server running: systemd on machines, a detached process elsewhere."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from demo_requirer.store import Store


class ServerError(Exception):
    """The server cannot be run as it should; what ran before runs on. The text is for a status."""


class PortInUseError(ServerError):
    """Another program has the address and port."""

    def __init__(self, listen: Listen) -> None:
        super().__init__(f"port {listen.port} of {listen.address} is in use by another program")


@dataclasses.dataclass(frozen=True)
class Listen:
    """Where the server is reached."""

    address: str
    """IPv4 or IPv6."""
    port: int

    def __str__(self) -> str:
        """Return it as it stands in a URL."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else self.text

    @property
    def text(self) -> str:
        """Return address and port with a colon between them."""
        return f"{self.address}:{self.port}"


class Supervisor(Protocol):
    """Keeps one unit's server running; used anew in each hook, so all it knows is on disk."""

    folder: Path
    """Of this unit's own files; the store is in it."""

    def make_store(self) -> Store:
        """Return the store that the server reads; its folder is made if need be.

        Raises:
            OSError: It cannot be made.
            ServerError: Nor can the user that the server runs as.
        """
        ...

    def ensure(self, listen: Listen, *, renew: bool = False) -> None:
        """Make the server listen there; when it does already, nothing happens.

        Args:
            listen: Where.
            renew: Start a new process even so, which takes over from the old one: the charm has
                been refreshed, and the code that the old one runs is gone from disk.

        Raises:
            ServerError: It cannot; the text names the reason, and the old server is untouched.
        """
        ...

    def remove(self) -> None:
        """End the server, and remove every file of this unit, the store included."""
        ...


def for_unit(unit_name: str, charm_folder: Path) -> Supervisor:
    """Return the supervisor for a unit, by what kind of place the unit lives in.

    Juju tells a unit its machine (`JUJU_MACHINE_ID`); in a model without machines it is empty.
    Each way is imported only where it is used: a hook pays for every module.
    """
    name = unit_name.replace("/", "-")
    if os.environ.get("JUJU_MACHINE_ID") and Path("/run/systemd/system").is_dir():
        from . import systemd  # noqa: PLC0415

        return systemd.SystemdSupervisor(name, charm_folder)
    from . import detached  # noqa: PLC0415

    return detached.DetachedSupervisor(charm_folder.parent / f"{name}-server")
