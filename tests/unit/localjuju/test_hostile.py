"""What charms, users and machines do wrong: it is named, nothing is lost, and life goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localjuju.cli import client

from .conftest import BY_HAND, CommandLine, at_rest, until


def _log(juju: CommandLine, model: str) -> str:
    return juju.well(f"debug-log -m {model}")


def test_hook_that_ends_with_a_signal(juju: CommandLine, model: str, unit: str) -> None:
    """The log names the signal, and resolve runs the hook again."""
    juju.well(BY_HAND)
    juju.well("config obedient do='kill -SEGV $$'")
    until(lambda: "failed: signal: segmentation fault" in _log(juju, model))
    juju.well("config obedient do=true")
    juju.well(f"resolve {unit}")
    juju.wait(at_rest, model)


def test_charm_that_deletes_what_is_not_its_own(juju: CommandLine, model: str, unit: str) -> None:
    """The files that the agent holds may go; the unit goes on."""
    folder = juju.unit_folder(model, unit)
    juju.well("config obedient do='rm -f ../stdout ../stderr'")
    juju.well("config obedient do='touch ../went-on'")
    until((folder / "went-on").exists)


def test_folder_that_cannot_be_written(juju: CommandLine, model: str, unit: str) -> None:
    """A hook that could not be run for the disk's sake has failed, and is run when it can be."""
    juju.well(BY_HAND)
    folder = juju.unit_folder(model, unit)
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("where the unit's folder was")
    juju.well("config obedient do='touch ../went-on'")
    status = juju.wait(lambda s: "hook failed" in json.dumps(s), model)
    assert status["applications"]["obedient"]["units"][unit]["leader"]
    assert "File exists" in _log(juju, model) or "Not a directory" in _log(juju, model)
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)
    juju.well(f"resolve {unit}")
    until((folder / "went-on").exists)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_full_disk(alone: CommandLine, obedient: Path) -> None:
    """On a full disk verbs say so and change nothing, hooks fail; with room all goes on."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(alone.home)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this root may not mount")
    try:
        alone.well("add-model m")
        alone.well(f"deploy {obedient}")
        alone.wait(at_rest, "m")
        ballast = alone.home / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        done = alone(f"deploy {obedient} another")
        assert (done.code, "No space left on device" in done.err) == (1, True), done
        assert list(alone.data("status")["applications"]) == ["obedient"]
        ballast.unlink()
        alone.well(f"deploy {obedient} another")
        alone.wait(lambda s: len(s["applications"]) == 2 and at_rest(s), "m")
        alone.well("destroy-model m --no-prompt --force")
        until(lambda: not client.controllers())
    finally:
        subprocess.run(["umount", "-l", str(alone.home)], check=False)


def test_charm_that_prints_a_lot(juju: CommandLine, model: str, unit: str) -> None:
    """Ten megabytes of output come back whole."""
    assert model
    out = juju.well(f"exec --unit {unit} 'head -c 10000000 /dev/zero | tr \"\\0\" z'")
    assert len(out.strip()) == 10_000_000


def test_large_and_odd_values(juju: CommandLine, model: str, unit: str) -> None:
    """A databag takes 100 KB, and bytes that are no text come back as they were."""
    folder = juju.unit_folder(model, unit)
    (folder / "big").write_text("big: " + "x" * 100_000)
    said = juju.well(
        f"exec --unit {unit} 'r=$(relation-ids fellows); relation-set -r $r --file ../big; "
        'relation-set -r $r odd=$(printf "\\377\\376"); '
        "relation-get -r $r big $JUJU_UNIT_NAME | wc -c; "
        "relation-get -r $r odd $JUJU_UNIT_NAME | od -An -tx1'"
    )
    assert said.split() == ["100001", "ff", "fe", "0a"]


def test_tool_that_is_given_a_pipe(juju: CommandLine, model: str, unit: str) -> None:
    """A hook tool reads files only: a pipe that nobody writes to would hold up every unit."""
    assert model
    done = juju(
        f"exec --unit {unit} 'mkfifo ../pipe; relation-set -r $(relation-ids fellows) "
        "--file ../pipe'"
    )
    assert (done.code, "not a regular file" in done.out) == (1, True)


def test_charm_that_never_returns(juju: CommandLine, model: str, unit: str) -> None:
    """Others run meanwhile, who waits is told, and removal by force ends it."""
    folder = juju.unit_folder(model, unit)
    juju.well("config obedient do='echo $$ > ../pid; sleep 7655'")
    until(lambda: (folder / "pid").exists() and (folder / "pid").read_text())
    pid = int((folder / "pid").read_text())
    late = juju(f"run {unit} go --wait 1s")
    assert (late.code, late.err.splitlines()[-1]) == (
        1,
        f"ERROR timed out waiting for results from: unit {unit}",
    )
    juju.well(f"remove-unit {unit} --no-prompt --force")
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_one_thing_at_a_time(model: str, unit: str) -> None:
    """What a unit is asked to do by several at once it does one after the other."""
    alone = "mkdir ../busy && sleep 0.2 && rmdir ../busy"
    command = [sys.executable, "-m", "localjuju", "exec", "-m", model, "--unit", unit, "--", alone]
    asked = [subprocess.Popen(command) for _ in range(3)]
    assert [one.wait(60) for one in asked] == [0, 0, 0]


def test_hung_hooks_hold_up_nobody(juju: CommandLine, model: str, obedient: Path) -> None:
    """However many hooks hang, another unit still gets its turn."""
    juju.well(f"deploy {obedient} hung -n 9 --config do='sleep 7656'")
    juju.well(f"deploy {obedient}")
    juju.wait(
        lambda s: (
            s["applications"]["obedient"]["units"]["obedient/0"]["workload-status"]["current"]
            == "active"
        ),
        model,
        180,
    )


@pytest.mark.parametrize(
    ("command", "error"),
    [
        pytest.param("config obedient do=@{bytes}", "is not text in UTF-8", id="config @file"),
        pytest.param("config obedient --file {bytes}", "is not text in UTF-8", id="config --file"),
        pytest.param("config obedient do=\udcff", "contains non-UTF-8 sequences", id="config"),
        pytest.param("config obedient do=@{pipe}", "is not a regular file", id="pipe"),
        pytest.param("deploy {charm} x --config {bytes}", "is not text in UTF-8", id="deploy"),
        pytest.param("deploy {charm} x --config {list}", "is not a mapping", id="deploy list"),
        pytest.param("deploy {charm} x -n --5", 'parsing "--5": invalid syntax', id="number"),
        pytest.param("deploy {charm} x -n ²", 'parsing "²": invalid syntax', id="odd digit"),
        pytest.param("run obedient/0 go what={{", 'the value of "what"', id="action"),
        pytest.param("run obedient/0 go a=1 a.b=2", 'a key of "a"', id="action keys"),
        pytest.param("run obedient/0 go --params {bytes}", "is not text in UTF-8", id="params"),
        pytest.param("run obedient/0 go --wait soon", '"soon" is not a duration', id="wait"),
        pytest.param("add-secret s --file {bytes}", "is not text in UTF-8", id="secret file"),
        pytest.param("add-secret s word#file={bytes}", "is not text in UTF-8", id="secret word"),
    ],
)
def test_input_refused(  # noqa: PLR0917 (fixtures)
    juju: CommandLine,
    model: str,
    unit: str,
    obedient: Path,
    tmp_path: Path,
    command: str,
    error: str,
) -> None:
    """What cannot be read is named, and nothing has changed."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "list").write_text("[1, 2]")
    os.mkfifo(tmp_path / "pipe")
    names = {name: tmp_path / name for name in ("bytes", "list", "pipe")}
    before = [juju.data(verb) for verb in ("operations", "secrets", f"config {unit[:-2]}")]
    done = juju(command.format(charm=obedient, **names))
    assert done.code in {1, 2}
    assert error in done.err
    assert "Traceback" not in done.err
    after = [juju.data(verb) for verb in ("operations", "secrets", f"config {unit[:-2]}")]
    assert after == before
    assert list(juju.data(f"status -m {model}")["applications"]) == ["obedient"]


def test_date_as_parameter(juju: CommandLine, model: str, unit: str) -> None:
    """What looks like a date is text, as Juju reads it."""
    assert model
    assert juju.data(f"run {unit} go what=2026-01-01")[unit]["status"] == "completed"


def test_interrupted(juju: CommandLine, model: str, unit: str) -> None:
    """Ctrl-C ends the waiting alone, in one line and with the shell's exit status."""
    # Whoever runs the tests in the background may have them ignore Ctrl-C, and what they start.
    heard = ["env", "--default-signal=INT", sys.executable, "-m", "localjuju"]
    command = [*heard, "exec", "-m", model, "--unit", unit]
    with subprocess.Popen(
        [*command, "--", "touch ../begun; sleep 2; touch ../ended"],
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        folder = juju.unit_folder(model, unit)
        until((folder / "begun").exists)
        waiting.send_signal(signal.SIGINT)
        assert waiting.stderr is not None
        assert waiting.stderr.read() == "\nERROR interrupted\n"
    assert waiting.returncode == 130
    until((folder / "ended").exists)
