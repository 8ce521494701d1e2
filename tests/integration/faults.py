"""Faults that Juju has no verb for (localjuju's `juju local`), and the model they are made in."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.integration import deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import jubilant

    from tests.integration.endpoint import Endpoint

_ROOM = 64 * 1024
"""Bytes on a disk that is to be full; the rest of them is filled up."""


class Faults:
    """What can be done to the units of a model on localjuju.

    Args:
        juju: The model.
    """

    def __init__(self, juju: jubilant.Juju) -> None:
        self._juju = juju

    def kill_hook(self, unit: str, hook: str, at: int) -> None:
        """Kill the unit's next *hook* (or action) at its call number *at* of a hook tool."""
        self._local("kill-hook", unit, "--hook", hook, "--at", str(at))

    def stop(self, unit: str) -> None:
        """Switch the unit's machine off."""
        self._local("stop", unit)

    def start(self, unit: str) -> None:
        """Switch the unit's machine on again."""
        self._local("start", unit)

    @contextlib.contextmanager
    def cut_off(self, unit: str) -> Generator[None, None, None]:
        """Part a unit from the controller for a while: its server lives on, and hears nothing."""
        self._local("cut-off", unit)
        try:
            yield
        finally:
            self._local("reconnect", unit)

    def lead(self, unit: str) -> None:
        """Make the unit the leader."""
        self._local("lead", unit)

    def update_status(self, unit: str) -> None:
        """Have the unit run `update-status` now."""
        self._local("update-status", unit)

    @contextlib.contextmanager
    def expiry(self, way: str) -> Generator[None, None, None]:
        """Tell of secrets that expire in another way: `lost`, or `juju-4.0` (early, and again)."""
        self._local("expiry", way)
        try:
            yield
        finally:
            self._local("expiry", "exact")

    def kill_server(self, place: Endpoint) -> None:
        """Kill the process that listens there, as the kernel does when memory runs out."""
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and tuple(connection.laddr) == (place.address, place.port):
                assert connection.pid is not None
                os.kill(connection.pid, signal.SIGKILL)
                return
        pytest.fail(f"nobody listens at {place}")

    def folder(self, unit: str) -> pathlib.Path:
        """Return the folder of a unit's own files, in which its charm is too."""
        return pathlib.Path(self._juju.exec("pwd", unit=unit).stdout.strip()).parent

    def _local(self, verb: str, *words: str) -> None:
        assert self._juju.model is not None
        self._juju.cli("local", verb, "--model", self._juju.model, *words, include_model=False)


def deploy_for_faults(
    juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]
) -> deployment.Deployment:
    """Deploy two units of either charm, all active; no `update-status` helps them by chance."""
    juju.model_config({"update-status-hook-interval": "60m"})
    model = deployment.deploy(
        juju,
        charms,
        provider_config={"key-algorithm": "ecdsa-p256", "ca-overlap": "5s"},
        requirer_config={"key-algorithm": "ecdsa"},
        units=2,
        provider_units=2,
    )
    model.wait_active()
    return model


def settle(served: deployment.Deployment, faults: Faults) -> None:
    """Have every unit look at everything twice: what is done with is removed in a later hook."""
    served.wait_active(after_fault=True)
    for _ in range(2):
        for app in (served.provider, served.requirer):
            for name in served.juju.status().apps[app].units:
                faults.update_status(name)
        served.wait_active()


@contextlib.contextmanager
def unwritable(folder: pathlib.Path) -> Generator[None, None, None]:
    """Let nobody, root included, make a file in *folder* for a while."""
    if os.geteuid() == 0:
        with _run("chattr", "+i", folder, undo=("chattr", "-i", folder)):
            yield
        return
    mode = folder.stat().st_mode
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(mode)


@contextlib.contextmanager
def full_disk(folder: pathlib.Path) -> Generator[None, None, None]:
    """Put a small file system in the place of *folder*, with all that is in it, and fill it up."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk to fill up")
    aside = folder.with_name(f"{folder.name}-aside")
    shutil.copytree(folder, aside)
    mount = ("mount", "-t", "tmpfs", "-o", f"size={_ROOM},mode=0700", "full", folder)
    try:
        with _run(*mount, undo=("umount", "--lazy", folder)):
            shutil.copytree(aside, folder, dirs_exist_ok=True)
            _fill(folder / "filler")
            yield
    finally:
        shutil.rmtree(aside)


def _fill(file: pathlib.Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(b"\0" * 1024)


@contextlib.contextmanager
def _run(*command: object, undo: tuple[object, ...]) -> Generator[None, None, None]:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine does not let `{' '.join(words)}`: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run([str(word) for word in undo], check=True)
