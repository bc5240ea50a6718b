"""tasks.cluster.config: the config that kind is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tasks.cluster import config
from tasks.settings import cluster, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def test_the_config_has_all_nodes_with_their_mounts(choose: Callable[..., None]) -> None:
    choose(CLUSTER_NAME="other", POD_SUBNET="10.200.0.0/16")
    rendered = yaml.safe_load(config.rendered(parameters.current()))
    assert rendered["name"] == "other"
    assert rendered["networking"]["podSubnet"] == "10.200.0.0/16"
    assert rendered["networking"]["disableDefaultCNI"] is True
    assert [node["role"] for node in rendered["nodes"]] == [node.role for node in cluster.NODES]
    assert [node["role"] for node in rendered["nodes"]][:3] == ["control-plane", "worker", "worker"]
    for node in rendered["nodes"]:
        mounts = {mount["containerPath"]: mount["hostPath"] for mount in node["extraMounts"]}
        assert mounts == {"/root/controller": str(paths.CONTROLLER), "/root/work": str(paths.WORK)}
    assert "kubeadmConfigPatches" not in rendered


def test_kubeadm_is_told_where_another_runtime_answers(choose: Callable[..., None]) -> None:
    choose(NODE_RUNTIME="crio")
    patches = [
        yaml.safe_load(patch) for patch in yaml.safe_load(config.rendered(parameters.current()))["kubeadmConfigPatches"]
    ]
    assert {patch["kind"] for patch in patches} == {"InitConfiguration", "JoinConfiguration"}
    assert {patch["nodeRegistration"]["criSocket"] for patch in patches} == {"unix:///var/run/crio/crio.sock"}


def test_a_checkout_with_an_awkward_name_is_mounted_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, choose: Callable[..., None]
) -> None:
    choose()
    work = tmp_path / 'wo"rk äö: #1'
    monkeypatch.setattr(paths, "WORK", work)
    rendered = yaml.safe_load(config.rendered(parameters.current()))
    assert rendered["nodes"][0]["extraMounts"][1]["hostPath"] == str(work)
