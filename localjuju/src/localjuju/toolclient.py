"""The hook tools as programs: one small script under many names.

A charm calls a hook tool a hundred times in a hook, so each call must be cheap: the script is run
by the base interpreter itself, isolated and without ``site`` (``-I -S``), and imports nothing but
built-in modules.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SCRIPT = """\
#!{python} -IS
import sys, posix, _socket

environ = posix.environ
name = sys.argv[0].rpartition("/")[2]
words = [name, *sys.argv[1:]]
stdin = b""
if "--file=-" in words or any(a == "--file" and b == "-" for a, b in zip(words, words[1:])):
    stdin = sys.stdin.buffer.read()
head = [environ.get(b"JUJU_CONTEXT_ID", b""), posix.getcwdb()]
head += [word.encode("utf-8", "surrogateescape") for word in words]
head = b"\\0".join(head)
address = environ.get(b"JUJU_AGENT_SOCKET_ADDRESS", b"")
if len(address) > {longest}:
    # An AF_UNIX address is short: reach a long one through its folder.
    folder, _, file = address.rpartition(b"/")
    address = b"/proc/self/fd/%d/%s" % (posix.open(folder, posix.O_RDONLY), file)
connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
try:
    connection.connect(address)
    connection.sendall(b"%d\\n%s%s" % (len(head), head, stdin))
    connection.shutdown(_socket.SHUT_WR)
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
except OSError as error:
    sys.stderr.write("ERROR %s cannot reach the controller: %s\\n" % (name, error))
    sys.exit(1)
answer = b"".join(parts)
if not answer:
    sys.stderr.write("ERROR %s got no answer from the controller\\n" % name)
    sys.exit(1)
code, _, answer = answer.partition(b"\\n")
size, _, answer = answer.partition(b"\\n")
sys.stdout.buffer.write(answer[: int(size)])
sys.stdout.buffer.flush()
sys.stderr.buffer.write(answer[int(size) :])
sys.stderr.buffer.flush()
posix._exit(int(code))
"""


def base_interpreter() -> str:
    """Return the interpreter under every virtual environment: it starts fastest."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def write_tools(folder: Path, names: Iterable[str], longest_address: int) -> None:
    """Write the hook tools into *folder*: one script, and a link to it for each name."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / ".hook-tool"
    script.write_text(SCRIPT.format(python=base_interpreter(), longest=longest_address))
    script.chmod(0o700)
    for name in names:
        link = folder / name
        if not link.exists():
            link.symlink_to(script.name)


def read_request(data: bytes) -> tuple[str, str, list[str], str]:
    """Return what the script sent: the context's id, the caller's folder, the words, its stdin.

    Raises:
        ValueError: If this is not what the script sends.
    """
    size, _, rest = data.partition(b"\n")
    head, stdin = rest[: int(size)], rest[int(size) :]
    context_id, cwd, *words = (w.decode("utf-8", "surrogateescape") for w in head.split(b"\0"))
    if not words:
        raise ValueError("no tool is named")
    return context_id, cwd, words, stdin.decode("utf-8", "surrogateescape")


def write_answer(code: int, out: str, err: str) -> bytes:
    """Return an answer as the script reads it."""
    body = out.encode("utf-8", "surrogateescape")
    return b"%d\n%d\n%s%s" % (code, len(body), body, err.encode("utf-8", "surrogateescape"))
