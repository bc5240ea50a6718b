"""The words of a command line, as real processes: help, typing mistakes, NAME=value, and the width of the terminal."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Checkout, copy_of_checkout
from tests.graph.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that these tests only read."""
    return copy_of_checkout(tmp_path_factory.mktemp("commands") / "check out äöü 日本")


@pytest.fixture(autouse=True)
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-docker.sock")
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("COLUMNS", raising=False)


def test_help_names_the_commands_as_they_are_typed(shared: Checkout) -> None:
    done = shared.doit("help")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert any(line.startswith("  ./doit clean ") for line in lines)
    assert "-m " not in done.stdout
    assert max(map(len, lines)) <= 80
    assert shared.doit("--help").stdout == done.stdout
    plain = subprocess.run(
        [shared.root / ".venv" / "bin" / "doit", "help"], cwd=shared.root, capture_output=True, text=True, check=True
    )
    assert plain.stdout == done.stdout


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("imges", "imges: no such task; did you mean images?"),
        ("doctor --for images dataflow:calcap-basic", "dataflow:calcap-basic: no such task; did you mean dataflow:"),
        ("lst", "lst: no such task; did you mean list?"),
        ("info imges", "imges: no such task; did you mean images?"),
        ("info imag*", "imag*: no such task; did you mean image?"),
        ("info", "info: name one task, such as ./doit info images"),
        ("help cleen", "cleen: no such task or command; did you mean clean?"),
        ("list imges", "imges: no such task; did you mean images?"),
        ("clean imges", "imges: no such task; did you mean images?"),
        ("dumpdb", "dumpdb reads dbm files only; build/doit.db is SQLite"),
        ("images CLUSTER_NAM=a", "CLUSTER_NAM: is not a parameter; did you mean CLUSTER_NAME?"),
        ("list DOCKER_HOST=a", "DOCKER_HOST: is not a parameter; a variable for other programs goes in front"),
        ("tabcompletion XYZ=1", "XYZ: is not a parameter"),
        ("DCI_REGISTRY_PASSWORD=secret images", "DCI_REGISTRY_PASSWORD: is taken from the environment only"),
    ],
)
def test_a_word_that_means_nothing_is_one_line(shared: Checkout, line: str, says: str) -> None:
    done = shared.doit(*line.split())
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(says)
    assert "secret" not in done.stderr


def test_an_empty_word_is_one_line(shared: Checkout) -> None:
    done = shared.doit("")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "An empty word names no task: is a variable of the command line empty?\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("images --nosuch", "images: option --nosuch not recognized\nTry: ./doit help images\n"),
        ("--nosuch", "ERROR: option --nosuch not recognized\nTry: ./doit run --help\n"),
        ("-n x images", "ERROR: num_process: invalid literal for int() with base 10: 'x'\nTry: ./doit run --help\n"),
    ],
)
def test_a_wrong_option_is_told_without_the_parsers_objects(shared: Checkout, line: str, says: str) -> None:
    done = shared.doit(*line.split())
    assert (done.returncode, done.stdout, done.stderr) == (3, "", says)


@pytest.mark.parametrize("command", ["help info", "list --all", "plan"])
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(shared: Checkout, command: str) -> None:
    done = subprocess.run(
        ["/bin/bash", "-c", f"./doit {command} | true; echo ${{PIPESTATUS[0]}}"],
        cwd=shared.root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.parametrize(("line", "says"), [("clean --help", "./doit clean [TASK ...]"), ("test -h", "--select=ARG")])
def test_help_is_an_option_too_and_runs_nothing(shared: Checkout, line: str, says: str) -> None:
    done = shared.doit(*line.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert says in done.stdout


@pytest.mark.parametrize("line", ["CLUSTER_NAME=word parameters --json", "parameters --json CLUSTER_NAME=word"])
def test_a_parameter_may_be_a_word_and_wins_as_the_environment_does(checkout: Checkout, line: str) -> None:
    (checkout.root / ".env").write_text("CLUSTER_NAME=of-the-file\n")
    done = checkout.doit(*line.split(), env={"CLUSTER_NAME": "of-the-environment"})
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert (rows["CLUSTER_NAME"]["value"], rows["CLUSTER_NAME"]["origin"]) == ("word", "environment")


@pytest.mark.parametrize(
    ("line", "place"),
    [("plan --json kind_config", "cluster-{}/kind.yaml: "), ("info node:kubeconfig", "cluster {}: ")],
    ids=["plan", "info"],
)
def test_every_command_acts_on_the_cluster_that_a_word_names(shared: Checkout, line: str, place: str) -> None:
    done = shared.doit("CLUSTER_NAME=word", *line.split())
    assert place.format("word") in done.stdout
    assert place.format("kind") not in done.stdout


@pytest.mark.parametrize("line", ["images CLUSTER_NAME=No!", "clean CLUSTER_NAME=No!", "plan CLUSTER_NAME=No!"])
def test_a_words_value_is_checked_before_anything_is_touched(checkout: Checkout, line: str) -> None:
    kept = checkout.root / "build" / "registry"
    kept.mkdir(parents=True)
    done = checkout.doit(*line.split())
    assert done.returncode in {1, 3}
    assert done.stderr.splitlines()[0].startswith("environment: CLUSTER_NAME: 'No!' is not a name of ")
    assert kept.is_dir()


def page(checkout: Checkout, *words: str, **env: str) -> list[str]:
    """Return the lines of bare `./doit`, and check that they fit a small terminal."""
    done = checkout.doit(*words, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    return lines


def test_bare_doit_says_where_one_stands_and_what_comes_next(shared: Checkout) -> None:
    lines = page(shared)
    assert "profile     lab (environment)" in lines
    assert any(line.startswith("engine      Docker: no engine answers at") for line in lines)
    assert {line.split()[0] for line in lines if line} >= {"parameters", "images", "cluster", "dataflows"}
    # A variable in front of this command also belongs in front of the next one.
    assert [line.split("  ")[1] for line in lines if "./doit " in line and line.startswith("  ")] == [
        "PROFILE=lab ./doit doctor",
        "PROFILE=lab ./doit plan dataflow:calcapp-basic",
        "PROFILE=lab ./doit dataflow:calcapp-basic",
    ]


def test_bare_doit_of_a_fresh_clone_names_the_lab(shared: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROFILE")
    lines = page(shared)
    assert "profile     physical (the default)" in lines
    assert any(line.startswith("  PROFILE=lab ./doit dataflow:calcapp-basic ") for line in lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("K8S_VERSION=latest\n", "parameters  .env:1: K8S_VERSION: 'latest' is not a version such as v1.2.3"),
        ("PROFILE=labb\n", "parameters  .env:1: PROFILE: 'labb' is not a profile"),
        ("".join(f"SRIOV_X{number}={'x' * 90}\n" for number in range(40)), "parameters  .env:1: SRIOV_X0: is not a"),
    ],
    ids=["value", "profile", "many"],
)
def test_bare_doit_says_which_parameter_is_wrong(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    monkeypatch.delenv("PROFILE")
    (checkout.root / ".env").write_text(text)
    lines = page(checkout)
    assert any(line.startswith(says) for line in lines)
    assert any(line.startswith("  ./doit parameters ") for line in lines)


@pytest.mark.parametrize("columns", [80, 132])
def test_the_parameters_fit_the_terminal(shared: Checkout, columns: int) -> None:
    lines = Terminal([shared.root / "doit", "parameters"], shared.root, columns=columns).to_the_end().splitlines()
    assert max(map(len, lines)) <= columns
    assert any(line.split()[:1] == ["SERVICE_SUBNET"] for line in lines)
    assert lines[-1] == "Cut to the terminal; whole: ./doit parameters | less -S, or --json"


def test_the_parameters_are_whole_in_a_pipe(shared: Checkout) -> None:
    done = shared.doit("parameters")
    rows = json.loads(shared.doit("parameters", "--json").stdout)
    assert all(f"  {row['value']}" in done.stdout and row["meaning"] in done.stdout for row in rows)


def columns(text: str) -> int:
    """Return the columns of the longest line; an East Asian character takes two."""
    return max(len(line) + line.count("日") + line.count("本") for line in text.splitlines())


def test_no_line_of_a_plan_is_longer_than_the_terminal_and_nothing_is_lost(shared: Checkout) -> None:
    done = shared.doit("plan", "PROFILE=physical")
    assert (done.returncode, done.stderr) == (2, "")
    assert columns(done.stdout) <= 80
    assert not set("{[") & set(done.stdout)
    assert not [line for line in done.stdout.splitlines() if " _" in line]
    everything = shared.doit("plan", "--all", "PROFILE=physical", env={"COLUMNS": "50"}).stdout
    assert columns(everything) <= 50
    assert "{" not in everything
    planned = json.loads(shared.doit("plan", "--json", "PROFILE=physical").stdout)["tasks"]
    moving = [task for task in planned if task["state"] != "up to date"]
    assert {"_ready", "_runnable"} <= {task["name"] for task in moving}
    shown = "".join(everything.split())
    for task in moving:
        assert task["name"] in shown
        assert all("".join(reason.split()) in shown for reason in task["reasons"][:4])


def test_info_tells_the_obstacle_and_prints_no_object(shared: Checkout) -> None:
    done = shared.doit("info", "image:kind-ubuntu")
    assert done.returncode == 1
    assert "no engine answers at" in " ".join(done.stdout.split())
    assert "object at 0x" not in done.stdout
    assert not [line for line in done.stdout.splitlines() if len(line) > 80]


def test_bash_completes_tasks_with_their_colons(shared: Checkout) -> None:
    bash = Terminal(["bash", "--norc", "--noprofile", "-i"], shared.root)
    bash.type("PS1='ready> '; bind 'set enable-bracketed-paste off'; source <(./doit tabcompletion)\n")
    bash.wait_for("\nready> ")
    bash.type("PROFILE=lab ./doit list --quiet dataflow:calcapp-basic-m\t\n")
    assert "\ndataflow:calcapp-basic-multi-worker" in bash.wait_for("\nready> ")
    bash.type("PATH=.venv/bin:$PATH\ndoit tabc\t--shell zs\x7f\x7fzsh | head -n 1\n")
    assert bash.wait_for("#compdef doit\n")
    bash.type("exit\n")
    bash.to_the_end()
