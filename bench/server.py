"""Measure the demo requirer's server: beside `openssl s_server`, and over a thousand reloads.

Both servers have the same key and chain, and the same clients (`openssl s_time`), in turn, several
times over: a machine that is busy with something else is so for both. A thousand reloads take some
ten minutes: each must have been met by a client before the next.

    python bench/server.py [--seconds N] [--rounds N] [--reloads N]
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import itertools
import json
import pathlib
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
)

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The charm is no distribution: its package is found as the charm's own interpreter finds it.
sys.path.insert(0, str(ROOT / "charms" / "demo-requirer" / "src"))

from demo_requirer.pairs import Pair, make_pair  # noqa: E402
from demo_requirer.store import Content, Store  # noqa: E402
from demo_requirer.supervisor import Listen  # noqa: E402
from demo_requirer.supervisor.detached import DetachedSupervisor  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Generator

HOST = "127.0.0.1"
CLIENTS = 2
"""Processes that connect all the while."""
LEAST_SHARE = 0.5
"""Of the handshakes a second of `openssl s_server`."""
MOST_GROWTH = 0.10
"""Of resident memory, between a tenth of the reloads and their end."""
DAYS = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Authority:
    """Signs leaves for the server."""

    key: PrivateKey
    certificate: Certificate

    @classmethod
    def make(cls) -> Authority:
        key = PrivateKey.generate(key_algorithm="ecdsa")
        attributes = CertificateRequestAttributes(common_name="bench CA", is_ca=True)
        return cls(key, Certificate.generate_self_signed_ca(attributes, key, 365 * DAYS))

    def issue(self, key: PrivateKey) -> Pair:
        attributes = CertificateRequestAttributes(common_name="web", sans_dns=["web"])
        request = CertificateSigningRequest.generate(attributes, key)
        leaf = request.sign(self.certificate, self.key, 90 * DAYS)
        return make_pair("unit web", (leaf.raw, self.certificate.raw), key.raw)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return taken.getsockname()[1]


@contextlib.contextmanager
def s_server(pair: Pair, folder: pathlib.Path) -> Generator[int, None, None]:
    """Run `openssl s_server` with a pair; give its port."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_text(pair.presented)
    key.write_text(pair.private_key + "\n")
    key.chmod(0o600)
    port = free_port()
    command = ["openssl", "s_server", "-accept", f"{HOST}:{port}", "-quiet", "-no_ticket"]
    command += ["-cert", chain, "-cert_chain", chain, "-key", key, "-num_tickets", "0"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            await_port(port)
            yield port
        finally:
            process.kill()


@contextlib.contextmanager
def ours(
    pair: Pair, folder: pathlib.Path
) -> Generator[tuple[int, DetachedSupervisor, Store], None, None]:
    """Run the demo requirer's server with a pair, as its charm does."""
    supervisor = DetachedSupervisor(folder / "unit")
    store = supervisor.make_store()
    store.write(Content("bench", pairs=(pair,)))
    port = free_port()
    try:
        supervisor.ensure(Listen(HOST, port))
        yield port, supervisor, store
    finally:
        supervisor.remove()


def await_port(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens at port {port}")


def rate(port: int, seconds: int) -> float:
    """Return full handshakes a second, of all clients together: TLS 1.3, nothing resumed."""
    command = ["openssl", "s_time", "-connect", f"{HOST}:{port}", "-new", "-tls1_3"]
    command += ["-time", str(seconds)]
    clients = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(CLIENTS)
    ]
    handshakes = 0
    for client in clients:
        said, _ = client.communicate(timeout=10 * seconds + 30)
        # "123 connections in 3 real seconds, 0 bytes read per connection"
        counted = re.search(r"(\d+) connections in \d+ real seconds", said)
        if client.returncode or counted is None:
            raise RuntimeError(f"openssl s_time failed: {said}")
        handshakes += int(counted[1])
    return handshakes / seconds


def compare(pair: Pair, folder: pathlib.Path, rounds: int, seconds: int) -> list[float]:
    """Return the medians of handshakes a second: `openssl s_server`, then ours."""
    with s_server(pair, folder) as theirs, ours(pair, folder) as (port, _, _):
        rates = [(rate(theirs, seconds), rate(port, seconds)) for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*rates, strict=True)]


@dataclasses.dataclass(frozen=True)
class Endurance:
    """What a server did while its certificates were replaced again and again."""

    reloads: int
    handshakes: int
    failed: int
    memory_begin: int
    """Resident, in KiB, when a tenth of the reloads were done."""
    memory_end: int

    @property
    def growth(self) -> float:
        return self.memory_end / self.memory_begin - 1


def endure(pairs: list[Pair], folder: pathlib.Path, reloads: int) -> Endurance:
    """Replace what a server serves *reloads* times, each time seen by a client that connects."""
    stop = threading.Event()
    done, failed = [0], [0]
    memory: list[int] = []
    serials = {bytes(cert_der(pair)): pair.serial_number for pair in pairs}
    latest = [0]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def connect(port: int) -> None:
        while not stop.is_set():
            try:
                with (
                    socket.create_connection((HOST, port), 10) as raw,
                    context.wrap_socket(raw, server_hostname="web") as tls,
                ):
                    latest[0] = serials[tls.getpeercert(binary_form=True) or b""]
                done[0] += 1
            except (OSError, KeyError):
                failed[0] += 1

    with ours(pairs[0], folder) as (port, supervisor, store):
        pid = json.loads((supervisor.folder / "process.json").read_text())[0]["pid"]
        threads = [threading.Thread(target=connect, args=(port,)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            for number, pair in zip(range(reloads), itertools.cycle(pairs[1:] + pairs[:1])):
                store.write(Content("bench", pairs=(pair,)))
                patience = time.monotonic() + 30
                while latest[0] != pair.serial_number and time.monotonic() < patience:
                    time.sleep(0.01)
                if latest[0] != pair.serial_number:
                    failed[0] += 1
                if number + 1 in {max(reloads // 10, 1), reloads}:
                    memory.append(resident(pid))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    return Endurance(reloads, done[0], failed[0], memory[0], memory[-1])


def cert_der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.chain[0])


def resident(pid: int) -> int:
    """Return the resident memory of a process, in KiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


def main() -> int:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=3, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reloads", type=int, default=1000)
    arguments = parser.parse_args()
    if shutil.which("openssl") is None:
        print("There is no openssl on PATH.", file=sys.stderr)
        return 1
    authority = Authority.make()
    rsa, ecdsa = PrivateKey.generate(), PrivateKey.generate(key_algorithm="ecdsa")
    met = True
    print(f"{'handshakes a second':<28}{'s_server':>10}{'here':>10}{'share':>8}  target")
    for name, key in (("RSA 2048", rsa), ("ECDSA P-256", ecdsa)):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            theirs, here = compare(
                authority.issue(key), pathlib.Path(folder), arguments.rounds, arguments.seconds
            )
        good = here / theirs >= LEAST_SHARE
        met &= good
        print(
            f"{name:<28}{theirs:>10.0f}{here:>10.0f}{here / theirs:>8.2f}"
            f"  {LEAST_SHARE} {'met' if good else 'missed'}",
            flush=True,
        )
    pairs = [authority.issue(key) for key in (rsa, ecdsa) * 4]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = endure(pairs, pathlib.Path(folder), arguments.reloads)
    flat, unbroken = found.growth <= MOST_GROWTH, found.failed == 0
    print(f"{found.reloads} reloads, {found.handshakes} handshakes meanwhile:")
    print(f"{'  failed':<28}{found.failed:>28}  0 {'met' if unbroken else 'missed'}")
    growth = f"{found.memory_begin / 1024:.1f} MB {found.growth:+.1%}"
    print(f"{'  memory':<28}{growth:>28}  +{MOST_GROWTH:.0%} {'met' if flat else 'missed'}")
    return 0 if met and flat and unbroken else 1


if __name__ == "__main__":
    sys.exit(main())
