"""What doctor makes of the findings: which checks, which state, what a user reads."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from tasks.doctor import examination, looks
from tasks.doctor.finding import Finding
from tasks.engines.docker import containers, images
from tasks.engines.kube import cluster_owner
from tasks.problems import Problem
from tasks.settings import gpu, nics
from tasks.settings.checks import CHECKS, FAILED, FIRST_STEPS, GPU, NICS, OK, PURPOSES, TASK_PURPOSES, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.doctor.finding import Look
    from tasks.engines.host.facts import Host
    from tasks.settings.parameters.model import Parameters
    from tests.unit.conftest import Lines


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> dict[str, Finding | Exception]:
    """Findings by check; every other check passes."""
    findings: dict[str, Finding | Exception] = {}

    def look(name: str) -> Look:
        def answer(_host: Host, _parameters: Parameters) -> Finding:
            finding = findings.get(name, Finding(OK, "fine", "fine"))
            if isinstance(finding, Exception):
                raise finding
            return finding

        return answer

    monkeypatch.setattr(looks, "LOOKS", {check.name: look(check.name) for check in CHECKS})
    choose(IGNORE_CHECKS="")
    return findings


FAILED_SWAP = Finding(FAILED, "/swap.img", "off")


def test_a_passing_machine_is_no_problem(machine: dict[str, Finding], said: Lines) -> None:
    examination.report()
    assert "FAILED" not in said.kept[0]
    examination.require("dataflow:calcapp-basic")


def test_a_failure_is_shown_with_its_cure_and_fails(machine: dict[str, Finding], said: Lines) -> None:
    machine["swap"] = FAILED_SWAP
    with pytest.raises(Problem, match=r"1 of \d+ checks failed: swap") as caught:
        examination.report()
    assert "IGNORE_CHECKS=swap" in caught.value.hint
    shown = said.kept[0].splitlines()
    row = next(number for number, line in enumerate(shown) if "swap" in line)
    assert shown[row].startswith("FAILED")
    assert "/swap.img; needed: off" in shown[row]
    assert shown[row + 1].strip() == "cure: sudo swapoff -a, and remove it from /etc/fstab"


NOTHING_OF_THE_SERVER = {
    "ofed": Finding(UNKNOWN, "no card", "a driver"),
    "gpu": Finding(FAILED, "none", "an NVIDIA GPU"),
    "archive": Finding(FAILED, "not there", "an archive"),
    "registry-ca": Finding(FAILED, "no route to host", "a CA"),
}


def test_a_machine_with_nothing_of_the_manuals_server_is_told_of_the_lab(
    machine: dict[str, Finding], said: Lines
) -> None:
    machine.update(NOTHING_OF_THE_SERVER)
    with pytest.raises(Problem) as caught:
        examination.report()
    assert "PROFILE=lab needs none of them" in caught.value.details
    machine["swap"] = FAILED_SWAP
    with pytest.raises(Problem, match="PROFILE=lab needs none of them"):
        examination.require("create_cluster")


@pytest.mark.parametrize("there", NOTHING_OF_THE_SERVER)
def test_a_machine_with_a_part_of_the_manuals_server_is_not_sent_to_the_lab(
    machine: dict[str, Finding], there: str
) -> None:
    machine.update({name: finding for name, finding in NOTHING_OF_THE_SERVER.items() if name != there})
    machine["swap"] = FAILED_SWAP
    with pytest.raises(Problem) as caught:
        examination.require("create_cluster")
    assert "PROFILE=lab" not in str(caught.value)


def test_an_ignored_check_is_shown_and_is_no_obstacle(
    machine: dict[str, Finding], said: Lines, choose: Callable[..., None]
) -> None:
    machine["swap"] = FAILED_SWAP
    choose(IGNORE_CHECKS="swap, cores")
    examination.report(as_json=True)
    rows = {row["name"]: row["state"] for row in json.loads(said.kept[0])}
    assert rows["swap"] == "ignored"
    assert rows["cores"] == "ok"


def test_an_unknown_check_cannot_be_ignored(choose: Callable[..., None]) -> None:
    with pytest.raises(Problem, match="'swop' is not a check; did you mean swap"):
        choose(IGNORE_CHECKS="swop")


def test_what_could_not_be_seen_is_unknown_and_no_obstacle(machine: dict[str, Finding], said: Lines) -> None:
    machine["clock"] = Finding(UNKNOWN, "no answer", "an answer")
    examination.report()
    assert "unknown" in said.kept[0]


def test_a_file_that_this_user_may_not_read_is_unknown(machine: dict[str, Finding | Exception], said: Lines) -> None:
    machine["archive"] = PermissionError(13, "Permission denied", "/archive")
    examination.report()
    assert "Permission denied: '/archive'" in said.kept[0]


def test_require_says_one_line_a_failure_before_anything_is_touched(machine: dict[str, Finding]) -> None:
    machine["swap"] = FAILED_SWAP
    machine["disk"] = Finding(FAILED, "1 GB", "100 GB", "buy a disk")
    with pytest.raises(Problem) as caught:
        examination.require("create_cluster")
    assert [line.split(":")[0] for line in caught.value.message.splitlines()] == ["disk", "swap"]
    assert "buy a disk" in caught.value.message
    assert caught.value.hint == "./doit doctor --for create_cluster"


def test_a_bug_in_a_check_keeps_its_traceback(machine: dict[str, Finding | Exception]) -> None:
    machine["swap"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        examination.report()


def test_calcapp_asks_for_no_card_and_no_gpu() -> None:
    purposes = examination.purposes_of("dataflow:calcapp-basic")
    assert not {NICS, GPU} & set(purposes)
    names = {result.name for result in examination.examine(purposes)}
    assert {"cores", "docker", "addresses"} <= names
    assert not {"pf", "vfs", "gpu", "gpu-driver", "nouveau", "videos", "hugepages", "sudo"} & names


@pytest.mark.parametrize("target", [*TASK_PURPOSES, *PURPOSES, "calcapp-basic", "scenario:calcapp-basic-multi-worker"])
def test_every_target_has_known_purposes(target: str) -> None:
    assert set(examination.purposes_of(target)) <= set(PURPOSES)


def test_an_unknown_target_is_one_line() -> None:
    with pytest.raises(Problem, match="'p9c9' is no task, pattern or purpose"):
        examination.purposes_of("p9c9")


def test_every_purpose_is_asked_for_by_a_check() -> None:
    assert {purpose for check in CHECKS for purpose in check.purposes} == set(PURPOSES)


def test_checks_run_side_by_side_and_a_slow_one_is_left_behind(
    machine: dict[str, Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody passes before all but the slow one have come.
    together, never = threading.Barrier(len(CHECKS) - 1), threading.Event()

    def meet(_host: Host, _parameters: Parameters) -> Finding:
        together.wait()
        return Finding(OK, "met the others", "fine")

    def hang(_host: Host, _parameters: Parameters) -> Finding:
        never.wait()
        return Finding(OK, "late", "fine")

    monkeypatch.setattr(looks, "LOOKS", {**{check.name: meet for check in CHECKS}, "clock": hang})
    results = examination.examine(PURPOSES)
    never.set()
    assert {result.name for result in results if result.state == "unknown"} == {"clock"}
    assert {result.found for result in results if result.name != "clock"} == {"met the others"}
    assert [result.name for result in results] == [check.name for check in CHECKS]


@pytest.mark.parametrize("target", FIRST_STEPS)
def test_a_machine_with_nothing_on_it_is_looked_at(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]
) -> None:
    choose()
    monkeypatch.setattr(images, "find", lambda _tag: None)
    monkeypatch.setattr(containers, "find", lambda _name: None)
    monkeypatch.setattr(cluster_owner, "objection", lambda _name: None)
    for settings in (nics, gpu):
        monkeypatch.setattr(settings, "LEDGERS", tmp_path)
    assert not examination.is_settled(target)


def test_what_is_there_already_is_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]
) -> None:
    choose(CLUSTER_NAME="second", IMG_TAG="9")
    found = object()
    monkeypatch.setattr(images, "find", lambda tag: found if tag.endswith(":9") else None)
    monkeypatch.setattr(containers, "find", lambda name: found if name == "second-control-plane" else None)
    monkeypatch.setattr(cluster_owner, "objection", lambda _name: None)
    for settings in (nics, gpu):
        monkeypatch.setattr(settings, "LEDGERS", tmp_path)
    (tmp_path / "second.json").touch()
    assert all(examination.is_settled(target) for target in ("images", "create_cluster", NICS, GPU))
