"""Programs that root must run: directly, or through sudo with a clear word where it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.programs import root, shell
from tasks.engines.programs.shell import Completed
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def answering(monkeypatch: pytest.MonkeyPatch, user: int, answer: Completed) -> list[list[str]]:
    """Be a user whose programs give one answer; return what they run."""
    ran: list[list[str]] = []

    def run(argv: Sequence[str | Path], **_options: Any) -> Completed:
        ran.append([str(word) for word in argv])
        return answer

    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr(shell, "run", run)
    return ran


@pytest.mark.parametrize(("user", "prefix"), [(0, []), (1000, ["sudo", "-n"])])
def test_sudo_is_used_by_others_than_root(monkeypatch: pytest.MonkeyPatch, user: int, prefix: list[str]) -> None:
    ran = answering(monkeypatch, user, Completed(0, "", ""))
    root.run("rmmod", "nvidia")
    assert ran == [[*prefix, "rmmod", "nvidia"]]


def test_a_refused_sudo_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, 1000, Completed(1, "", "sudo: a password is required\n"))
    with pytest.raises(Problem, match="sudo was refused: rmmod must be run by root") as caught:
        root.run("rmmod", "nvidia", check=False)
    assert "sudo -v" in caught.value.hint


def test_a_failure_says_what_the_program_said(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, 0, Completed(1, "", "rmmod: ERROR: Module nvidia is in use\n"))
    with pytest.raises(Problem, match="rmmod nvidia: rmmod: ERROR: Module nvidia is in use"):
        root.run("rmmod", "nvidia")
    assert root.run("rmmod", "nvidia", check=False).returncode == 1


def test_a_file_is_put_in_place_with_its_folder_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    target = tmp_path / "a" / "b" / "ledger.json"
    root.write(target, "1")
    root.write(target, "22")
    assert target.read_text() == "22"
    assert list(target.parent.iterdir()) == [target]
