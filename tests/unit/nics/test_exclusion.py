"""tasks.nics.exclusion: a cluster has real cards or emulated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import ledgers as engine_ledgers
from tasks.engines.host.facts import Host
from tasks.nics import emulated, exclusion
from tasks.nics import ledger as nics_ledger
from tasks.problems import Problem
from tests.unit.conftest import lab
from tests.unit.connectx5 import card
from tests.unit.nics.world import lent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.engine import Engine


@pytest.fixture
def server(tmp_path: Path) -> Host:
    """A machine with the recorded card, both of whose ports have SR-IOV."""
    card.make_sysfs(tmp_path / "sys")
    for name, bdf in (("ens9f0np0", "0000:17:00.0"), ("ens9f1np1", "0000:17:00.1")):
        folder = tmp_path / "sys/class/net" / name
        folder.mkdir(parents=True)
        (folder / "device").symlink_to(f"../../../{bdf}")
    return Host(tmp_path)


def says(host: Host, **values: str) -> str:
    found = exclusion.objection(lab(CLUSTER_NAME="kind", **values), host)
    return found.message if found else ""


def test_a_card_of_this_machine_is_not_emulated(ledgers: Path, engine: Engine, server: Host, tmp_path: Path) -> None:
    real = "EMULATE: this machine has ens9f0np0 (SRIOV_PF_IF_1), ens9f1np1 (SRIOV_PF_IF_2) with SR-IOV"
    assert says(server, EMULATE="sriov") == real
    assert says(server) == says(server, EMULATE="gpu", CONTROLLER_HARDWARE="gpu") == ""
    assert says(Host(tmp_path / "another"), EMULATE="sriov") == ""
    for total in tmp_path.glob("sys/bus/pci/devices/*/sriov_totalvfs"):
        total.write_text("0\n")
    assert says(server, EMULATE="sriov") == ""


def test_a_cluster_with_a_real_card_gets_no_emulated_one(ledgers: Path, engine: Engine, tmp_path: Path) -> None:
    nics_ledger.save(lent())
    chosen = lab(CLUSTER_NAME="kind", EMULATE="sriov")
    with pytest.raises(Problem, match=r"EMULATE: cluster kind has ens9f0np0 of this machine") as caught:
        exclusion.require(chosen)
    assert caught.value.hint.startswith("./doit nics_restore")
    assert exclusion.lack(chosen).obstacles
    assert says(Host(tmp_path), EMULATE="") == ""
    assert exclusion.objection(lab(CLUSTER_NAME="other", EMULATE="sriov"), Host(tmp_path)) is None


def test_a_cluster_with_emulated_cards_gets_no_real_one(ledgers: Path, engine: Engine, server: Host) -> None:
    engine.networks["kind-sriov"] = {emulated.CHECKOUT: engine_ledgers.here()}
    assert says(server) == (
        "EMULATE: cluster kind has emulated network cards, and no real one is lent to it before they are gone"
    )
    assert exclusion.lack(lab(CLUSTER_NAME="kind")).obstacles
    assert not exclusion.lack(lab(CLUSTER_NAME="other"))
