"""tasks.cluster.node_steps: what a node step puts on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.archive import source
from tasks.cluster import node_steps
from tasks.problems import Problem
from tasks.settings import parameters
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
    (file,) = node_steps._kubeconfig(parameters.current())
    assert (file.path, file.mode) == ("/etc/k8s_node/config", 0o600)
    expected, found = yaml.safe_load(OWN), yaml.safe_load(file.content)
    expected["clusters"][0]["cluster"]["server"] = "https://other-control-plane:6443"
    assert found == expected


def test_without_a_cluster_there_is_none(build: Path) -> None:
    with pytest.raises(Problem, match=r"cluster other: .*kubeconfig is not there"):
        node_steps._kubeconfig(parameters.current())
