"""tasks.scenarios.needs: what a pattern lacks is said before anything is touched."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks import progress, reasons
from tasks.archive import facts
from tasks.doctor import examination
from tasks.problems import Problem
from tasks.scenarios import needs
from tasks.settings import parameters, paths
from tasks.settings.checks import GPU, LOADBALANCER, NICS, VIDEO
from tasks.settings.parameters import layers
from tasks.settings.patterns import BY_NAME, PATTERNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LACKING = {GPU: "NVIDIA GPU: none", NICS: "physical functions: ens9f0np0 not there", LOADBALANCER: "", VIDEO: ""}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without a GPU and without cards, with a load balancer; the sample controller."""

    def examine(purposes: tuple[str, ...]) -> list[examination.Result]:
        title, _, found = LACKING[purposes[0]].partition(": ")
        state = "FAILED" if found else "ok"
        return [examination.Result(purposes[0], title, state, found, "it", "", purposes)]

    monkeypatch.setattr(facts, "SOURCE", paths.SRC / "sample-controller")
    monkeypatch.setattr(examination, "is_settled", lambda _need: False)
    monkeypatch.setattr(examination, "examine", examine)
    needs._missing.cache_clear()
    yield
    needs._missing.cache_clear()


def test_a_pattern_is_named_with_everything_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(progress, "line", said.append)
    chosen = needs.announce()
    lines = {line.partition(":")[0]: line for line in said}
    assert set(lines) == {pattern.name for pattern in PATTERNS} - set(needs.runnable())
    assert "NVIDIA GPU: none" in lines["p2c3"]
    assert "physical functions: ens9f0np0 not there" in lines["p2c3"]
    assert "image gpufunc_dsa cannot be built" in lines["p2c3"]
    assert "function_image:cpufunc_calcapp" in chosen["task_dep"]
    assert "function_image:gpufunc_dsa" not in chosen["task_dep"]


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets how many virtual functions each worker is to have."""

    def set_count(count: int) -> None:
        values = {"PROFILE": "physical", "SRIOV_NUM_VFS": str(count)}
        chosen = parameters.validated(layers.read(paths.ROOT, values))
        monkeypatch.setattr(parameters, "current", lambda: chosen)

    return set_count


@pytest.mark.parametrize(
    ("name", "each"),
    [
        ("calcapp-sriov", 4),
        ("calcapp-sriov-multi-worker", 4),
        ("p2c3", 2),
        ("p2c3-multi-worker", 2),
        ("p3c1", 1),
        ("p3c1-multi-worker", 1),
        ("calcapp-basic", 0),
    ],
)
def test_a_pattern_runs_on_as_many_virtual_functions_as_it_takes_of_a_worker(
    functions: Callable[[int], None], name: str, each: int
) -> None:
    functions(max(each, 1))
    needs.require_functions(name)
    assert needs.has_functions(name)
    if each > 1:
        functions(each - 1)
        assert not needs.has_functions(name)


def test_too_few_virtual_functions_are_told_with_both_numbers(functions: Callable[[int], None]) -> None:
    functions(3)
    phrase = "takes 7 virtual functions, 4 of one worker, but SRIOV_NUM_VFS is 3"
    with pytest.raises(Problem) as raised:
        needs.require_functions("calcapp-sriov")
    assert (raised.value.message, raised.value.hint) == (f"calcapp-sriov: {phrase}", "SRIOV_NUM_VFS=4, or more")
    with reasons.heard() as heard:
        needs.has_functions("calcapp-sriov")
    assert heard.obstacles == [phrase]
    assert phrase in needs.lacks(BY_NAME["calcapp-sriov"])


def test_what_lacks_nothing_is_registered() -> None:
    assert {"calcapp-basic", "calcapp-basic-multi-worker"} <= set(needs.runnable())
    assert not needs.lacks(BY_NAME["calcapp-basic"])


def test_an_image_that_the_source_does_not_hold_is_named_before_the_deployment() -> None:
    with pytest.raises(Problem, match="p2c1: image gpufunc_dsa cannot be built"):
        needs.require_in_source("p2c1")


def test_a_file_that_the_source_does_not_hold_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(paths.SRC / "sample-controller", tmp_path / "source")
    monkeypatch.setattr(facts, "SOURCE", tmp_path / "source")
    for file in (tmp_path / "source").rglob("basic/functiontype.yaml"):
        file.unlink()
    assert not needs.is_in_source("calcapp-basic")
    with pytest.raises(Problem, match=r"calc-func/basic/functiontype\.yaml is not in the controller's source"):
        needs.require_in_source("calcapp-basic")
