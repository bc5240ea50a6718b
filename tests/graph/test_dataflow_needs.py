"""What a dataflow on virtual functions depends on, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tasks.dataflows import graph
from tasks.nics import graph as nics_graph
from tasks.settings.checks import NICS
from tasks.settings.patterns import PATTERNS

if TYPE_CHECKING:
    import pytest


def test_strays_come_back_before_a_dataflow_on_virtual_functions_is_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, sriov = replace(PATTERNS[0], needs=()), replace(PATTERNS[0], name="on-sriov", needs=(NICS,))
    monkeypatch.setattr(graph, "PATTERNS", (plain, sriov))
    first, second, _of_all = graph.task_dataflow()
    without, needing = first["task_dep"], second["task_dep"]
    assert "_virtual_functions" not in without
    order = [needing.index(name) for name in (f"_doctor:{NICS}", "_virtual_functions", "scenario:on-sriov")]
    assert order == sorted(order)
    assert nics_graph.task__virtual_functions()["task_dep"] == ["nics"]
