"""The power fails while cards are lent; a second stage looks at what is left."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from tasks.engines import nic_root
from tasks.nics import ledger as nics_ledger
from tasks.nics.lending import lend_to
from tasks.nics.machine import Machine
from tasks.nics.restoring import give_back
from tests.sriov.vm.world import (
    BEFORE,
    CLUSTER,
    LEFT,
    assert_same,
    container,
    dress,
    functions,
    lend,
    links,
    snapshot,
    undress,
    wish,
)


def lend_until_the_ledger_is_written() -> None:
    """Stop when the ledger is on the disk and nothing is touched yet: the host cuts the power there."""
    _lend_until(changes=0)
    assert snapshot(LEFT) == BEFORE.read_text(encoding="utf-8")


def lend_until_the_functions_are_made() -> None:
    """Stop between the first change and the moves: the host cuts the power there."""
    _lend_until(changes=1)
    assert LEFT in links(), "nothing is moved yet"
    assert len(functions(LEFT)) == 4


def _lend_until(changes: int) -> None:
    """Lend, and stop before the change that follows the given number of changes."""
    dress()
    BEFORE.write_text(snapshot(LEFT), encoding="utf-8")
    os.sync()
    original = nic_root.FUNCTIONS["change"]
    made: list[dict[str, Any]] = []

    def change(**arguments: Any) -> None:
        if len(made) == changes:
            raise KeyboardInterrupt
        made.append(arguments)
        original(**arguments)

    nic_root.FUNCTIONS["change"] = change
    with container() as node, suppress(KeyboardInterrupt):
        lend_to(wish(), (), Machine({"kind-worker": node}))
    assert nics_ledger.load(CLUSTER) is not None


def lend_and_keep() -> None:
    """Lend, and leave it at that: the host cuts the power there."""
    dress()
    BEFORE.write_text(snapshot(LEFT), encoding="utf-8")
    os.sync()
    with container() as node:
        lend(node)


def restore_after_the_power_cut() -> None:
    ledger = nics_ledger.load(CLUSTER)
    assert ledger is not None, "the ledger did not survive"
    assert ledger.boot != nics_ledger.fresh(CLUSTER).boot, "it is the same boot"
    give_back(CLUSTER)
    assert_same(BEFORE.read_text(encoding="utf-8"), LEFT)
    undress()


def lend_again_after_the_power_cut() -> None:
    with container() as node:
        lend(node)
        give_back(CLUSTER)
    assert_same(BEFORE.read_text(encoding="utf-8"), LEFT)
    undress()
