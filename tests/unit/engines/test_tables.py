"""Programs' tables with what does not belong to them: a warning, or a path with a blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.go import modules
from tasks.engines.host import apt, processes
from tasks.engines.programs import root, shell
from tasks.engines.programs.shell import Completed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(shell, "run", lambda *_, **__: Completed(0, text, ""))


def test_a_word_of_apts_own_is_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "deb http://mirror bookworm main\ndeb http://mirror bookworm-updates main\ndeb http://mirror sid main\n"
    monkeypatch.setattr(apt, "suite", lambda: "bookworm")
    answer(monkeypatch, f"N: stale lists\nW:\n\n{rows}")
    assert apt._ask_for_sources() == ("deb http://mirror bookworm main", "deb http://mirror bookworm-updates main")


def test_folders_of_go_may_have_blanks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(modules, "_run_go", lambda *_: "/opt/my go\n/home/a b/cache\n")
    found = modules.fetch_modules(tmp_path)
    assert [str(folder) for folder in (found.root, found.modules)] == ["/opt/my go", "/home/a b/cache"]


def test_what_find_or_sudo_says_beside_is_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "Last login: today\n/proc/1/fd/3\n/proc/self/fd/3\n"
    monkeypatch.setattr(root, "run", lambda *_, **__: Completed(0, told, ""))
    assert [process.pid for process in processes.users_of("/dev/nvidia*")] == [1]
