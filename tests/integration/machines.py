"""What only a real machine can be asked: systemd, and a reboot."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jubilant


@dataclasses.dataclass(frozen=True)
class Machines:
    """The machines of a model's units, reached by `juju ssh`."""

    juju: jubilant.Juju

    def systemctl(self, unit: str, *words: str) -> str:
        """Return what `systemctl` says on the unit's machine."""
        return self.juju.ssh(unit, "sudo", "systemctl", *words)

    def boot_id(self, unit: str) -> str:
        """Return what names the machine's present run: another after a reboot."""
        return self.juju.ssh(unit, "cat", "/proc/sys/kernel/random/boot_id").strip()

    def reboot(self, unit: str) -> None:
        """Restart the unit's machine, in two seconds: this very connection ends well."""
        command = ("systemd-run", "--quiet", "--on-active=2", "systemctl", "reboot")
        self.juju.ssh(unit, "sudo", *command)
