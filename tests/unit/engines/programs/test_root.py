"""Programs that root must run: directly, or through sudo, with a clear message if sudo is refused."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tasks.engines.programs import root, waiting
from tasks.problems import Problem
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.programs import Programs


@pytest.mark.parametrize(("user", "ran"), [(0, ["rmmod", "nvidia"]), (1000, ["sudo", "-n", "rmmod", "nvidia"])])
def test_sudo_is_used_by_others_than_root(
    programs: Programs, act_as: Callable[[int], None], user: int, ran: list[str]
) -> None:
    programs.put("sudo")
    programs.put("rmmod")
    act_as(user)
    root.run("rmmod", "nvidia")
    assert programs.calls == [ran]


def test_a_refused_sudo_is_said_with_the_way_out(programs: Programs, act_as: Callable[[int], None]) -> None:
    programs.put("sudo", Answer(err="sudo: a password is required\n", code=1))
    act_as(1000)
    with pytest.raises(Problem, match="sudo was refused: rmmod must be run by root") as caught:
        root.run("rmmod", "nvidia", check=False)
    assert "sudo -v" in caught.value.hint


def test_a_failure_says_what_the_program_said(programs: Programs, act_as: Callable[[int], None]) -> None:
    programs.put("rmmod", Answer(err="rmmod: ERROR: Module nvidia is in use\n", code=1))
    act_as(0)
    with pytest.raises(Problem, match="rmmod nvidia: rmmod: ERROR: Module nvidia is in use"):
        root.run("rmmod", "nvidia")
    assert root.run("rmmod", "nvidia", check=False).returncode == 1


def test_a_file_is_put_in_place_with_its_folder_and_nothing_beside_it(
    tmp_path: Path, act_as: Callable[[int], None]
) -> None:
    act_as(0)
    target = tmp_path / "a" / "b" / "ledger.json"
    root.write(target, "1")
    root.write(target, "22")
    assert target.read_text() == "22"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("code", [0, 1])
def test_what_is_granted_is_found_by_running_it_without_a_question(
    programs: Programs, act_as: Callable[[int], None], code: int
) -> None:
    programs.put("sudo", Answer(code=code))
    act_as(0)
    assert root.is_granted("true")
    assert programs.calls == []
    act_as(1000)
    assert root.is_granted("true") is (code == 0)
    assert programs.calls == [["sudo", "-n", "true"]]


def test_nothing_is_granted_or_asked_where_there_is_no_sudo(
    tmp_path: Path, act_as: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    act_as(1000)
    assert not root.is_granted("true")
    assert not root.ask()


@pytest.mark.parametrize("codes", [(0, 0), (1, 0), (0, 1)], ids=["right", "wrong", "remembers nothing"])
def test_an_answered_question_counts_only_if_sudo_then_works(
    programs: Programs, act_as: Callable[[int], None], codes: tuple[int, int]
) -> None:
    asked, then = codes
    programs.put("sudo", answers={"-v": Answer(code=asked), "-n true": Answer(code=then)})
    act_as(1000)
    assert root.ask() is (codes == (0, 0))


def test_the_ticket_is_renewed_until_the_end(programs: Programs) -> None:
    programs.put("sudo")
    end = root.keep_ticket(0.01)
    waiting.Condition("renewals", lambda: programs.calls, lambda calls: len(calls) > 1, describe=str).wait(10)
    end()
    renewals = programs.calls
    assert {tuple(call) for call in renewals} == {("sudo", "-n", "-v")}
    assert not [thread for thread in threading.enumerate() if thread.name == root.KEEPER]


def test_a_refused_renewal_does_not_end_the_keeping(programs: Programs) -> None:
    programs.put("sudo", Answer(err="sudo: a password is required\n", code=1))
    end = root.keep_ticket(0.01)
    waiting.Condition("renewals", lambda: programs.calls, lambda calls: len(calls) > 1, describe=str).wait(10)
    end()
