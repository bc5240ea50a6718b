"""Whether the recorded card is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.nics import presence
from tasks.problems import Problem
from tests.unit.nics.world import record

if TYPE_CHECKING:
    from pathlib import Path


def test_other_card_in_the_slot_is_noticed(sysfs: Path) -> None:
    with pytest.raises(Problem, match=r"the ledger knows ens9f0np0 \(8086:1572\) there, but there is a card 15b3:1019"):
        presence.refuse_other_card(record("ens9f0np0", identity="8086:1572"))
