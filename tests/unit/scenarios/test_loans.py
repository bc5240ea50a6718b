"""tasks.scenarios.loans: what a whole cluster is lent, and what is said about the rest before anything is touched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks.scenarios import loans
from tasks.scenarios.loans import Server
from tasks.settings import nics, paths
from tasks.settings.checks import GPU
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.programs import Programs

FIRST, SECOND = nics.WORKERS
HELD = "physical functions: ens9f0np0: the default route goes through it"


def server(*cards: nics.Row, against: dict[str, tuple[str, ...]] | None = None, **values: str) -> Server:
    """A server with these cards and a GPU, of which some things must not be lent."""
    chosen = lab(PROFILE="physical", **values)
    return Server(chosen, True, lambda row: row in cards, lambda: True, lambda target: (against or {}).get(target, ()))


def test_a_server_with_everything_lends_everything() -> None:
    assert loans.choice(server(FIRST, SECOND)) == {
        "task_dep": ["nics:kind-worker", "nics:kind-worker2", "_gpu_in_inventory"],
        "left": {},
        "emulated": {},
    }


def test_without_cards_and_gpu_one_line_says_so_for_each(said: Lines) -> None:
    here = replace(server(), has_gpu=lambda: False)
    assert loans.announce(here)["task_dep"] == []
    assert said.kept == [
        "nics: no card is lent: none of ens9f0np0 (SRIOV_PF_IF_1), ens9f1np1 (SRIOV_PF_IF_2) is on this host",
        "gpu_lease: no GPU is lent: this machine has no NVIDIA GPU",
    ]


def test_a_gpu_that_is_stood_in_for_is_said_to_be(said: Lines) -> None:
    here = replace(server(FIRST, SECOND, EMULATE="gpu", CONTROLLER_HARDWARE="gpu"), has_gpu=lambda: False)
    assert "_gpu_in_inventory" not in loans.announce(here)["task_dep"]
    assert said.kept == ["gpu_lease: a GPU is stood in for (EMULATE)"]


def test_a_card_that_is_refused_or_absent_is_named_and_the_other_is_lent(said: Lines) -> None:
    chosen = loans.announce(server(FIRST, SECOND, against={FIRST.target: (HELD,)}))
    assert chosen["task_dep"] == ["nics:kind-worker2", "_gpu_in_inventory"]
    assert said.kept == [f"nics:kind-worker: ens9f0np0 stays on the host: {HELD}"]
    alone = loans.choice(server(FIRST))
    assert alone["task_dep"] == ["nics:kind-worker", "_gpu_in_inventory"]
    reason = "no card is lent: ens9f1np1 (SRIOV_PF_IF_2) is not on this host"
    assert alone["left"] == {"nics:kind-worker2": reason}


def test_a_gpu_that_is_in_use_or_not_wanted_stays_on_the_host() -> None:
    used = "process 7 (python) uses the GPU"
    chosen = loans.choice(server(FIRST, SECOND, against={GPU: (used,)}))
    assert "_gpu_in_inventory" not in chosen["task_dep"]
    assert chosen["left"] == {"gpu_lease": f"the GPU stays on the host: {used}"}
    assert loans.choice(server(GPU="no"))["left"]["gpu_lease"] == "the GPU stays on the host: GPU=no"


def test_emulated_cards_are_lent_and_said_to_be_emulated(said: Lines) -> None:
    here = server(FIRST, SECOND, EMULATE="sriov", CLUSTER_NAME="kind")
    assert loans.announce(here)["task_dep"] == ["nics:kind-worker", "nics:kind-worker2", "_gpu_in_inventory"]
    assert said.kept == [
        "nics:kind-worker: ens9f0np0 is emulated (EMULATE=sriov), in the Docker network kind-sriov",
        "nics:kind-worker2: ens9f1np1 is emulated (EMULATE=sriov), in the Docker network kind-sriov",
    ]


def test_a_card_that_cannot_be_emulated_is_not_said_to_be(said: Lines) -> None:
    real = "physical functions: EMULATE: this machine has ens9f0np0 (SRIOV_PF_IF_1) with SR-IOV"
    here = server(FIRST, SECOND, against={FIRST.target: (real,), SECOND.target: (real,)}, EMULATE="sriov")
    assert loans.announce(here)["task_dep"] == ["_gpu_in_inventory"]
    assert said.kept == [
        f"nics:kind-worker: ens9f0np0 is not emulated: {real}",
        f"nics:kind-worker2: ens9f1np1 is not emulated: {real}",
    ]


def test_a_machine_without_cards_has_emulated_ones(checkout: Path, engine: Engine, programs: Programs) -> None:
    programs.put("ip", "[]")
    here = loans.server(lab(EMULATE="sriov"))
    assert here.has_card(FIRST)
    assert here.missing(FIRST.target) == ()
    engine.networks["corporate"], engine.subnets["corporate"] = {}, "192.168.20.0/23"
    (reason,) = loans.server(lab(EMULATE="sriov", CLUSTER_NAME="b")).missing(FIRST.target)
    assert "overlaps the Docker network corporate (192.168.20.0/23)" in reason
    assert not loans.server(lab()).has_card(FIRST)


def test_a_cluster_that_exists_already_is_lent_nothing_and_nothing_is_said_of_it(said: Lines) -> None:
    here = replace(server(FIRST, SECOND), lends=False)
    assert loans.announce(here) == {"task_dep": [], "left": {}, "emulated": {}}
    assert loans.early_lease(here) == {"task_dep": []}
    assert said.kept == []


@pytest.mark.usefixtures("checkout")
def test_a_new_cluster_is_lent_the_gpu_before_its_controller_starts() -> None:
    assert loans.early_lease(server()) == {"task_dep": ["gpu_lease"]}
    assert loans.early_lease(server(GPU="no")) == {"task_dep": []}
    assert loans.early_lease(server(against={GPU: ("process 7 (python) uses the GPU",)})) == {"task_dep": []}
    paths.cluster_dir("kind").mkdir(parents=True)
    (paths.cluster_dir("kind") / "kubeconfig").touch()
    assert loans.early_lease(server()) == {"task_dep": []}
    assert loans.early_lease(server(RECREATE="1")) == {"task_dep": ["gpu_lease"]}
