"""A ledger is there, but the node does not have the GPU: rebooted since, broken off, or another node by now."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker.containers import ContainerFacts
from tasks.engines.kube import cluster_owner
from tasks.gpu import lease
from tasks.gpu import ledger as gpu_ledger
from tasks.problems import Problem
from tasks.target import kind_cluster
from tests.unit.gpu.server import NODE, SERVER, Machine

if TYPE_CHECKING:
    from collections.abc import Callable


def reboot(machine: Machine) -> None:
    """Reboot the machine: the host has its driver again."""
    machine.booted = "boot-2"
    machine.node_files.clear()
    machine.node_active.clear()
    machine.end_process(900)
    for name, holders in SERVER.items():
        machine.add_module(name, holders, "535")


def break_off(machine: Machine) -> None:
    """Leave the ledger as it is while the GPU is on its way."""
    machine.save(container="")
    mounts = {place: str(folder) for folder, place in cluster_owner.mounts().items()}
    machine.nodes[NODE] = dataclasses.replace(machine.nodes[NODE], mounts=mounts)


def replace_node(machine: Machine) -> None:
    """Delete the node and make another one."""
    machine.nodes[NODE] = ContainerFacts("decade" * 10, NODE, "running", "sha256:0", {}, {})
    machine.end_process(900)


def stop_node(machine: Machine) -> None:
    """Stop the node."""
    machine.nodes[NODE] = dataclasses.replace(machine.nodes[NODE], status="exited")


WAYS = [reboot, break_off, replace_node]


@pytest.mark.parametrize("happen", [*WAYS, stop_node])
def test_the_node_is_not_asked_for_a_gpu_that_it_does_not_have(
    boot: Callable[..., Machine], happen: Callable[[Machine], None]
) -> None:
    machine = boot(SERVER)
    machine.lend()
    assert lease.is_lent_to(NODE, machine)
    happen(machine)
    assert not lease.is_lent_to(NODE, machine)
    assert machine.lack().reasons == (f"{NODE}: has no GPU yet",)


@pytest.mark.parametrize("happen", WAYS)
def test_lending_mends_it(boot: Callable[..., Machine], happen: Callable[[Machine], None]) -> None:
    machine = boot(SERVER)
    machine.lend()
    happen(machine)
    machine.lend()
    assert not machine.lack()
    assert lease.is_lent_to(NODE, machine)


@pytest.mark.parametrize("happen", WAYS)
def test_giving_back_mends_it(boot: Callable[..., Machine], happen: Callable[[Machine], None]) -> None:
    machine = boot(SERVER)
    before = machine.loaded()
    machine.lend()
    happen(machine)
    machine.give_back()
    assert gpu_ledger.load("kind") is None
    assert machine.loaded() == before


def test_a_gpu_that_another_cluster_had_before_a_reboot_may_be_lent(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.lend()
    other = ContainerFacts("1" * 60, "second-worker", "running", "sha256:0", {}, {})
    machine.nodes["second-worker"] = other
    with pytest.raises(Problem, match="the GPU is lent to cluster kind"):
        lease.lend_to(machine.lease("second"))
    reboot(machine)
    lease.lend_to(machine.lease("second"))
    assert lease.is_lent_to("second-worker", machine)


def test_the_inventory_of_a_node_with_a_ledger_of_before_a_reboot_has_no_gpu(boot: Callable[..., Machine]) -> None:
    boot(SERVER).lend()  # in "boot-1", which is not the boot of the machine that the tests run on
    (worker,) = kind_cluster.shared_by([NODE], {})
    assert worker.gpus == ()
