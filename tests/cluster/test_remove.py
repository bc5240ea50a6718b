"""A deleted cluster leaves nothing behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from docker.errors import NotFound

from tasks.engines.docker import client, networks
from tests.cluster.lab import NAME

if TYPE_CHECKING:
    from tests.cluster.lab import Lab


def volumes(containers: list[str]) -> list[str]:
    """Return the names of the volumes that containers keep their data in."""
    mounts = [mount for each in containers for mount in client.client().api.inspect_container(each)["Mounts"]]
    return [mount["Name"] for mount in mounts if mount["Type"] == "volume"]


def test_delete_cluster_leaves_nothing_of_it_and_may_be_repeated(verified: Lab) -> None:
    verified.run("nics", EMULATE="sriov")
    assert networks.find(f"{NAME}-sriov")
    kept = volumes(verified.node_names)
    assert kept
    assert f"kind-{NAME}" in verified.user_kubeconfig.read_text()

    left = verified.user_kubeconfig.with_name(f"{verified.user_kubeconfig.name}.lock")
    nodes = verified.node_ids()
    left.touch(0)
    os.utime(left, (0, 0))
    assert f"{left}: a killed kind or kubectl left this lock" in verified.fail("delete_cluster")
    assert verified.node_ids() == nodes
    left.unlink()

    assert f"Deleted cluster {NAME}." in verified.run("delete_cluster")
    assert verified.node_ids() == {}
    assert networks.find(f"{NAME}-sriov") is None
    for name in kept:
        with pytest.raises(NotFound):
            client.client().api.inspect_volume(name)
    assert f"kind-{NAME}" not in verified.user_kubeconfig.read_text()
    assert not (verified.checkout.root / "build" / f"cluster-{NAME}").exists()

    assert "Deleted" not in verified.run("delete_cluster")
