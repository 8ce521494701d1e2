"""Charms that run with localjuju's interpreter: forked from a warm one, and none the wiser."""

from __future__ import annotations

import asyncio
import os
import signal
import textwrap
from typing import TYPE_CHECKING

import psutil
import pytest

from localjuju import processes
from localjuju.forks import Fork, Forks

from .conftest import CommandLine, at_rest, is_alive, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def forks() -> AsyncIterator[Forks]:
    """A warm interpreter, gone after the test."""
    forks = Forks()
    yield forks
    forks.close()


class Script:
    """A script in a folder, and what it printed."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.out, self.err = folder / "out", folder / "err"
        (folder / "src").mkdir(exist_ok=True)
        (folder / "src" / "charm.py").write_text(textwrap.dedent(text))

    async def start(self, forks: Forks, **env: str) -> Fork:
        """Start it with variables of its own."""
        with self.out.open("wb") as out, self.err.open("wb") as err:
            return await forks.start(
                ["src/charm.py"], cwd=self.folder, env=env, stdout=out, stderr=err
            )

    async def run(self, forks: Forks, **env: str) -> int:
        """Run it to its end; return its code."""
        return await (await self.start(forks, **env)).wait()


async def test_sees_what_it_would_see_alone(forks: Forks, tmp_path: Path) -> None:
    """A script has the arguments, variables, folder, path, name and streams that it was given."""
    script = Script(
        tmp_path,
        """
        import os, sys
        print(__name__, sys.argv, os.getcwd(), sys.path[:2], os.environ["A"])
        print(len(os.environ), os.getpgid(0) == os.getpid(), sys.modules["__main__"].__file__)
        print("problem", file=sys.stderr)
        """,
    )
    assert await script.run(forks, A="b", PYTHONPATH="/nowhere") == 0
    src = tmp_path / "src"
    assert script.out.read_text().splitlines() == [
        f"__main__ ['src/charm.py'] {tmp_path} ['{src}', '/nowhere'] b",
        f"2 True {src}/charm.py",
    ]
    assert script.err.read_text() == "problem\n"


async def test_each_begins_afresh(forks: Forks, tmp_path: Path) -> None:
    """What one script did to its variables and modules, the next does not see."""
    script = Script(
        tmp_path,
        """
        import os, random, yaml
        print(os.environ.get("LEFT"), getattr(yaml, "left", None))
        os.environ["LEFT"] = "something"
        yaml.left = random.random()
        """,
    )
    said: list[str] = []
    for _ in range(2):
        assert await script.run(forks) == 0
        said.append(script.out.read_text())
    assert said == ["None None\n"] * 2


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no reason')", 1, "no reason"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("no Python at all", 1, "SyntaxError"),
        ("import os; os.kill(os.getpid(), 15)", -15, ""),
    ],
)
async def test_how_it_ends(forks: Forks, tmp_path: Path, text: str, code: int, says: str) -> None:
    """A script's code is an interpreter's, and so is what it says of an error."""
    script = Script(tmp_path, text)
    assert await script.run(forks) == code
    assert says in script.err.read_text()


async def test_does_what_is_left_at_its_end(forks: Forks, tmp_path: Path) -> None:
    """Threads are waited for, and functions that were registered for the end are called."""
    script = Script(
        tmp_path,
        """
        import atexit, threading, time
        atexit.register(print, "at the end")
        threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        """,
    )
    assert await script.run(forks) == 0
    assert script.out.read_text() == "thread\nat the end\n"


async def test_its_own_module_goes_before_a_warm_one(forks: Forks, tmp_path: Path) -> None:
    """A module that a charm brings along is its own, also where the interpreter has another."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "yaml.py").write_text("whose = 'the charm\\'s'")
    script = Script(tmp_path, "import sys, yaml; print(yaml.whose, sys.argv)")
    assert await script.run(forks, PYTHONPATH=str(tmp_path / "lib")) == 0
    assert script.out.read_text() == "the charm's ['src/charm.py']\n"


async def test_found_by_its_mark(forks: Forks, tmp_path: Path) -> None:
    """Whatever a script leaves behind is found by its unit, even if it was only forked."""
    script = Script(
        tmp_path,
        """
        import os, signal
        if os.fork() == 0:
            os.setsid()
            signal.pause()
        """,
    )
    mark = "controller/model/unit-a-0"
    assert await script.run(forks, LOCALJUJU_UNIT=mark) == 0
    assert len(processes.marked(mark)) == 1
    assert processes.end_marked(mark) == 1


async def test_given_up_before_it_began(forks: Forks, tmp_path: Path) -> None:
    """A script that nobody waits for any more does not go on."""
    script = Script(tmp_path, "import signal; signal.pause()")
    starting = asyncio.create_task(script.start(forks, LOCALJUJU_UNIT="given-up"))
    await asyncio.sleep(0)
    starting.cancel()
    # One that is asked for later has begun only after the first.
    other = await script.start(forks)
    await asyncio.to_thread(until, lambda: _none_is_left("given-up"))
    os.killpg(other.pid, signal.SIGKILL)
    assert await other.wait() == -signal.SIGKILL


async def test_interpreter_dies(forks: Forks, tmp_path: Path) -> None:
    """With the warm interpreter its scripts are killed; the next has a new one."""
    script = Script(tmp_path, "import signal; signal.pause()")
    fork = await script.start(forks)
    os.kill(psutil.Process(fork.pid).ppid(), signal.SIGKILL)
    assert await fork.wait() == -signal.SIGKILL
    until(lambda: not is_alive(fork.pid))
    assert await Script(tmp_path, "print('again')").run(forks) == 0


async def test_ends_what_it_has_not_told_of(tmp_path: Path) -> None:
    """What was begun just before the end, and nobody has heard of, ends too."""
    forks = Forks()
    script = Script(tmp_path, "import signal; signal.pause()")
    first = await script.start(forks, LOCALJUJU_UNIT="told/first")
    starting = asyncio.create_task(script.start(forks, LOCALJUJU_UNIT="told/second"))
    await asyncio.sleep(0)
    # The loop stands still meanwhile, and hears of nothing.
    until(lambda: len(processes.marked("told")) == 2)
    starting.cancel()
    forks.close()
    until(lambda: _none_is_left("told"))
    assert first.returncode == -signal.SIGKILL


async def test_too_much_is_refused_alone(forks: Forks, tmp_path: Path) -> None:
    """What cannot be asked for raises, and what runs goes on."""
    script = Script(tmp_path, "import time; time.sleep(0.5)")
    running = await script.start(forks)
    with pytest.raises(OSError, match="too long"):
        await script.start(forks, LONG="x" * 140_000)
    assert await running.wait() == 0


async def test_folder_is_gone(forks: Forks, tmp_path: Path) -> None:
    """A folder that is not there is named."""
    script = Script(tmp_path, "")
    script.folder = tmp_path / "gone"
    with pytest.raises(FileNotFoundError, match="gone"):
        await script.start(forks)


CHARM = """
import os, pathlib, subprocess
print(os.getppid(), file=pathlib.Path("parent").open("w"))
subprocess.run(["status-set", "active", os.environ["JUJU_DISPATCH_PATH"]], check=True)
"""


@pytest.fixture
def interpreter(juju: CommandLine, model: str, tmp_path: Path) -> int:
    """The process that forked the hooks of a charm that is deployed from its folder."""
    folder = tmp_path / "plain"
    (folder / "src").mkdir(parents=True)
    (folder / "charmcraft.yaml").write_text("name: plain\nsummary: s\ndescription: d\n")
    (folder / "src" / "charm.py").write_text(CHARM)
    juju.well(f"deploy {folder}")
    juju.wait(at_rest, model)
    return int((juju.unit_folder(model, "plain/0") / "charm" / "parent").read_text())


def test_hooks_have_one_interpreter(juju: CommandLine, model: str, interpreter: int) -> None:
    """All hooks of a charm's folder are forked from one interpreter."""
    juju.well("local update-status plain/0")
    juju.wait(lambda s: "'hooks/update-status'" in str(s), model)
    again = (juju.unit_folder(model, "plain/0") / "charm" / "parent").read_text()
    assert int(again) == interpreter


def test_hooks_go_on_with_another(juju: CommandLine, model: str, interpreter: int) -> None:
    """When the interpreter was killed, the next hook has a new one, at once."""
    os.kill(interpreter, signal.SIGKILL)
    juju.well("local update-status plain/0")
    juju.wait(lambda s: "'hooks/update-status'" in str(s), model)
    again = (juju.unit_folder(model, "plain/0") / "charm" / "parent").read_text()
    assert int(again) != interpreter


def _none_is_left(mark: str) -> bool:
    return not any(map(is_alive, processes.marked(mark)))
