"""Starting, stopping and clearing away: real processes, in a var/ of the test's own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from augmented.launcher import run
from augmented.launcher.programs import Program, configuration
from augmented.launcher.progress import LaunchError
from augmented.launcher.supervise import MARK, Supervisor, clear_leftovers, leftovers, only_one

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def until(condition: Callable[[], object], within: float = 15) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"


def supervisor(var: Path, *programs: Program) -> Supervisor:
    var.mkdir(exist_ok=True)
    return Supervisor(list(programs), var=var, sockets=var, environment=dict(os.environ))


def test_what_it_started_ends_with_it(var: Path) -> None:
    watched = supervisor(var, Program("one", SLEEPER, 10), Program("two", SLEEPER, 20))
    watched.start()
    until(lambda: len(leftovers(var)) == 3)
    watched.stop()
    assert leftovers(var) == []


def test_a_killed_process_is_started_again(var: Path) -> None:
    watched = supervisor(var, Program("one", SLEEPER, 10))
    watched.start()
    assert watched.process is not None
    children = lambda: [pid for pid in leftovers(var) if pid != watched.process.pid]  # noqa: E731
    seen: list[int] = []
    until(lambda: seen.extend(children()) or seen)
    first = seen[0]
    time.sleep(1.2)  # younger than startsecs, it would count as a failed start
    os.kill(first, signal.SIGKILL)
    until(lambda: any(pid != first for pid in children()))
    watched.stop()


def test_a_program_that_cannot_start_is_named_with_the_end_of_its_log(var: Path) -> None:
    broken = Program("broken", [sys.executable, "-c", "import sys; sys.exit('no such luck')"], 10)
    watched = supervisor(var, broken)
    watched.file.write_text(watched.file.read_text().replace("startretries=10", "startretries=0"))
    watched.start()
    until(watched.given_up)
    with pytest.raises(LaunchError, match=r"(?s)broken does not start.*no such luck"):
        watched.check()
    watched.stop()


def test_what_a_killed_run_left_behind_is_ended_by_the_next(var: Path) -> None:
    orphan = subprocess.Popen(SLEEPER, env={**os.environ, MARK: str(var)}, start_new_session=True)
    stranger = subprocess.Popen(SLEEPER, env={**os.environ, MARK: str(var / "of-another")}, start_new_session=True)
    try:
        until(lambda: leftovers(var) == [orphan.pid])
        assert clear_leftovers(var) == 1
        assert orphan.wait(timeout=5) == -signal.SIGTERM
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_two_launchers_do_not_share_a_var(var: Path) -> None:
    with only_one(var), pytest.raises(LaunchError, match=f"running already, as process {os.getpid()}"), only_one(var):
        pass
    with only_one(var):
        pass


def test_a_taken_port_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(LaunchError, match=rf"(?s)Port {port} .*PORT={port + 1} make run"):
            run.ports()


def test_a_port_that_is_no_number_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eighty")
    with pytest.raises(LaunchError, match="PORT must be a number"):
        run.ports()


def test_the_example_services_keep_their_port(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    var.mkdir()
    monkeypatch.setattr(run, "VAR", var)
    chosen = run.examples_port()
    assert run.examples_port() == chosen == int((var / "examples-port").read_text())


def test_two_copies_give_their_example_services_different_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(run, "VAR", tmp_path / name)
        chosen.append(run.examples_port())  # nobody listens yet: both could have any
    assert chosen[0] != chosen[1]


def test_the_example_services_take_the_next_port_where_theirs_is_taken(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var.mkdir()
    monkeypatch.setattr(run, "VAR", var)
    chosen = run.examples_port()
    (var / "examples-port").unlink()
    with listening(chosen):
        assert run.examples_port() > chosen


def test_a_port_that_the_published_examples_name_is_not_changed_but_said(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var.mkdir()
    monkeypatch.setattr(run, "VAR", var)
    chosen = run.examples_port()
    with listening(chosen), pytest.raises(LaunchError, match=rf"Port {chosen} .*published examples.*AUGMENTED_VAR="):
        run.examples_port()
    (var / "examples-port").write_text("")
    with pytest.raises(LaunchError, match="holds no port"):
        run.examples_port()


def listening(port: int) -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


def test_paths_with_quotes_blanks_and_percent_signs_survive_the_configuration(tmp_path: Path) -> None:
    var = tmp_path / "50% of 'it'"
    var.mkdir()
    done = var / "done"
    program = Program(
        "odd", [sys.executable, "-c", "import sys, time; open(sys.argv[1], 'w'); time.sleep(60)", str(done)], 10
    )
    assert "50%% of" in configuration([program], var=var, control_socket=tmp_path / "s")
    watched = Supervisor([program], var=var, sockets=tmp_path, environment=dict(os.environ))
    watched.start()
    until(done.exists)
    watched.stop()


def test_a_waiting_process_starts_only_when_its_file_is_there(tmp_path: Path) -> None:
    sign, done = tmp_path / "sign", tmp_path / "done"
    command = [
        sys.executable,
        "-m",
        "augmented.launcher.wait",
        "--no-servers",
        "--for",
        str(sign),
        "--",
        "touch",
        str(done),
    ]
    waiting = subprocess.Popen(command)
    time.sleep(0.5)
    assert waiting.poll() is None and not done.exists()
    sign.touch()
    assert waiting.wait(timeout=10) == 0
    assert done.exists()
