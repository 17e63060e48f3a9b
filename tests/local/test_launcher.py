"""The launcher: errors at the start, and ending its processes."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smartbudget.local import environment
from smartbudget.local.processes import STOP_SECONDS, Child, Record, start_time
from smartbudget.local.settings import ROOT, LocalError, Settings
from smartbudget.local.stack import LocalStack
from tests.stack import WAIT_SECONDS, make_settings, wait_until


def run_launcher(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smartbudget.local"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("variable", ["WEB_PORT", "AWS_PORT", "MAILBOX_PORT"])
def test_a_port_in_use_is_a_one_line_error(variable, tmp_path):
    settings = make_settings(tmp_path)
    ports = {name: str(port) for name, port in settings.ports.items()}
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        result = run_launcher(LOCAL_DIR=str(tmp_path), **{**ports, variable: port})

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"Port {port} is in use; set {variable} to")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("value", ["abc", "0", "65536", "-1", "8_0", "٣"])
def test_an_invalid_port_is_a_one_line_error(value, tmp_path):
    result = run_launcher(LOCAL_DIR=str(tmp_path), WEB_PORT=value)

    sentence = f"WEB_PORT must be a port from 1 to 65535, not {value!r}.\n"
    assert (result.returncode, result.stderr) == (1, sentence)


def test_settings_come_from_the_environment(tmp_path):
    settings = Settings.from_env(
        {"LOCAL_DIR": str(tmp_path), "AWS_PORT": "5000", "LOG_LEVEL": "DEBUG"}
    )

    assert settings.local_dir == tmp_path
    assert settings.ports == {"WEB_PORT": 8000, "AWS_PORT": 5000, "MAILBOX_PORT": 8025}
    assert settings.web_environment == {"LOG_LEVEL": "DEBUG"}


def test_a_second_stack_in_the_same_folder_is_rejected(tmp_path):
    first = LocalStack(make_settings(tmp_path))
    first._lock_folder()
    try:
        with pytest.raises(LocalError, match=f"process {os.getpid()}"):
            LocalStack(make_settings(tmp_path)).start()
    finally:
        first.stop()


def sleeper(tmp_path: Path, code: str = "import time; time.sleep(60)") -> Child:
    command = [sys.executable, "-c", code]
    return Child("part", command, env={}, cwd=tmp_path, log=tmp_path / "part.log")


def test_processes_of_a_killed_launcher_are_ended_at_the_next_start(tmp_path):
    child = sleeper(tmp_path)
    record = Record(tmp_path / "processes.json")
    record.write([child])

    names = record.end_left_over()

    assert names == ["part"]
    assert child.process.wait(WAIT_SECONDS) != 0
    child.kill()
    assert Record(record.path).end_left_over() == []


def test_another_process_with_the_same_id_is_not_ended(tmp_path):
    child = sleeper(tmp_path)
    record = Record(tmp_path / "processes.json")
    record.write([child])
    started = start_time(child.pid)
    assert started is not None
    record.path.write_text(record.path.read_text().replace(started, "another time"))

    names = record.end_left_over()

    assert names == []
    assert child.exit_code() is None
    child.kill()


def test_a_child_that_ignores_sigterm_is_killed_after_the_timeout(tmp_path):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    child = sleeper(tmp_path, code + "print('ready', flush=True); time.sleep(60)")
    wait_until(lambda: "ready" in child.log.read_text())

    started = time.monotonic()
    willing = child.stop(0.2)

    assert not willing
    assert child.exit_code() is not None
    assert time.monotonic() - started < STOP_SECONDS


def test_ending_a_child_ends_its_own_children(tmp_path):
    code = "import subprocess, time; p = subprocess.Popen(['sleep', '60']);"
    child = sleeper(tmp_path, code + "print(p.pid, flush=True); time.sleep(60)")
    grandchild = int(wait_until(child.log.read_text))

    child.kill()

    wait_until(lambda: start_time(grandchild) is None)


def test_the_first_exception_is_reported_as_the_reason(tmp_path):
    (tmp_path / "part.log").write_text("ValueError: of an earlier run\n")
    code = "print('at work\\nKeyError: 1\\n  in a traceback\\nx.HaltError: 2\\n')"
    child = sleeper(tmp_path, code)

    child.process.wait(WAIT_SECONDS)

    assert child.reason() == "KeyError: 1"
    child.kill()


# Imports what runs in `.venv`, and starts Django, with the packages of the lock alone.
RUN_WITHOUT_TOOLS = """
import importlib, pathlib, re, sys
from importlib.metadata import packages_distributions

lock = pathlib.Path("requirements/web.txt").read_text()
allowed = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
owners = packages_distributions()

class Refuse:
    def find_spec(self, name, *_):
        names = {re.sub("[-_.]+", "-", owner).lower() for owner in owners.get(name, ())}
        if names and not names & allowed:
            raise ModuleNotFoundError(f"{name} is not in requirements/web.txt")

sys.meta_path.insert(0, Refuse())
for path in pathlib.Path("smartbudget/local").glob("*.py"):
    if path.stem not in {"dynamodb_index", "emulator"}:  # in MiniStack's environment
        importlib.import_module(f"smartbudget.local.{path.stem}")
import gunicorn.app.wsgiapp, smartbudget.wsgi
from django.core.management import call_command
call_command("check")
"""


def test_running_needs_only_the_packages_of_the_web_image():
    variables = {"LOCAL": "true", "SECRET_KEY": "unused", "AWS_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITHOUT_TOOLS],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_the_local_aws_is_installed_without_any_package():
    """While the packages that the web server needs are installed."""
    imports = "import smartbudget.local.environment"
    subprocess.run([sys.executable, "-S", "-c", imports], cwd=ROOT, check=True)


def test_a_first_start_that_fails_stops_its_builder(tmp_path, monkeypatch):
    stack = LocalStack(make_settings(tmp_path / "local", build_dir=tmp_path / "builds"))
    builders = []

    def fail(build_dir, say):
        builders.extend(json.loads(stack._record.path.read_text()))
        raise LocalError("The local AWS could not be installed.")

    monkeypatch.setattr(environment, "ensure", fail)
    with pytest.raises(LocalError):
        stack.start()
    stack.stop()

    [builder] = builders
    assert builder["name"] == "builder"
    assert start_time(builder["pid"]) is None
