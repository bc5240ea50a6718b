"""What dataflows depend on, and in which order: one of them, and all that can run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from doit.loader import load_tasks

import dodo
from tasks.dataflows import graph
from tasks.nics import graph as nics_graph
from tasks.patterns import known
from tasks.runner import words
from tasks.settings import stages, target
from tasks.settings.checks import GPU, NICS

if TYPE_CHECKING:
    import pytest

TASKS = {task.name: task for task in load_tasks(vars(dodo))}


def test_strays_come_back_before_a_dataflow_on_virtual_functions_is_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, sriov = replace(known.patterns()[0], needs=()), replace(known.patterns()[0], name="on-sriov", needs=(NICS,))
    monkeypatch.setattr(known, "patterns", lambda: (plain, sriov))
    first, second, _of_all = graph.task_dataflow()
    without, needing = first["task_dep"], second["task_dep"]
    assert "_target:nics" not in without
    order = [needing.index(name) for name in (f"_doctor:{NICS}", "_target:nics", "scenario:on-sriov")]
    assert order == sorted(order)
    assert stages.STAGES[target.KIND][stages.NICS] == ("_virtual_functions",)
    assert nics_graph.task__virtual_functions()["task_dep"] == ["nics"]


def test_the_group_is_a_task_of_its_own_that_needs_what_the_patterns_need_which_can_run() -> None:
    group = TASKS["dataflow"]
    assert [action.py_callable.__name__ for action in group.actions] == ["verify"]
    # With sub-tasks as prerequisites, the first that fails would end the run.
    assert (group.task_dep, group.calc_dep) == ([], {"_verifiable"})
    members = [task.name for task in TASKS.values() if task.subtask_of == "dataflow"]
    assert members == [f"dataflow:{pattern.name}" for pattern in known.patterns()]


def test_a_pattern_that_cannot_run_adds_no_prerequisite() -> None:
    needed = graph.prerequisites(["calcapp-basic", "p1c2"])
    assert {"create_cluster", "addon:metallb", "send_video_tool", "_in_source:p1c2"} <= set(needed)
    assert not {"_target:nics", "_target:gpu", "_in_source:p1c1"} & set(needed)
    assert {"_target:nics", "_target:gpu", f"_doctor:{NICS}"} <= set(graph.prerequisites(["p2c3"]))
    of_all = graph.prerequisites(known.table().by_name)
    assert set(of_all) <= set(TASKS)
    # Everything is looked at before anything is touched.
    assert max(of_all.index(f"_doctor:{need}") for need in (NICS, GPU)) < of_all.index("create_cluster")
    assert graph.prerequisites([]) == ["_doctor:create_cluster", "create_cluster", "prepare_scenario"]


def test_the_group_is_planned_and_listed_as_one_task() -> None:
    told = {name: words.choose("plan", [name], TASKS.values(), ()).words for name in ("dataflow", "dataflow:*")}
    assert told["dataflow"] == ("dataflow",)
    assert told["dataflow:*"] == tuple(f"dataflow:{pattern.name}" for pattern in known.patterns())
