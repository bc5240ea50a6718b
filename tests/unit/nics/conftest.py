"""The recorded card's sysfs tree and a folder for ledgers, in place of the machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import containers
from tasks.engines.host import pci
from tasks.settings import nics as settings
from tests.unit.connectx5 import card

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The card's sysfs tree, in place of the machine's."""
    root = tmp_path / "sys"
    card.make_sysfs(root)
    original = pci.read
    monkeypatch.setattr(pci, "read", lambda bdf: original(bdf, root))
    return root


@pytest.fixture
def ledgers(checkout: Path, act_as: Callable[[int], None]) -> Path:
    """A folder for ledgers; the part that needs root runs in this process."""
    del checkout
    act_as(0)
    return settings.LEDGERS


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another checkout on this machine."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "dodo.py").touch()
    return folder


@pytest.fixture(autouse=True)
def asked_by_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the docker command say what a program in a node says: the engine of unit tests runs none."""
    monkeypatch.setattr(containers, "said_in", containers.exec_in)
