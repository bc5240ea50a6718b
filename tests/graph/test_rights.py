"""What needs root, in real runs of a user with a stand-in for sudo: asked for before anything starts, or not at all."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Checkout, copy_of_checkout
from tests.graph.terminal import Terminal
from tests.graph.test_front_door import child_of, is_running

if TYPE_CHECKING:
    from collections.abc import Iterator

UID = 54321
# Python may be in a place that only root can read: this user may read everything, but write only what others may.
AS_USER = ("setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups",
           "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")  # fmt: skip
GRAPH = """
from tasks import lack as lacks
from tasks.engines.host import namespaces
from tasks.engines.programs import root, shell
from tasks.runner.declare import Current, Do, Root
from tasks.runner.meta import ROOT
from tasks.runner.reporter import Reporter
from tasks.settings import paths

paths.BUILD.mkdir(exist_ok=True)
DOIT_CONFIG = {"backend": "sqlite3", "dep_file": str(paths.TASK_DATABASE), "reporter": Reporter, "verbosity": 2}
FIRST, LENT = paths.BUILD / "first", paths.BUILD / "lent"

def lack():
    return lacks.unless(LENT.exists(), "not lent")

def lend():
    root.run("touch", LENT)

def look():
    namespaces.call("survey", nodes={}, everywhere=False)

def wait():
    shell.run(["sh", "-c", f"echo $$ > '{paths.BUILD}/pid'; exec sleep 60"])

def task_first():
    return {"actions": [Do(FIRST.touch)]}

def task_lend():
    right = Root("the network card of kind-worker", Current(lack))
    return {"actions": [Do(lend)], "uptodate": [Current(lack)], "task_dep": ["first"], "meta": {ROOT: (right,)}}

def task_look():
    right = Root("the network cards", Current(lack), namespaces.is_granted)
    return {"actions": [Do(look)], "meta": {ROOT: (right,)}}

def task_wait():
    return {"actions": [Do(wait)], "task_dep": ["lend"]}
"""
# It asks on its terminal and remembers the answer; what its rules allow is answered as `nic_root` does.
SUDO = """#!/bin/sh
echo "$*" >>"$0.calls"
case "$1" in
-v)
    printf '[sudo] password: '
    read -r answer && [ "$answer" = right ] && : >"$0.ticket"
    exit ;;
-n) shift ;;
esac
case "$*" in
"$ALLOWED") [ -z "$ALLOWED" ] || { cat >/dev/null; echo '{"result": []}'; exit 0; } ;;
esac
[ -e "$0.ticket" ] || { echo "sudo: a password is required" >&2; exit 1; }
[ "$1" = -v ] || exec "$@"
"""
WITHOUT = "root is needed for the network card of kind-worker, and sudo does not grant it\n"


@dataclass(frozen=True)
class User:
    """A user in a checkout, with a sudo."""

    root: Path
    sudo: Path

    def argv(self, *words: str) -> list[str]:
        """Return the command of a run, as root or as who runs the tests."""
        prefix = AS_USER if os.geteuid() == 0 else ()
        return [*prefix, "/usr/bin/env", "--default-signal=HUP,INT,TERM", str(self.root / "doit"), *words]

    def doit(self, *words: str, allowed: str = "") -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "ALLOWED": allowed}
        done = subprocess.run(
            self.argv(*words), env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    def calls(self) -> list[str]:
        file = self.sudo.with_name("sudo.calls")
        return file.read_text().splitlines() if file.exists() else []

    def own(self, place: Path) -> None:
        """Give a folder to the user, if the tests run as root."""
        if os.geteuid() == 0:
            subprocess.run(["/usr/bin/chown", "-hR", f"{UID}:{UID}", place], check=True)

    def has(self, name: str) -> bool:
        return (self.root / "build" / name).exists()


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """A user's checkout, in a folder that, unlike pytest's own, other users may enter."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for part in ("programs", "cache"):
            (folder / part).mkdir()
        sudo = folder / "programs" / "sudo"
        sudo.write_text(SUDO)
        checkout = copy_of_checkout(folder / "check out")
        (checkout.root / "dodo.py").write_text(GRAPH)
        for place in (folder, sudo):
            place.chmod(0o755)
        monkeypatch.setenv("PATH", f"{sudo.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("CACHE_DIR", str(folder / "cache"))
        user = User(checkout.root, sudo)
        user.own(folder)
        yield user


def test_without_a_terminal_the_run_does_not_start(user: User) -> None:
    done = user.doit("lend")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"{WITHOUT}Try: sudo -v, then the same command\n"
    assert not user.has("first")


def test_on_a_terminal_sudo_asks_once_before_anything_starts(user: User) -> None:
    terminal = Terminal(user.argv("lend"), user.root)
    before = terminal.wait_for("[sudo] password: ")
    assert before.startswith("Root is needed for the network card of kind-worker: sudo asks now, ")
    assert not user.has("first")
    terminal.type("right\n")
    assert "Done: 2 ran" in terminal.to_the_end()
    assert user.has("lent")
    assert user.calls().count("-v") == 1
    again = user.doit("lend")
    assert again.returncode == 0
    assert user.calls().count("-v") == 1


def test_a_wrong_password_ends_it_before_anything_starts(user: User) -> None:
    terminal = Terminal(user.argv("lend"), user.root)
    terminal.wait_for("[sudo] password: ")
    terminal.type("wrong\n")
    assert WITHOUT in terminal.to_the_end()
    assert not user.has("first")


def test_where_nothing_is_left_to_do_root_is_not_asked_for(user: User) -> None:
    (user.root / "build").mkdir()
    (user.root / "build" / "lent").touch()
    user.own(user.root / "build")
    assert user.doit("lend").returncode == 0


def test_a_rule_for_the_part_that_lends_cards_is_enough(user: User) -> None:
    assert user.doit("look").returncode == 3
    allowed = f"{user.root}/.venv/bin/python -m tasks.engines.nic_root"
    done = user.doit("look", allowed=allowed)
    assert (done.returncode, done.stderr) == (0, "")
    assert not [call for call in user.calls() if call.endswith(" -v")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_keeps_no_ticket_alive(user: User, number: signal.Signals) -> None:
    user.sudo.with_name("sudo.ticket").touch()
    run = subprocess.Popen(
        user.argv("wait"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        child = child_of(Checkout(user.root))
        run.send_signal(number)
        output, _ = run.communicate(timeout=60)
    finally:
        run.kill()
        run.communicate()
    assert run.returncode == 128 + number, shlex.join(user.argv("wait"))
    assert output.splitlines()[-1].startswith(f"Stopped by {number.name}: ")
    assert not is_running(child)


def test_a_query_asks_for_nothing(user: User) -> None:
    assert user.doit("list").returncode == 0
    assert user.calls() == []
