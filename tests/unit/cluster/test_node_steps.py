"""tasks.cluster.node_steps: what a node step puts on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.archive import source
from tasks.cluster import node_steps
from tasks.problems import Problem
from tasks.settings import parameters
from tasks.settings.controller import USER_ID
from tasks.settings.node_steps import NODE_STEPS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OWN = """apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: c2VydmVyOiBodHRwczovLw==
    server: https://127.0.0.1:37937
  name: kind-other
"""


@pytest.fixture
def build(tree: Path, choose: Callable[..., None]) -> Path:
    """The build folder, with the source of the controller."""
    choose(CLUSTER_NAME="other", CACHE_DIR=str(tree / "cache"))
    source.prepare()
    return tree / "build"


def test_every_step_says_what_it_writes() -> None:
    assert set(node_steps._FILES) == set(NODE_STEPS)


def test_the_kubeconfig_of_a_node_has_the_address_that_nodes_know(build: Path) -> None:
    (build / "cluster-other").mkdir()
    (build / "cluster-other" / "kubeconfig").write_text(OWN, encoding="utf-8")
    files = node_steps._kubeconfig(parameters.current())
    assert [(file.path, file.mode, file.owner) for file in files] == [
        ("/etc/k8s_node/config", 0o600, USER_ID),
        ("/root/.kube/config", 0o600, 0),
    ]
    expected = yaml.safe_load(OWN)
    expected["clusters"][0]["cluster"]["server"] = "https://other-control-plane:6443"
    assert [yaml.safe_load(file.content) for file in files] == [expected, expected]


def test_without_a_cluster_there_is_none(build: Path) -> None:
    with pytest.raises(Problem, match=r"cluster other: .*kubeconfig is not there"):
        node_steps._kubeconfig(parameters.current())
