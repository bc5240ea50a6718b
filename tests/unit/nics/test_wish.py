"""What the parameters request."""

from __future__ import annotations

from tasks.nics import wish as nics_wish
from tasks.settings import parameters, paths
from tasks.settings.parameters import layers


def test_parameters_say_which_card_each_worker_gets() -> None:
    given = {"PROFILE": "lab", "CLUSTER_NAME": "lab", "SRIOV_NUM_VFS": "4"}
    asked = nics_wish.wishes(parameters.validated(layers.read(paths.ROOT, given)))
    assert asked["kind-worker"].node == "lab-worker"
    assert asked["kind-worker2"].interface == "ens9f1np1"
    assert asked["kind-worker2"].pattern == "ens9f1.*"
    assert asked["kind-worker"].address == "192.168.20.2/24"
    assert asked["kind-worker"].num_vfs == 4


def test_an_expression_matches_an_interface_by_any_of_its_names() -> None:
    names = ("ens9f0v0", "enp23s0f0v0")
    assert nics_wish.matches("ens9f0.*", names)
    assert nics_wish.matches("enp23s0f0.*", names)
    assert not nics_wish.matches("ens9f1.*", names)
