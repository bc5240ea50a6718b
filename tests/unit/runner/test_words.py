"""Words of a command line that mean nothing, and words that are parameters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from doit.cmdparse import CmdOption, CmdParse, CmdParseError
from doit.exceptions import InvalidCommand
from doit.task import Task

from tasks.problems import Problem
from tasks.runner import words

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTION = {"name": "target", "long": "for", "type": str, "default": ""}
NAMES = (
    "images", "image", "image:kind-ubuntu", "_ready", "dataflow", "dataflow:p1c1", "scenario:p1c1", "delete_cluster",
    "addon:metallb", "create_cluster_without_scenario",
)  # fmt: skip
TASKS = [*(Task(name, None) for name in NAMES), Task("doctor", None, params=[OPTION])]
COMMANDS = ("list", "clean")


@pytest.mark.parametrize(
    ("command", "given", "stands_for"),
    [
        ("run", ["images", "image:kind-ubuntu"], ("images", "image:kind-ubuntu")),
        ("info", ["image:kind_ubuntu"], ("image:kind-ubuntu",)),
        ("run", ["delete-cluster"], ("delete_cluster",)),
        ("run", ["delete-cluster", "delete_cluster"], ("delete_cluster",)),
        ("help", ["dataflow-p1c1"], ("dataflow:p1c1",)),
        ("ignore", ["df-dataflow_p1c1"], ("dataflow:p1c1",)),
        ("list", ["install_metallb"], ("addon:metallb",)),
        ("run", ["create-cluster-without-senario"], ("create_cluster_without_scenario",)),
        ("plan", ["image:kind_*"], ("image:kind-ubuntu",)),
        ("run", ["imag*"], ("images", "image", "image:kind-ubuntu")),
        ("run", ["doctor", "--for", "images", "images"], ("doctor", "--for", "images", "images")),
        ("run", ["doctor", "--for", "a", "doctor"], ("doctor", "--for", "a", "doctor")),
    ],
)
def test_each_spelling_is_the_same_task_once(command: str, given: Sequence[str], stands_for: Sequence[str]) -> None:
    assert words.choose(command, given, TASKS, COMMANDS) == words.Chosen(tuple(stands_for), ())


def test_a_target_that_has_nothing_to_do_is_said_and_left_out() -> None:
    chosen = words.choose("run", ["build_dir", "images"], TASKS, COMMANDS)
    assert chosen.words == ("images",)
    (note,) = chosen.notes
    assert note.startswith("build_dir: nothing to do, ")


@pytest.mark.parametrize(
    ("command", "chosen", "says"),
    [
        ("run", ["doctor", "--for", "images", "imges"], "imges: no such task; did you mean images?"),
        ("run", ["doctor", "--far", "x"], "doctor: option --far not recognized\nTry: ./doit help doctor"),
        ("run", ["imagex*"], "imagex*: no such task; did you mean image?"),
        ("info", ["imag*"], "imag*: no such task; did you mean image?"),
        ("run", ["kind-ubuntu"], "kind-ubuntu: no such task; did you mean image:kind-ubuntu?"),
        ("run", ["kind_ubuntu"], "kind_ubuntu: no such task; did you mean image:kind-ubuntu?"),
        ("run", ["p1c1"], "p1c1: no such task; did you mean dataflow:p1c1 or scenario:p1c1?"),
        ("run", ["delete-clustr"], "delete-clustr: no such task; did you mean delete_cluster?"),
        ("run", ["instal-metallb"], "instal-metallb: no such task; did you mean install-metallb?"),
        ("run", ["lst"], "lst: no such task; did you mean list?"),
        ("info", ["lst"], 'lst: no such task. Type "./doit list" to see available tasks.'),
        ("help", ["lst"], "lst: no such task or command; did you mean list?"),
        ("plan", ["x[-]*"], 'x[-]*: no such task. Type "./doit list" to see available tasks.'),
        ("run", ["ready"], 'ready: no such task. Type "./doit list" to see available tasks.'),
        ("run", ["_redy"], "_redy: no such task; did you mean _ready?"),
    ],
)
def test_a_name_that_is_none_gets_a_suggestion(command: str, chosen: Sequence[str], says: str) -> None:
    with pytest.raises(InvalidCommand) as caught:
        words.choose(command, chosen, TASKS, COMMANDS)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("CLUSTER_NAM", "CLUSTER_NAM: is not a parameter; did you mean CLUSTER_NAME?"),
        ("cluster_name", "cluster_name: is not a parameter; did you mean CLUSTER_NAME?"),
        ("HTTPS_PROXY", "HTTPS_PROXY: is not a parameter; a variable for other programs goes in front"),
        ("DCI_ACC_IMAGE_NAME", "DCI_ACC_IMAGE_NAME: is not a parameter: the node images keep their names, and IMG_TAG"),
        ("DCI_REGISTRY_USER", "DCI_REGISTRY_USER: is taken from the environment only"),
        ("", "a word that begins with = names no parameter"),
    ],
)
def test_a_word_that_is_no_parameter_is_refused_and_none_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.delenv("IMG_TAG", raising=False)
    with pytest.raises(Problem) as caught:
        words.take({"IMG_TAG": "9", name: "secret"})
    assert str(caught.value).startswith(says)
    assert "secret" not in str(caught.value)
    assert "IMG_TAG" not in os.environ


def test_a_parameter_goes_before_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMG_TAG", "1")
    words.take({"IMG_TAG": "9"})
    assert os.environ["IMG_TAG"] == "9"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--nosuch"], "option --nosuch not recognized"),
        (["--for"], "option --for requires argument"),
        (["--count", "x"], "count: invalid literal for int() with base 10: 'x'"),
        (["--shell", "fish"], "shell: Provided 'fish' but available choices are: 'bash'."),
    ],
)
def test_a_wrong_option_is_told_without_the_parsers_objects(argv: list[str], says: str) -> None:
    options = [
        OPTION,
        {"name": "count", "long": "count", "type": int, "default": 1},
        {"name": "shell", "long": "shell", "type": str, "default": "bash", "choices": (("bash", ""),)},
    ]
    with pytest.raises(CmdParseError) as caught:
        CmdParse([CmdOption(option) for option in options]).parse(argv)
    assert words.without_parser(caught.value) == says
