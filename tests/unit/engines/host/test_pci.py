"""PCI functions, read from the recorded sysfs tree of a dual-port ConnectX-5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import pci
from tests.unit.connectx5.card import make_sysfs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    make_sysfs(tmp_path)
    return tmp_path


def test_physical_function(sysfs: Path) -> None:
    found = pci.read("0000:17:00.1", sysfs)
    assert found is not None
    assert (found.identity, found.driver, found.num_vfs, found.total_vfs) == ("15b3:1019", "mlx5_core", 8, 8)
    assert found.virtual_functions[0] == "0000:17:01.2"
    assert found.virtual_functions[-1] == "0000:17:02.1"
    assert found.physical_function == ""


def test_virtual_functions_are_in_the_order_of_their_numbers(sysfs: Path) -> None:
    folder = pci.folder("0000:17:00.0", sysfs)
    for number in range(8, 12):
        (folder / f"virtfn{number}").symlink_to(f"../0000:17:03.{number - 8}")
    found = pci.read("0000:17:00.0", sysfs)
    assert found is not None
    assert found.virtual_functions[1] == "0000:17:00.3"
    assert found.virtual_functions[10] == "0000:17:03.2"


def test_virtual_function(sysfs: Path) -> None:
    found = pci.read("0000:17:00.2", sysfs)
    assert found is not None
    assert (found.identity, found.num_vfs, found.total_vfs) == ("15b3:101a", None, 0)
    assert found.physical_function == "0000:17:00.0"


def test_card_without_sriov(sysfs: Path) -> None:
    found = pci.read("0000:04:00.0", sysfs)
    assert found is not None
    assert (found.num_vfs, found.total_vfs, found.virtual_functions) == (None, 0, ())


@pytest.mark.parametrize("card", ["0000:17:00.0", "0000:17:00.1"])
def test_addresses_of_virtual_functions_are_known_before_they_are_there(sysfs: Path, card: str) -> None:
    found = pci.read(card, sysfs)
    assert found is not None
    assert pci.expected_functions(card, 8, sysfs) == found.virtual_functions


def test_card_without_sriov_expects_none(sysfs: Path) -> None:
    assert pci.expected_functions("0000:04:00.0", 8, sysfs) == ()


def test_empty_slot(sysfs: Path) -> None:
    assert pci.read("0000:99:00.0", sysfs) is None


@pytest.mark.parametrize(
    ("port", "stands_for_another"),
    [("p0", False), ("", False), ("pf0vf3", True), ("c1pf0vf3", True), ("pf1sf12", True), ("pf0", False)],
)
def test_representors(port: str, stands_for_another: bool) -> None:
    assert pci.is_representor(port) is stands_for_another
