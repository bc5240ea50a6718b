"""tasks.cluster.access: which kubeconfigs lead to the cluster, and which one is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.cluster import access
from tasks.engines.kube.kind import NodeFacts
from tasks.settings import parameters
from tests.unit.cluster.fakes import API_PORT, access_to

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cluster.fakes import FakeKind

NODES = [
    NodeFacts("a-control-plane", True, "sha256:0", API_PORT),
    NodeFacts("a-worker", True, "sha256:0", 0),
]


@pytest.mark.parametrize(
    ("ports", "current"),
    [
        ((API_PORT, API_PORT), True),
        ((API_PORT, 41000), False),
        ((41000, API_PORT), False),
        ((API_PORT, 0), False),
        ((0, API_PORT), False),
    ],
)
def test_access_is_current_when_both_kubeconfigs_lead_to_the_cluster(
    build: Path, monkeypatch: pytest.MonkeyPatch, ports: tuple[int, int], *, current: bool
) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{build}/none:{build}/user")
    (build / "cluster-a").mkdir()
    for port, file in zip(ports, (build / "cluster-a" / "kubeconfig", build / "user"), strict=True):
        if port:
            file.write_text(access_to("a", port), encoding="utf-8")
    assert access.has_access("a", NODES) == current


def test_only_the_kubeconfig_that_lacks_the_cluster_is_written(build: Path, kind: FakeKind) -> None:
    user = build.parent / "config"
    user.write_text(access_to("a"), encoding="utf-8")
    access.ensure_access(parameters.current(), NODES, kind)
    own = build / "cluster-a" / "kubeconfig"
    assert own.read_text(encoding="utf-8") == access_to("a")
    assert own.stat().st_mode & 0o777 == 0o600
    assert kind.done == []
    user.unlink()
    access.ensure_access(parameters.current(), NODES, kind)
    assert kind.done == ["export a"]
