"""tasks.dataflows.pipelines: a pipeline takes data once it listens and has loaded; how long that is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.dataflows.pipelines import Pipelines
from tasks.patterns import known
from tasks.problems import Problem
from tests.unit.dataflows.functions import Functions, own

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

P2C1 = known.named("p2c1")
SOCKETS = "  sl  local_address rem_address   st\n 12: 00000000:{} 00000000:0000 07\n"
LISTENS = "17\n" + SOCKETS.format("162E")
ELSEWHERE = "17\n" + SOCKETS.format("0035")
SILENT = "\n" + SOCKETS.format("162E")
PAUSED, PLAYING = "Setting pipeline to PAUSED ...\n", "Setting pipeline to PLAYING ...\n"
LOADED = f"{PAUSED}deserialized trt engine\n{PLAYING}New clock: GstSystemClock\n"


@pytest.mark.parametrize(
    ("look", "log", "lack"),
    [
        (LISTENS, LOADED, ""),
        # A pipeline that says nothing, or whose words have left the log.
        (LISTENS, "", ""),
        (SILENT, LOADED, "no pipeline runs"),
        (ELSEWHERE, PAUSED, "does not listen on UDP 5678 yet"),
        (LISTENS, f"{PAUSED}building the engine\n", "is loading"),
        # It was started again.
        (LISTENS, f"{LOADED}{PAUSED}", "is loading"),
    ],
)
def test_what_a_pipeline_lacks_before_it_takes_data(look: str, log: str, lack: str) -> None:
    functions = Functions(P2C1, lambda *_: look, log)
    missing = Pipelines(functions.flow(), functions.pods).missing()
    assert missing == (dict.fromkeys(("pip", "dsa", "rcv"), lack) if lack else {})
    assert ("df-cpu-p2c1-wbfunction-dsa-mps-dgpu-gpu-0f3c-pod", "gpu-container0") in functions.asked


@pytest.mark.parametrize(("sockets", "lack"), [(SILENT, ""), ("\n" + SOCKETS.format("0035"), "no pipeline runs")])
def test_a_program_of_the_user_takes_data_once_it_listens(sockets: str, lack: str) -> None:
    functions = Functions(own("{video: {}}"), lambda pod, _: sockets if "-square-" in pod else LISTENS)
    assert Pipelines(functions.flow(), functions.pods).missing() == ({"square": lack} if lack else {})


def test_an_engine_that_loads_is_waited_for_and_one_that_is_late_is_named() -> None:
    looks = iter([*[ELSEWHERE] * 3, *[LISTENS] * 30])
    functions = Functions(P2C1, lambda *_: next(looks))
    Pipelines(functions.flow(pipeline=20.0), functions.pods).wait()

    functions = Functions(P2C1, lambda pod, _: ELSEWHERE if "dsa" in pod else LISTENS)
    with pytest.raises(Problem, match=r"last seen: dsa: does not listen on UDP 5678 yet") as caught:
        Pipelines(functions.flow(pipeline=0.2), functions.pods).wait()
    assert "dsa: does not listen on UDP 5678 yet" in caught.value.details
    assert "rcv: a pipeline takes data" in caught.value.details
    assert caught.value.hint == "./doit delete_dataflow:p2c1 dataflow:p2c1"


def test_a_pipeline_that_has_failed_is_not_waited_for_as_if_it_loaded() -> None:
    functions = Functions(P2C1, lambda pod, _: SILENT if "dsa" in pod else LISTENS)
    with pytest.raises(Problem, match=r"^df-cpu-p2c1: no pipeline has run in dsa for"):
        Pipelines(functions.flow(pipeline=600.0), functions.pods, 0.2).wait()


def test_a_pipeline_that_is_started_again_meanwhile_has_not_failed() -> None:
    turns = iter([SILENT, ELSEWHERE] * 5)

    def look(pod: str, _argv: Sequence[str]) -> str:
        return next(turns, LISTENS) if "dsa" in pod else LISTENS

    answer: Callable[[str, Sequence[str]], str] = look
    functions = Functions(P2C1, answer)
    Pipelines(functions.flow(pipeline=60.0), functions.pods, 0.5).wait()
