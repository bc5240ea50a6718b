"""The virtual machine of this tier: one for all tests, started again after one that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sriov.image import ensure_qemu
from tests.sriov.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def _one_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    ensure_qemu()
    machine = Machine(tmp_path_factory.mktemp("sriov"))
    yield machine
    machine.cut_power()


@pytest.fixture
def machine(_one_machine: Machine) -> Machine:
    """Return the machine, running, with nothing lent and no virtual functions."""
    if not _one_machine.runs:
        _one_machine.boot(afresh=True)
    return _one_machine
