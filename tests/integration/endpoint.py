"""A TLS endpoint, seen from outside: what a client gets that trusts what it was told to trust."""

from __future__ import annotations

import dataclasses
import datetime
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import typing_extensions
from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMEOUT = 15.0
"""Seconds: what a client bears of a machine on which twenty units begin at once."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """A certificate that a client was shown and that it could verify, chain and address."""

    serial: int
    common_name: str
    not_after: datetime.datetime
    pem: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where a unit serves."""

    address: str
    port: int = 8443

    def look(self, trusted: str, name: str | None = None) -> Seen:
        """Connect as a client that trusts *trusted* (PEM), and return what it was shown.

        Args:
            trusted: The CA certificates.
            name: What to ask for and to verify; the address, if not given.

        Raises:
            OSError: If nobody answers, or what they show does not verify (`ssl.SSLError`).
        """
        context = ssl.create_default_context(cadata=trusted)
        with (
            socket.create_connection((self.address, self.port), _TIMEOUT) as raw,
            context.wrap_socket(raw, server_hostname=name or self.address) as connection,
        ):
            der = connection.getpeercert(binary_form=True)
            # One that is refused only after the handshake is a failure too (TLS 1.3).
            connection.sendall(
                b"GET /healthz HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
            )
            if not connection.recv(64).startswith(b"HTTP/1.1 200"):
                raise OSError(f"{self} does not answer 200 at /healthz")
        assert der is not None
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return Seen(
            certificate.serial_number,
            str(names[0].value) if names else "",
            certificate.not_valid_after_utc,
            ssl.DER_cert_to_PEM_cert(der),
        )

    def fetch(self, path: str, trusted: str) -> str:
        """Return what is served at *path*."""
        context = ssl.create_default_context(cadata=trusted)
        url = f"https://{self.address}:{self.port}{path}"
        with urllib.request.urlopen(url, context=context, timeout=_TIMEOUT) as answer:
            return answer.read().decode()

    def fetch_json(self, path: str, trusted: str) -> Any:
        """Return the JSON that is served at *path*."""
        return json.loads(self.fetch(path, trusted))

    def verify_by_openssl(self, ca_file: str) -> str:
        """Return what `openssl s_client` says, which must be that it verified the chain."""
        result = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"{self.address}:{self.port}"),
                *("-verify_return_error", "-x509_strict", "-CAfile", ca_file),
                *("-verify_ip", self.address),
            ],
            input="",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


@dataclasses.dataclass(frozen=True)
class Failure:
    """A connection that a client could not make."""

    name: str
    """The endpoint's."""
    endpoint: Endpoint
    when: datetime.datetime
    reason: str


class Probe:
    """A client that connects all the time, to every endpoint, and remembers what it was shown.

    Args:
        endpoints: Who is connected to, by a name for it.
        trust: Returns what a client trusts now (PEM); called before each round.
        name: What to ask for and to verify; each endpoint's address, if not given.
        pause: Seconds between rounds.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        trust: Callable[[], str],
        name: str | None = None,
        pause: float = 0.05,
    ) -> None:
        self._endpoints = dict(endpoints)
        self._name = name
        self._trust = trust
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)
        self._broken: BaseException | None = None
        self.connections = 0
        self.failures: list[Failure] = []
        self.serials: dict[str, list[int]] = {name: [] for name in endpoints}
        """By endpoint, the serial numbers that were seen, in order, each once in a row."""
        self._first_seen: dict[tuple[str, int], datetime.datetime] = {}
        self.longest_gap = 0.0
        """Seconds from an endpoint's first failure to its next success, or to its last failure."""
        self._failing_since: dict[str, float] = {}

    def __enter__(self) -> typing_extensions.Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._broken is not None:
            raise self._broken

    def report(self) -> str:
        """Say how many connections were made, how many failed, and for how long."""
        changes = {name: max(len(seen) - 1, 0) for name, seen in self.serials.items()}
        return (
            f"{self.connections} connections, {len(self.failures)} failed, "
            f"longest gap {self.longest_gap:.1f} s; certificates changed: {changes}"
        )

    def failures_without_excuse(self, *names: str, since: datetime.datetime) -> list[Failure]:
        """Return the failures but for those that may be, after a certificate was revoked.

        Args:
            names: The endpoints that are excused, each until its next certificate.
            since: When they lost the one they had, aware.
        """
        until = {
            name: min(
                (
                    seen
                    for (whose, _), seen in self._first_seen.items()
                    if whose == name and seen > since
                ),
                default=now(),
            )
            for name in names
        }
        return [
            failure
            for failure in self.failures
            if not (failure.name in until and since <= failure.when <= until[failure.name])
        ]

    def _run(self) -> None:
        try:
            is_last = False
            while not is_last:
                # Once more after it was told to stop: what the test has seen itself, it sees too.
                is_last = self._stop.wait(self._pause)
                trusted = self._trust()
                for name, endpoint in self._endpoints.items():
                    self._connect(name, endpoint, trusted)
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            self._broken = error

    def _connect(self, name: str, endpoint: Endpoint, trusted: str) -> None:
        self.connections += 1
        started = time.monotonic()
        try:
            seen = endpoint.look(trusted, self._name)
        except OSError as error:
            reason = f"{type(error).__name__}: {error}"
            self.failures.append(Failure(name, endpoint, now(), reason))
            self._note_gap(self._failing_since.setdefault(name, started))
            return
        if name in self._failing_since:
            self._note_gap(self._failing_since.pop(name))
        if not self.serials[name] or self.serials[name][-1] != seen.serial:
            self.serials[name].append(seen.serial)
            self._first_seen.setdefault((name, seen.serial), now())

    def _note_gap(self, since: float) -> None:
        self.longest_gap = max(self.longest_gap, time.monotonic() - since)


def now() -> datetime.datetime:
    """Return the time, aware."""
    return datetime.datetime.now(datetime.timezone.utc)


def poll(fact: Callable[[], bool], timeout: float, pause: float = 0.2) -> bool:
    """Return whether *fact* came true within *timeout* seconds; a refused connection is not."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            if fact():
                return True
        except OSError:
            # The endpoint is not there, or shows what cannot be verified: look again.
            time.sleep(pause)
            continue
        time.sleep(pause)
    return False
