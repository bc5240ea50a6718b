"""tasks.addons.installation: what the bridge network puts on each node."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from tasks.addons import installation
from tasks.settings import addons as table
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable

CIDRS = {"kind-control-plane": "10.244.0.0/24", "kind-worker": "10.244.1.0/24", "kind-worker2": "10.244.2.0/24"}
BRIDGE = table.addon("bridge-cni")


def content(path: str) -> str:
    files = {file.path: file for file in installation._files(BRIDGE, parameters.current(), "kind-worker", CIDRS)}
    return files[path].content.decode()


def test_a_node_gives_its_pods_addresses_of_its_own_network(choose: Callable[..., None]) -> None:
    choose()
    plugins = json.loads(content("/etc/cni/net.d/10-pod-network.conflist"))["plugins"]
    assert plugins[0]["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]
    assert [plugin["type"] for plugin in plugins] == ["bridge", "portmap"]


def test_a_node_routes_to_its_peers_and_not_to_itself(choose: Callable[..., None]) -> None:
    choose()
    script = content("/usr/local/sbin/pod-network")
    assert "route 10.244.0.0/24 kind-control-plane" in script
    assert "route 10.244.2.0/24 kind-worker2" in script
    assert "route 10.244.1.0/24" not in script
    assert "-s 10.244.1.0/24 ! -d 10.244.0.0/16 -j MASQUERADE" in script
    assert subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=False).returncode == 0


def test_every_file_of_the_table_is_there_and_no_other(choose: Callable[..., None]) -> None:
    choose()
    for addon in table.ADDONS:
        if addon.release:
            continue
        folder = paths.MANIFEST / addon.name
        assert {file.source for file in addon.files} == {path.name for path in folder.iterdir()}


def test_an_addon_that_is_not_chosen_is_current_without_a_cluster(choose: Callable[..., None]) -> None:
    choose(CNI="calico")
    assert not installation.lack("bridge-cni")


def test_addresses_go_on_where_they_were_after_a_restart(choose: Callable[..., None]) -> None:
    """A Service may still send to the address of a pod that is gone; no other pod should have it by then."""
    choose()
    ipam = json.loads(content("/etc/cni/net.d/10-pod-network.conflist"))["plugins"][0]["ipam"]
    assert not ipam.get("dataDir", "").startswith(("/run", "/tmp"))
