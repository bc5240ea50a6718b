"""tasks.cluster.config: the config that kind is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.cluster import config
from tasks.engines.host.facts import Host
from tasks.problems import Problem
from tasks.settings import cluster, gpu, images, parameters, paths
from tests.unit.gpu import h200

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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


@pytest.mark.usefixtures("checkout", "engine")
def test_the_first_worker_alone_sees_the_hosts_driver_read_only_where_the_gpu_is_shared(
    choose: Callable[..., None], tmp_path: Path
) -> None:
    choose(GPU="share")
    rendered = yaml.safe_load(config.rendered(parameters.current(), h200.host(tmp_path / "machine")))
    shared = [[mount for mount in node["extraMounts"] if mount.get("readOnly")] for node in rendered["nodes"]]
    seen = {h200.LIBRARIES: gpu.SHARED_LIBRARIES, h200.PROGRAMS: gpu.SHARED_PROGRAMS}
    wanted = [{"hostPath": folder, "containerPath": place, "readOnly": True} for folder, place in seen.items()]
    assert shared == [[], wanted, []]
    image = images.tag(images.SHARED_GPU_IMAGE, parameters.current())
    assert [node["image"] == image for node in rendered["nodes"]] == [False, True, False]


@pytest.mark.usefixtures("checkout", "engine")
def test_a_gpu_that_cannot_be_shared_is_one_line_before_there_are_nodes(
    choose: Callable[..., None], tmp_path: Path
) -> None:
    choose(GPU="share")
    with pytest.raises(Problem, match="the host's NVIDIA driver is not loaded"):
        config.rendered(parameters.current(), Host(tmp_path))


def test_a_checkout_with_an_awkward_name_is_mounted_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, choose: Callable[..., None]
) -> None:
    choose()
    work = tmp_path / 'wo"rk äö: #1'
    monkeypatch.setattr(paths, "WORK", work)
    rendered = yaml.safe_load(config.rendered(parameters.current()))
    assert rendered["nodes"][0]["extraMounts"][1]["hostPath"] == str(work)
