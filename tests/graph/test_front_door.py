"""The launcher and the command line, as real processes in a copy of the project with an awkward path."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.conftest import Checkout

# A graph that needs no Docker, for tests that interrupt a run.
SMALL_GRAPH = """
from pathlib import Path
from tasks import lack as lacks
from tasks import progress
from tasks.runner.declare import Current, Do
from tasks.engines.programs import shell
from tasks.runner.reporter import Reporter
from tasks.settings import paths

paths.BUILD.mkdir(exist_ok=True)
DOIT_CONFIG = {"backend": "sqlite3", "dep_file": str(paths.TASK_DATABASE), "reporter": Reporter, "verbosity": 2}
MADE = paths.BUILD / "made"

def make():
    MADE.touch()

def lack():
    return lacks.unless(MADE.exists(), "not made")

def wait():
    shell.run(["sh", "-c", f"echo $$ > '{paths.BUILD}/pid'; exec sleep 60"])

def task_make():
    return {"actions": [Do(make)], "uptodate": [Current(lack)], "io": {"capture": False}}

def task_wait():
    return {"actions": [Do(wait)], "task_dep": ["make"], "io": {"capture": False}}

def task_other():
    return {"actions": [Do(wait)], "task_dep": ["make"], "io": {"capture": False}}

def task_both():
    return {"actions": None, "task_dep": ["wait", "other"]}
"""


def without_docker(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose PATH holds only what the launcher needs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for program in ("sh", "dirname", "cmp", "env", "readlink"):
        found = shutil.which(program)
        assert found
        (programs / program).symlink_to(found)
    return {"PATH": str(programs), "DOCKER_HOST": f"unix://{tmp_path}/no-docker.sock"}


def test_list_shows_the_users_tasks_without_docker(checkout: Checkout, tmp_path: Path) -> None:
    done = checkout.doit("list", env=without_docker(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert rows["parameters"].startswith("Show every parameter")
    assert not [name for name in rows if name.startswith("_")]


def test_links_to_the_launcher_find_the_checkout(checkout: Checkout, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "okdoit").symlink_to(checkout.root / "doit")
    (programs / "short").symlink_to("okdoit")
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    for name in ("okdoit", "short"):
        done = subprocess.run([name, "list"], cwd="/", env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == checkout.doit("list").stdout


def test_variables_of_python_do_not_lead_it_elsewhere(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "doit.py").write_text("raise SystemExit('not this one')")
    plain = checkout.doit("list").stdout
    env = {
        **dict.fromkeys(("PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "PYTHONSTARTUP"), str(tmp_path)),
        **dict.fromkeys(("PYTHONSAFEPATH", "PYTHONINSPECT"), "1"),
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error",
    }
    done = checkout.doit("list", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, plain, "")


def test_plain_doit_of_the_activated_venv_is_the_same(checkout: Checkout) -> None:
    plain = subprocess.run(
        [checkout.root / ".venv" / "bin" / "doit", "list"],
        cwd=checkout.root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert plain.stdout == checkout.doit("list").stdout


def test_parameters_as_json_is_json_and_nothing_else(checkout: Checkout) -> None:
    done = checkout.doit("parameters", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["PROFILE"] == {**rows["PROFILE"], "value": "lab", "origin": "environment"}
    assert done.stderr == ""


def test_configure_then_parameters_shows_the_users_file(checkout: Checkout) -> None:
    assert checkout.doit("configure").returncode == 0
    done = checkout.doit("parameters")
    assert done.returncode == 0
    assert any(line.split()[:2] == ["CNI", "bridge"] and " .env:" in line for line in done.stdout.splitlines())


def test_a_wrong_parameter_is_one_line_before_anything_is_touched(checkout: Checkout) -> None:
    (checkout.root / ".env").write_text("K8S_VERSION=latest\n")
    done = checkout.doit("images")
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        ".env:1: K8S_VERSION: 'latest' is not a version such as v1.2.3",
        "Try: ./doit parameters",
    ]
    bookkeeping = {"run.lock", "doit.db", "patterns.json", "pattern.schema.json"}
    assert {file.name for file in (checkout.root / "build").iterdir()} <= bookkeeping


@pytest.fixture
def small(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))
    (checkout.root / "dodo.py").write_text(SMALL_GRAPH)
    return checkout


def child_of(checkout: Checkout) -> int:
    """Return the ID of the process that the running task has started."""
    file = checkout.root / "build" / "pid"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if file.exists() and file.read_text().strip():
            return int(file.read_text())
    raise AssertionError("the task has not started its program")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_second_run_says_who_holds_the_first(small: Checkout) -> None:
    first = small.start("wait")
    child_of(small)
    second = small.doit("make")
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    assert second.returncode == 3
    assert second.stderr.startswith(f"pid {first.pid} runs `./doit wait` here since ")
    assert small.doit("list").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("words", [["wait"], ["-n", "2", "-P", "thread", "both"]], ids=["alone", "threads"])
def test_a_signal_ends_in_one_line_keeps_work_and_leaves_no_child(
    small: Checkout, number: signal.Signals, words: Sequence[str]
) -> None:
    run = small.start(*words)
    child = child_of(small)
    run.send_signal(number)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    assert output.splitlines()[-1].startswith(f"Stopped by {number.name}: 1 finished and kept")
    assert "Traceback" not in output
    assert not is_running(child)
    assert small.doit("make").stdout.startswith("Nothing to do: 1 task is up to date")


def test_after_sigkill_the_next_run_goes_on(small: Checkout) -> None:
    run = small.start("wait")
    child = child_of(small)
    run.kill()
    run.communicate(timeout=60)
    os.kill(child, signal.SIGKILL)
    assert small.doit("make").stdout.startswith("Nothing to do: 1 task is up to date")


# A stand-in for python3: it answers the launcher's questions and records its calls.
FAKE_PYTHON = """#!/bin/sh
echo "$*" >> "{log}"
case "$*" in
*ensurepip*) exit {ensurepip} ;;
*version_info\\[:2\\]*) printf 3.11 ;;
*"-m venv"*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;
*"pip"*)
    env | grep ^PIP_ > "{log}.pip"
    for package in doit pip; do
        mkdir -p "${{0%/bin/python}}/lib/python3.11/site-packages/$package"
        : > "${{0%/bin/python}}/lib/python3.11/site-packages/$package/__init__.py"
    done
    exit {pip} ;;
esac
"""


_OF_THE_TESTS = [name for name in os.environ if name.startswith("PIP_")]


class Machine:
    """A checkout without .venv on a machine whose python3 is a stand-in."""

    def __init__(self, checkout: Checkout, folder: Path) -> None:
        self._checkout, self._folder = checkout, folder
        (checkout.root / ".venv").unlink()
        folder.mkdir()

    def doit(
        self, *, ensurepip: int = 0, pip: int = 0, changes: Mapping[str, str] = MappingProxyType({}), **env: str
    ) -> subprocess.CompletedProcess[str]:
        python = self._folder / "python3"
        python.write_text(FAKE_PYTHON.format(log=self._folder / "log", ensurepip=ensurepip, pip=pip))
        python.chmod(0o755)
        return self._checkout.doit("list", env={"PATH": f"{self._folder}:{os.environ['PATH']}", **changes, **env})

    def seen_by_pip(self) -> dict[str, str]:
        lines = (self._folder / "log.pip").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line.split("=")[0] not in _OF_THE_TESTS)

    def installations(self) -> int:
        log = self._folder / "log"
        return sum("--require-hashes" in line for line in log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture
def machine(checkout: Checkout, tmp_path: Path) -> Machine:
    return Machine(checkout, tmp_path / "stand in")


def test_a_missing_venv_module_is_named_with_its_package(machine: Machine) -> None:
    done = machine.doit(ensurepip=1)
    assert done.returncode == 3
    assert done.stderr == "ERROR: the venv module is missing. Try: sudo apt-get install python3.11-venv\n"


def test_the_venv_is_made_once_and_again_when_the_lock_changes(machine: Machine, checkout: Checkout) -> None:
    assert machine.doit().returncode == 0
    assert machine.doit().returncode == 0
    assert machine.installations() == 1
    with (checkout.root / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert machine.doit().returncode == 0
    assert machine.installations() == 2


def test_of_the_installers_variables_only_those_count_that_say_where_packages_are(machine: Machine) -> None:
    wanted = {"PIP_EXTRA_INDEX_URL": "http://mirror/simple", "PIP_CONFIG_FILE": "/etc/pip.conf", "PIP_PROXY": "p"}
    harm = ("USER", "TARGET", "PREFIX", "ROOT", "DRY_RUN", "PYTHON", "NO_DEPS", "REQUIRE_VIRTUALENV", "CONSTRAINT")
    assert machine.doit(changes={**wanted, **{f"PIP_{name}": "1" for name in harm}}).returncode == 0
    assert machine.seen_by_pip() == wanted
    assert machine.installations() == 1


def test_a_half_made_venv_is_made_again(machine: Machine) -> None:
    assert machine.doit(pip=1).returncode != 0
    assert machine.doit().returncode == 0
    assert machine.installations() == 2


def test_a_venv_of_another_place_is_made_again(machine: Machine, checkout: Checkout) -> None:
    assert machine.doit().returncode == 0
    assert (checkout.root / ".venv" / "made-for").read_text().splitlines()[0] == str(checkout.root)
    (checkout.root / ".venv" / "made-for").write_text(f"/elsewhere\n{checkout.root}/.venv/bin/python\n")
    assert machine.doit().returncode == 0
    assert machine.doit().returncode == 0
    assert machine.installations() == 2


def test_a_venv_of_another_python_is_made_again(machine: Machine, checkout: Checkout) -> None:
    assert machine.doit().returncode == 0
    (checkout.root / ".venv" / "made-for").write_text(f"{checkout.root}\n/usr/bin/python3.9\n")
    assert machine.doit().returncode == 0
    assert machine.installations() == 2


def test_a_venv_without_one_of_its_packages_is_made_again(machine: Machine, checkout: Checkout) -> None:
    assert machine.doit().returncode == 0
    packages = checkout.root / ".venv" / "lib" / "python3.11" / "site-packages"
    shutil.rmtree(packages / "pip")
    assert machine.doit().returncode == 0
    assert machine.installations() == 1
    (packages / "doit" / "__init__.py").unlink()
    assert machine.doit().returncode == 0
    assert machine.installations() == 2
    shutil.rmtree(packages / "doit")
    assert machine.doit().returncode == 0
    assert machine.installations() == 3
    assert (packages / "doit" / "__init__.py").exists()


def test_packages_that_cannot_be_had_are_told_with_what_to_try(machine: Machine) -> None:
    done = machine.doit(pip=1)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("ERROR: pip could not install requirements.lock")


def test_a_borrowed_venv_stays_as_it_is_when_the_borrowers_lock_changes(
    machine: Machine, checkout: Checkout, tmp_path: Path
) -> None:
    lent = tmp_path / "lent"
    lent.mkdir()
    (lent / "requirements.lock").write_text("the lender's\n")
    (checkout.root / ".venv").symlink_to(lent)
    assert machine.doit().returncode == 0
    assert machine.installations() == 1
    assert [path.name for path in lent.iterdir()] == ["requirements.lock"]
    assert not (checkout.root / ".venv").is_symlink()


def test_an_unknown_task_is_told_with_the_next_command(checkout: Checkout) -> None:
    done = checkout.doit("dataflow:no-such-pattern")
    assert done.returncode == 3
    assert "dataflow:no-such-pattern" in done.stderr
    assert 'Type "./doit list" to see available tasks.' in done.stderr
