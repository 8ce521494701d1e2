"""The server as a detached process: started, checked, handed over, and gone without a trace."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from demo_requirer.supervisor import Listen, PortInUseError, ServerError, detached
from tests.unit.requirer.conftest import RunningServer, content_of, free_port, pair_of

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Sequence

    from tests.unit.requirer.authority import Authority


def state(server: RunningServer) -> dict[str, Any]:
    """Return what is known of the server in use."""
    return json.loads((server.supervisor.folder / "process.json").read_text())[0]


def processes(server: RunningServer) -> list[int]:
    """Return the processes that serve this unit's store."""
    mark = f"--store={server.supervisor.folder / 'store'}"
    found: list[int] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if mark in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def kill(server: RunningServer) -> None:
    """End the server as the kernel does it when memory runs out, and wait until it is gone."""
    pid = state(server)["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def wait_for(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if fact():
            return
        time.sleep(0.05)
    pytest.fail("it never came true")


def get(
    server: RunningServer, connection: ssl.SSLSocket | None = None
) -> http.client.HTTPResponse:
    """Ask for /healthz, over a new connection if none is given; return what came, read."""
    with contextlib.ExitStack() as stack:
        if connection is None:
            connection = stack.enter_context(open_tls(server))
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: web\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        answer.read()
        return answer


def open_tls(server: RunningServer) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    address = (server.listen.address, server.listen.port)
    return context.wrap_socket(socket.create_connection(address, 10))


@pytest.fixture
def serving(server: RunningServer, authority: Authority) -> RunningServer:
    server.store.write(content_of(pair_of(authority.issue("web"))))
    server.start()
    return server


def test_accepts_when_started(serving: RunningServer) -> None:
    """When the hook goes on, clients are served already."""
    assert get(serving).status == 200


def test_runs_on(serving: RunningServer) -> None:
    """A hook that finds it running as it should leaves it alone."""
    before = state(serving)
    serving.start()
    assert state(serving) == before


def test_started_again(serving: RunningServer) -> None:
    """A server that was killed is back after the next hook."""
    kill(serving)
    serving.start()
    assert get(serving).status == 200


def test_pid_of_another_is_not_ours(serving: RunningServer) -> None:
    """A process id that went to somebody else is neither taken for the server nor ended."""
    running = state(serving)
    kill(serving)
    path = serving.supervisor.folder / "process.json"
    path.write_text(json.dumps([{**running, "pid": os.getpid()}]))
    serving.start()
    assert state(serving)["pid"] != os.getpid()


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '[{"pid": 1}]'])
def test_state_that_cannot_be_read(text: str, server: RunningServer) -> None:
    """A pid file that was torn is as good as none."""
    (server.supervisor.folder / "process.json").write_text(text)
    server.start()
    assert len(processes(server)) == 1


def test_handed_over(serving: RunningServer) -> None:
    """A refresh: a new process takes the socket, open connections go on, and none is refused."""
    first = state(serving)["pid"]
    old = open_tls(serving)
    failures: list[BaseException] = []
    count = 0
    done = threading.Event()

    def knock() -> None:
        nonlocal count
        while not done.is_set():
            try:
                assert get(serving).status == 200
            except (OSError, http.client.HTTPException, AssertionError) as error:
                failures.append(error)
            count += 1

    def goes_on() -> bool:
        answer = get(serving, old)
        assert answer.status == 200, "what was open goes on"
        return answer.getheader("connection") != "close"

    knocker = threading.Thread(target=knock, daemon=True)
    knocker.start()
    try:
        serving.start(renew=True)
        # Its client is told to come anew: soon, and not at once.
        wait_for(lambda: not goes_on())
        old.close()
        for _ in range(2):
            serving.start(renew=True)
    finally:
        done.set()
        knocker.join()
    assert not failures
    assert count
    assert state(serving)["pid"] != first
    wait_for(lambda: processes(serving) == [state(serving)["pid"]])
    assert len(list(serving.supervisor.folder.glob("control-*"))) == 1


def test_hung_server_is_replaced(serving: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs cannot give its socket away; it is ended, and another takes the port."""
    monkeypatch.setattr("demo_requirer.server.handover._TIMEOUT", 0.2)
    os.kill(state(serving)["pid"], signal.SIGSTOP)
    serving.start(renew=True)
    assert get(serving).status == 200
    assert processes(serving) == [state(serving)["pid"]]


def test_moves_to_another_port(serving: RunningServer) -> None:
    """A changed option: the new port is served, the old one no more."""
    old = serving.listen
    serving.listen = Listen(old.address, free_port())
    serving.start()
    assert get(serving).status == 200
    wait_for(lambda: len(processes(serving)) == 1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((old.address, old.port), 5)


def test_port_in_use(serving: RunningServer) -> None:
    """The error says which, and what ran before runs on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port} of 127.0.0.1 is in use"):
            serving.supervisor.ensure(Listen("127.0.0.1", port))
    assert get(serving).status == 200


def test_address_of_another_machine(server: RunningServer) -> None:
    """The error says which address cannot be had."""
    with pytest.raises(ServerError, match=r"cannot listen at 192\.0\.2\.1:8443"):
        server.supervisor.ensure(Listen("192.0.2.1", 8443))


def test_server_that_does_not_start(
    server: RunningServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the server's last words, and no process is left."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'No module named uvicorn' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(ServerError, match="does not start: No module named uvicorn"):
        server.start()
    assert not processes(server)


def test_serves_ipv6(server: RunningServer, authority: Authority) -> None:
    """A unit's address may be of either kind."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as free:
            port = free.getsockname()[1]
    except OSError:
        pytest.skip("no IPv6 here")
    server.listen = Listen("::1", port)
    server.store.write(content_of(pair_of(authority.issue("web"))))
    server.start()
    assert str(server.listen) == f"[::1]:{port}"
    assert get(server).status == 200


def test_nothing_is_left(serving: RunningServer) -> None:
    """Removal ends the process, with what it has open, and removes every file."""
    connection = open_tls(serving)
    serving.supervisor.remove()
    assert not processes(serving)
    assert not serving.supervisor.folder.exists()
    connection.close()


def test_nothing_is_left_after_a_refresh(serving: RunningServer) -> None:
    """A server that is still ending what it has open goes with the unit too."""
    connection = open_tls(serving)
    serving.start(renew=True)
    assert len(processes(serving)) == 2
    serving.supervisor.remove()
    assert not processes(serving)
    connection.close()


@pytest.mark.parametrize("moment", ["_is_ready", "_remember"])
def test_hook_killed_while_starting(
    moment: str, serving: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that dies half-way leaves nobody behind that the next one does not find."""

    class Killed(BaseException):
        """What no handler of errors catches, like the end of the process."""

    def die(*_: object) -> bool:
        raise Killed

    owner = detached if moment == "_is_ready" else serving.supervisor
    with monkeypatch.context() as patch:
        patch.setattr(owner, moment, die)
        with pytest.raises(Killed):
            serving.start(renew=True)
    serving.start()
    assert get(serving).status == 200
    wait_for(lambda: processes(serving) == [state(serving)["pid"]])


def test_hook_killed_when_started(serving: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a hook dies after the new server listens, and before the old one ends, one is left."""

    class Killed(BaseException):
        """What no handler of errors catches, like the end of the process."""

    def die(*_: object) -> None:
        raise Killed

    remember = serving.supervisor._remember  # noqa: SLF001  # The moment has no other name.
    moments = iter([remember, die])

    def remember_once(running: Sequence[Any]) -> None:
        next(moments)(running)

    with monkeypatch.context() as patch:
        patch.setattr(serving.supervisor, "_remember", remember_once)
        with pytest.raises(Killed):
            serving.start(renew=True)
    assert len(processes(serving)) == 2
    serving.start()
    wait_for(lambda: processes(serving) == [state(serving)["pid"]])
    assert get(serving).status == 200


def test_removed_twice(server: RunningServer) -> None:
    """A removal that is run again finds nothing, which is no error."""
    server.supervisor.remove()
    server.supervisor.remove()


def test_deep_folder(tmp_path: pathlib.Path, authority: Authority) -> None:
    """Unix sockets have short addresses; folders may be deep."""
    server = RunningServer(tmp_path / ("deep" * 40) / "unit")
    server.store.write(content_of(pair_of(authority.issue("web"))))
    try:
        server.start()
        server.start(renew=True)
        assert get(server).status == 200
    finally:
        server.supervisor.remove()


def test_environment_is_inherited(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark by which others find this unit's processes is on the server too."""
    monkeypatch.setenv("MARK_OF_THE_UNIT", "yes")
    server.start()
    assert psutil.Process(state(server)["pid"]).environ()["MARK_OF_THE_UNIT"] == "yes"
