"""tasks.dataflows.containers: the pods and containers of functions on CPUs and on GPUs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tasks.dataflows import by_hand, containers
from tasks.patterns import known
from tests.unit.dataflows.functions import Functions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

P2C1 = known.named("p2c1")
FUNCTION = "df-cpu-p2c1-wbfunction-dsa"


@pytest.mark.parametrize(
    ("pod", "is_its"),
    [
        (f"{FUNCTION}-cpu-pod", True),
        (f"{FUNCTION}-mps-dgpu-gpu-1b2c-3d-pod", True),
        (f"{FUNCTION}2-cpu-pod", False),
        (f"{FUNCTION}-mps-dgpu-pod", False),
        (f"x{FUNCTION}-cpu-pod", False),
    ],
)
def test_a_pod_is_a_functions_by_its_name(pod: str, is_its: bool) -> None:
    assert containers.is_pod_of(pod, FUNCTION) is is_its


def test_each_function_of_a_pattern_has_its_pod_whatever_it_computes_on() -> None:
    functions = Functions(P2C1)
    assert {key: pod["metadata"]["name"] for key, pod in functions.flow().pods().items()} == {
        "pip": "df-cpu-p2c1-wbfunction-pip-cpu-pod",
        "dsa": "df-cpu-p2c1-wbfunction-dsa-mps-dgpu-gpu-0f3c-pod",
        "rcv": "df-cpu-p2c1-wbfunction-rcv-cpu-pod",
    }


def test_programs_run_in_the_container_of_the_kind() -> None:
    functions = Functions(P2C1)
    flow = functions.flow()
    for pod in flow.pods().values():
        containers.run(flow.cluster, pod, "true")
    assert [container for _, container in functions.asked] == ["cpu-container0", "gpu-container0", "cpu-container0"]


def test_the_commands_for_a_user_name_the_container_of_the_kind() -> None:
    functions = Functions(P2C1)
    flow = functions.flow()
    pods = flow.pods()
    _, end, copy = by_hand.videos(flow, {**pods, "rcv": pods["dsa"]}, "10.96.0.7", "/opt/video/a.mp4")
    assert f"{FUNCTION}-mps-dgpu-gpu-0f3c-pod -c gpu-container0 -- bash" in end
    assert "-c gpu-container0" in copy


def test_a_file_that_is_not_there_has_no_content(tmp_path: Path) -> None:
    def really(_pod: str, argv: Sequence[str]) -> str:
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    functions = Functions(P2C1, really)
    flow = functions.flow()
    (tmp_path / "stand in").write_text("a line\n")
    assert containers.content(flow.cluster, functions.pod("dsa"), str(tmp_path / "stand in")) == "a line"
    assert containers.content(flow.cluster, functions.pod("dsa"), str(tmp_path / "other")) == ""
