"""tasks.functions.folders: which folders are functions, and what is said of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.functions import folders
from tasks.functions.graph import refusals
from tasks.problems import Problem
from tasks.runner.meta import REFUSED
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING = {"Dockerfile": "FROM scratch\n"}


@pytest.mark.usefixtures("checkout")
def test_without_the_folder_there_are_none() -> None:
    assert folders.names() == ()
    assert folders.unusable() == ()
    assert not folders.is_own("square")


def test_each_folder_with_a_dockerfile_is_a_function(write: Callable[..., object]) -> None:
    for name in ("b", "a-1", "x_y.z", ".git"):
        write(name, NOTHING)
    (paths.OWN_FUNCTIONS / "notes.txt").write_text("")
    assert folders.names() == ("a-1", "b", "x_y.z")
    assert [name for name in ("", ".git", "notes.txt", "b") if folders.is_own(name)] == ["b"]
    assert folders.unusable() == ()


@pytest.mark.parametrize("name", ["Square", "a b", "-a", "a..b", "a___b", "ä", "a" * 129])
def test_a_name_that_no_registry_takes_is_said_and_harms_no_other(write: Callable[..., object], name: str) -> None:
    write("good", NOTHING)
    write(name, NOTHING)
    assert folders.names() == ("good",)
    (wrong,) = folders.unusable()
    assert wrong.complaint.startswith(f"work/functions/{name}: {name!r} cannot be the name of an image; use ")
    with pytest.raises(Problem, match="cannot be the name of an image"):
        folders.require(name)
    folders.require("good")


def test_a_folder_without_a_dockerfile_has_a_task_that_says_so(write: Callable[..., object]) -> None:
    write("square", {"main.go": ""})
    (task,) = refusals()
    assert task["name"] == "square"
    assert task["meta"] == {REFUSED: ("work/functions/square: has no Dockerfile",)}
    assert task["actions"][0]().message == "work/functions/square: has no Dockerfile"
    assert "square" in folders.declared()


def test_a_name_that_nothing_has_is_said_with_one_that_is_near(write: Callable[..., object]) -> None:
    write("square", NOTHING)
    unknown = "neither a folder of work/functions nor an image of the controller's source"
    assert folders.complaint("sqare") == f"image sqare: {unknown}; did you mean square?"
    assert folders.complaint("cpufunc_calcap").endswith("did you mean cpufunc_calcapp?")
    assert folders.complaint("zzz") == f"image zzz: {unknown}"
