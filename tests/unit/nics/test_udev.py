"""The udev rule of lent devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.nics import ledger as nics_ledger
from tasks.nics import udev
from tasks.nics.ledger import Ledger, Loan
from tests.unit.connectx5.card import LEFT, NODE

if TYPE_CHECKING:
    from pathlib import Path


def test_rule_names_each_lent_device_and_covers_its_return() -> None:
    ledger = Ledger("kind", "boot", {}, {"kind-worker": Loan(LEFT, 8, NODE, {LEFT: "ens9f0np0", "0000:17:00.2": "v"})})
    lines = [line for line in udev.rule(ledger).splitlines() if not line.startswith("#")]
    assert len(lines) == 2
    assert all("move" in line and 'NM_UNMANAGED}="1"' in line for line in lines)
    assert 'KERNELS=="0000:17:00.2"' in lines[1]


def test_missing_rule_is_complained_about(ledgers: Path, tmp_path: Path) -> None:
    rules = tmp_path / "udev" / "rules.d"
    nics_ledger.save(Ledger("kind", "boot", {}, {"kind-worker": Loan(LEFT, 8, NODE, {LEFT: "ens9f0np0"})}))
    assert udev.complaints(rules) == [], "a machine without udev needs no rule"
    (tmp_path / "udev").mkdir()
    assert "kind.rules is missing or differs" in udev.complaints(rules)[0]
