"""The udev rule that keeps NetworkManager and systemd-networkd away from lent devices.

It is in force before virtual functions are created, and names their PCI addresses and their card's. It covers the
action `move`, because a device that comes back from a namespace arrives with that, not with `add`. It is removed with
the loan. It is in /run, which a reboot empties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines import nic_root
from tasks.engines.host import namespaces as engine
from tasks.engines.host import pci
from tasks.nics import ledger as nics_ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.nics.ledger import Ledger, Loan

_HEAD = "# Network cards lent to cluster {cluster} by openkasugai-all-in-one; goes away with ./doit nics_restore.\n"
_LINE = (
    'SUBSYSTEM=="net", ACTION=="add|change|move", KERNELS=="{bdf}", '
    'ENV{{NM_UNMANAGED}}="1", ENV{{ID_NET_MANAGED_BY}}="openkasugai"\n'
)


def rule(ledger: Ledger) -> str:
    """Return the text of the rule for everything that a cluster has or is about to get; empty if all is back."""
    if ledger.home:
        return ""
    lent = sorted({bdf for loan in ledger.loans.values() for bdf in _functions(loan)})
    return _HEAD.format(cluster=ledger.cluster) + "".join(_LINE.format(bdf=bdf) for bdf in lent)


def _functions(loan: Loan) -> tuple[str, ...]:
    card = loan.physical_function
    return (card, *loan.names, *pci.expected_functions(card, loan.num_vfs))


def is_in_force(ledger: Ledger, rules: Path) -> bool:
    """Return whether the rule is in place; a machine without udev needs none.

    Args:
        ledger: What a cluster has borrowed.
        rules: Folder of the udev rules in force.
    """
    path = rules / nic_root.rule_name(ledger.cluster)
    if not rules.parent.exists():
        return True
    return (path.read_text(encoding="utf-8") if path.exists() else "") == rule(ledger)


def enforce(ledger: Ledger, rules: Path) -> None:
    """Put the rule in force if it is not.

    Args:
        ledger: What a cluster has borrowed.
        rules: Folder of the udev rules in force.
    """
    if not is_in_force(ledger, rules):
        engine.call("keep_rule", cluster=ledger.cluster, rule=rule(ledger))


def lift(ledger: Ledger, rules: Path) -> None:
    """Remove the rule, and make udev process the returned devices again: it remembers what the rule said.

    Args:
        ledger: What a cluster has borrowed.
        rules: Folder of the udev rules in force.
    """
    if (rules / nic_root.rule_name(ledger.cluster)).exists():
        engine.call("keep_rule", cluster=ledger.cluster, rule="", devices=list(ledger.devices))
        engine.settle()


def complaints(rules: Path) -> list[str]:
    """Return a line for each cluster whose rule is not in force.

    Args:
        rules: Folder of the udev rules in force.
    """
    return [
        f"cluster {ledger.cluster}: {rules / nic_root.rule_name(ledger.cluster)} is missing or differs"
        for ledger in nics_ledger.all_ledgers()
        if not is_in_force(ledger, rules)
    ]
