"""tasks.engines.programs.waiting: one deadline, the last state seen and the evidence in the error."""

from __future__ import annotations

import time
from collections import deque

import pytest

from tasks.engines.programs import waiting
from tasks.problems import Problem


def test_returns_the_observation_that_met_the_condition() -> None:
    states = deque(["Waiting", "Waiting", "Deployed"])
    assert waiting.until("df: Deployed", states.popleft, lambda seen: seen == "Deployed", deadline=5) == "Deployed"


def test_observes_once_even_without_time() -> None:
    assert waiting.until("x", lambda: 1, lambda seen: seen == 1, deadline=0) == 1


def test_names_condition_state_evidence_and_next_command_when_time_runs_out() -> None:
    with pytest.raises(Problem) as caught:
        waiting.Condition(
            "pod p: Ready",
            lambda: "Pending",
            lambda _seen: False,
            describe=lambda seen: seen,
        ).wait(0.15, explain=lambda: "0/3 nodes are available", hint="kubectl describe pod p")
    assert "pod p: Ready" in caught.value.message
    assert "last seen: Pending" in caught.value.message
    assert caught.value.details == "0/3 nodes are available"
    assert caught.value.hint == "kubectl describe pod p"


def test_says_what_is_so_instead_if_it_has_words_for_that() -> None:
    with pytest.raises(Problem, match=r"^f: logged nothing within 0 s$"):
        waiting.Condition("f: a line", lambda: "", bool, otherwise="f: logged nothing").wait(0)


def test_a_final_failure_ends_the_wait_at_once() -> None:
    def met(_seen: str) -> bool:
        message = "chain: Error"
        raise Problem(message)

    with pytest.raises(Problem, match="chain: Error"):
        waiting.until("x", lambda: "Error", met, deadline=60)


def test_time_stands_still_while_something_outside_is_under_way() -> None:
    states = deque(["pulling"] * 4 + ["Ready"])
    condition = waiting.Condition(
        "pod p: Ready",
        states.popleft,
        lambda seen: seen == "Ready",
        stands_still=lambda seen: seen == "pulling",
        standstill=60.0,
    )
    # The pauses between the observations alone are longer.
    assert condition.wait(0.2) == "Ready"


def test_time_stands_still_for_a_limited_time_only() -> None:
    condition = waiting.Condition(
        "pod p: Ready", lambda: "pulling", lambda _seen: False, stands_still=lambda _seen: True, standstill=0.3
    )
    start = time.monotonic()
    with pytest.raises(Problem, match="pod p: Ready"):
        condition.wait(0.2)
    assert time.monotonic() - start > 0.4
