"""tasks.functions.content: the files that an image is made of, and what COPY takes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.functions import content
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCE = {
    "Dockerfile": "FROM scratch\n",
    "main.go": "package main",
    "lib/a.go": "package lib",
    "lib/deep/b.go": "package deep",
    "go.mod": "module m",
}


def names(name: str, folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in content.files(name)}


def test_what_tools_leave_is_no_part_of_a_function(write: Callable[..., Path]) -> None:
    left = (
        ".git/HEAD",
        "main.go~",
        ".main.go.swp",
        ".#main.go",
        "#main.go#",
        ".DS_Store",
        "lib/__pycache__/a.pyc",
        ".vscode/settings.json",
    )
    folder = write("square", {**SOURCE, **dict.fromkeys(left, "")})
    assert names("square", folder) == {*SOURCE}


def test_dockerignore_is_respected_as_docker_does_it(write: Callable[..., Path]) -> None:
    ignored = "# comment\n**/*.go\n!lib/deep\ngo.*\nDockerfile\n"
    folder = write("square", {**SOURCE, ".dockerignore": ignored})
    assert names("square", folder) == {"Dockerfile", "lib/deep/b.go"}


def test_a_copy_has_modes_that_everybody_can_read(write: Callable[..., Path], tmp_path: Path) -> None:
    folder = write("square", SOURCE)
    (folder / "main.go").chmod(0o700)
    (folder / "go.mod").chmod(0o600)
    (folder / "link").symlink_to("lib/a.go")
    context = tmp_path / "context"
    content.put("square", context)
    modes = {file.name: file.stat().st_mode & 0o777 for file in context.rglob("*") if file.is_file()}
    assert (modes["main.go"], modes["go.mod"]) == (0o755, 0o644)
    assert (context / "link").read_text() == "package lib"


COPIES: dict[tuple[str, ...], set[str]] = {
    (".", "/src/"): {f"src/{name}" for name in SOURCE},
    ("./", "/src"): {f"src/{name}" for name in SOURCE},
    ("go.mod", "go.su[m]", "/src/"): {"src/go.mod"},
    ("main.go", "/src/other.go"): {"src/other.go"},
    ("lib/", "/src/lib"): {"src/lib/a.go", "src/lib/deep/b.go"},
    ("*.go", "lib/deep", "/src/"): {"src/main.go", "src/b.go"},
}


@pytest.mark.parametrize("words", COPIES, ids=" ".join)
def test_copy_takes_what_docker_takes(write: Callable[..., Path], tmp_path: Path, words: tuple[str, ...]) -> None:
    write("square", SOURCE)
    root = tmp_path / "root"
    content.copy("square", words[:-1], words[-1], root)
    assert {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()} == COPIES[words]


def test_what_is_not_there_is_said(write: Callable[..., Path], tmp_path: Path) -> None:
    write("square", {**SOURCE, ".dockerignore": "main.go\n"})
    with pytest.raises(Problem, match=r"^work/functions/square/Dockerfile: COPY main\.go: main\.go is not there$"):
        content.copy("square", ["main.go"], "/src/", tmp_path / "root")
