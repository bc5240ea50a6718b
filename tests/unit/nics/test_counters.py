"""tasks.nics.counters: what the PFs in the nodes have passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.nics import counters
from tasks.nics.counters import Traffic
from tasks.problems import Problem
from tests.unit.nics.world import OTHER, WISH
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from tests.unit.engine import Engine
    from tests.unit.programs import Programs


def test_bytes_are_read_in_each_node(engine: Engine, programs: Programs) -> None:
    programs.put("docker", answers={"kind-worker cat": "700\n40\n", "kind-worker2 cat": "1\n2\n"})
    assert counters.of_cards((WISH, OTHER)) == {"kind-worker": Traffic(700, 40), "kind-worker2": Traffic(1, 2)}
    read = [call for call in programs.calls if "cat" in call]
    assert read[0][-2:] == [f"/sys/class/net/ens9f0np0/statistics/{name}_bytes" for name in ("rx", "tx")]


def test_a_node_without_the_card_is_named(engine: Engine, programs: Programs) -> None:
    programs.put("docker", Answer(err="cat: No such file or directory", code=1))
    with pytest.raises(Problem, match="kind-worker: has no ens9f0np0 whose counters could be read"):
        counters.of_cards((WISH,))
