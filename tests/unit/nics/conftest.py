"""The recorded card's sysfs tree and a folder for ledgers, in place of the machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines import nic_root
from tasks.engines.host import namespaces, pci
from tasks.settings import nics as settings
from tests.unit.connectx5 import card

if TYPE_CHECKING:
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
def ledgers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for ledgers, written without root."""
    monkeypatch.setattr(settings, "LEDGERS", tmp_path / "nics")
    monkeypatch.setattr(namespaces, "call", lambda function, **arguments: nic_root.FUNCTIONS[function](**arguments))
    return tmp_path / "nics"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another checkout on this machine."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "dodo.py").touch()
    return folder
