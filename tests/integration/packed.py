"""Which of the packed charms in a folder are taken: those for one base and one processor.

`charmcraft` names what it packs by charm and platform, `NAME_ubuntu@24.04-amd64.charm`;
`scripts/pack_here.py`, for the machine that it runs on, by charm alone, `NAME.charm`.
"""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib

DEFAULT_BASE = "24.04"
"""Taken where there are several, and none was asked for."""

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_PLATFORM = re.compile(r"ubuntu@(?P<base>[\d.]+)-(?P<architecture>\w+)")


class NotPackedError(LookupError):
    """A charm is there, but not for the base that is wanted. The text names what is there."""


def choose(
    folder: pathlib.Path, name: str, base: str | None, machine: str = platform.machine()
) -> pathlib.Path | None:
    """Return the packed file of a charm, or None if there is none of it at all.

    Args:
        folder: Where packed charms are.
        name: The charm's.
        base: A version of Ubuntu, `22.04`. Without, what was packed for this very machine goes
            before others, and `DEFAULT_BASE` before other bases.
        machine: The processor of the controller's machines, as `uname -m` has it.

    Raises:
        NotPackedError: There are files of the charm, but none for this base and processor.
    """
    there = sorted([*folder.glob(f"{name}.charm"), *folder.glob(f"{name}_*.charm")])
    if not there:
        return None
    here = folder / f"{name}.charm"
    if base is None and here in there:
        return here
    architecture = _ARCHITECTURES.get(machine, machine)
    bases = {
        found["base"]: file
        for file in there
        if (found := _PLATFORM.fullmatch(file.stem.removeprefix(f"{name}_")))
        and found["architecture"] == architecture
    }
    wanted = base or (DEFAULT_BASE if len(bases) != 1 else next(iter(bases)))
    if wanted not in bases:
        names = ", ".join(file.name for file in there)
        raise NotPackedError(
            f"{folder} has no {name} for Ubuntu {wanted} on {architecture}, only {names}: "
            "pack one, or choose another by CHARM_BASE"
        )
    return bases[wanted]
