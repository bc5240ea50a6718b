"""tasks.cluster.access: which kubeconfigs lead to the cluster, and which one is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.cluster import access
from tasks.engines.kube import kind
from tasks.engines.kube.kind import NodeFacts
from tasks.settings import paths
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from pathlib import Path

NODES = [
    NodeFacts("kind-control-plane", True, "sha256:0", 40000),
    NodeFacts("kind-worker", True, "sha256:0", 0),
]


@pytest.mark.parametrize(
    ("ports", "current"),
    [
        ((40000, 40000), True),
        ((40000, 41000), False),
        ((41000, 40000), False),
        ((40000, 0), False),
        ((0, 40000), False),
    ],
)
def test_access_is_current_when_both_kubeconfigs_lead_to_the_cluster(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ports: tuple[int, int],
    *,
    current: bool,
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/none:{tmp_path}/user")
    (tmp_path / "cluster-kind").mkdir()
    for port, file in zip(ports, (tmp_path / "cluster-kind" / "kubeconfig", tmp_path / "user"), strict=True):
        if port:
            file.write_text(f"server: https://127.0.0.1:{port}\nname: kind-kind\n", encoding="utf-8")
    assert access.has_access("kind", NODES) == current


def test_only_the_kubeconfig_that_lacks_the_cluster_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/user")
    text = "server: https://127.0.0.1:40000\nname: kind-kind\n"
    (tmp_path / "user").write_text(text, encoding="utf-8")
    exported: list[str] = []
    monkeypatch.setattr(kind, "kubeconfig", lambda _name, _settings: text)
    monkeypatch.setattr(kind, "export_kubeconfig", lambda name, _settings: exported.append(name))
    access.ensure_access(lab(CLUSTER_NAME="kind"), NODES)
    assert (tmp_path / "cluster-kind" / "kubeconfig").read_text(encoding="utf-8") == text
    assert exported == []
    (tmp_path / "user").unlink()
    access.ensure_access(lab(CLUSTER_NAME="kind"), NODES)
    assert exported == ["kind"]
