"""A user's own pattern, as real processes: made by new_pattern, and then known to every command like the project's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import own_pattern
from tests.conftest import Checkout, copy_of_checkout
from tests.graph.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

OURS, MINE = "dataflow:calcapp-basic", f"dataflow:{own_pattern.NAME}"


@pytest.fixture(autouse=True)
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-docker.sock")
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with a new pattern."""
    made = copy_of_checkout(tmp_path_factory.mktemp("own") / "checkout")
    done = made.doit(*own_pattern.NEW)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"It runs as it is: ./doit {MINE} or ./doit {MINE}-multi-worker" in done.stdout
    return made


def test_list_names_its_tasks_as_those_of_any_other(shared: Checkout) -> None:
    done = shared.doit("list", "--all")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    for task in ("dataflow", "scenario", "delete_dataflow"):
        ours, own = (
            {name.removeprefix(f"{task}:{pattern}") for name in names if name.startswith(f"{task}:{pattern}")}
            for pattern in ("calcapp-basic", own_pattern.NAME)
        )
        assert own == ours == {"", "-multi-worker"}


@pytest.mark.parametrize("command", ["info", "help", "plan"])
def test_commands_tell_of_it_what_they_tell_of_the_pattern_that_it_was_made_from(
    shared: Checkout, command: str
) -> None:
    ours, mine = (shared.doit(command, task, env={"COLUMNS": "500"}) for task in (OURS, MINE))
    assert mine.returncode == ours.returncode
    changed = ours.stdout.replace(OURS, MINE).replace(":calcapp-basic", ":mine").replace("df-calcapp", "df-mine")
    assert MINE in mine.stdout
    assert mine.stdout.split() == changed.split()


def test_bash_completes_its_name(shared: Checkout) -> None:
    bash = Terminal(["bash", "--norc", "--noprofile", "-i"], shared.root)
    bash.type("PS1='ready> '; bind 'set enable-bracketed-paste off'; source <(./doit tabcompletion)\n")
    bash.wait_for("\nready> ")
    bash.type(f"PROFILE=lab ./doit list --quiet {MINE}-m\t\n")
    assert f"\n{MINE}-multi-worker" in bash.wait_for("\nready> ")
    bash.type("exit\n")
    bash.to_the_end()


def test_a_misspelled_one_is_found(shared: Checkout) -> None:
    done = shared.doit("plan", "dataflow:mien")
    assert "dataflow:mien: no such task; did you mean dataflow:mine?" in done.stderr
    done = shared.doit("new-pattern", "--from", "mien", "--name", "other")
    assert done.returncode == 1
    assert "--from mien: no such pattern; did you mean mine?" in done.stdout + done.stderr
    assert sorted(folder.name for folder in (shared.root / "work" / "patterns").iterdir()) == ["mine"]


def test_readmes_example_is_planned(checkout: Checkout) -> None:
    assert checkout.doit(*own_pattern.NEW).returncode == 0
    own_pattern.edit(checkout.root / "work" / "patterns")
    done = checkout.doit("plan", "--json", MINE)
    tasks = {task["name"] for task in json.loads(done.stdout)["tasks"]}
    assert {MINE, f"scenario:{own_pattern.NAME}"} <= tasks
    row = next(line for line in checkout.doit("list", "--all").stdout.splitlines() if line.split()[0] == MINE)
    assert row.endswith("df-mine (clusterip): send > plus > rcv.")
