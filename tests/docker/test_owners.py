"""Clusters, containers and a network of others on the engine in use: refused by name, and left as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import modules
from tasks.settings import artifacts, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Checkout
    from tests.docker.private_engine import PrivateEngine

# Containers as kind makes them: label, mounts and network are all that an engine knows about a node.
HAVE = """
import io, json, sys, tarfile
from tasks.docker_engine import service as engine
from tasks.engines.docker import client, networks
from tasks.engines.go import modules as golang
from tasks.settings import artifacts, parameters
engine.ensure()
api = client.client().api
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w") as tar:
    tar.add(golang.program(artifacts.CA_SERVER, "ca-server", parameters.current()), "ca-server")
    tar.addfile(tarfile.TarInfo("file"))
api.import_image_from_data(archive.getvalue(), repository="node", tag="1")
networks.ensure("kind")
for name, label, mounts in json.loads(sys.argv[1]):
    host = api.create_host_config(network_mode="kind", binds=[f"{source}:{place}" for place, source in mounts.items()])
    labels = {"io.x-k8s.kind.cluster": label} if label else {}
    api.create_container("node:1", ["/ca-server", ":80", "/", "/file"], name=name, labels=labels, host_config=host)
"""
IS_OURS = "from tasks.engines.docker import networks; print(networks.is_ours('kind'))"
LIST = "from tasks.engines.docker import client, containers; print(*containers.tenants(client.socket()), sep='\\n')"
PAUSE = """
from tasks.engines.docker import client
client.client().api.start("b-worker")
client.client().api.pause("b-worker")
"""
GO_ON = """
from tasks.cluster import creation as cluster
from tasks.engines.docker import containers
from tasks.engines.kube import kind
cluster.set_going(kind.nodes("b"))
print(containers.find("b-worker").status)
"""


@pytest.fixture
def others(private: PrivateEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PrivateEngine:
    """A private engine, and a kubeconfig that is not the user's."""
    modules.program(artifacts.KIND, "kind", parameters.current())
    private.cache.mkdir()
    (private.cache / "go").symlink_to(parameters.current().cache_dir / "go")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return private


def have(engine: PrivateEngine, *containers: tuple[str, str, dict[str, str]]) -> None:
    engine.python(HAVE, json.dumps(containers))


def ours(checkout: Checkout) -> dict[str, str]:
    return {"/root/controller": f"{checkout.root}/build/controller", "/root/work": f"{checkout.root}/work"}


def test_what_this_checkout_did_not_make_is_refused_by_name_and_left(
    others: PrivateEngine, checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    doit = str(checkout.root / "doit")
    theirs = {"/root/controller": f"{tmp_path}/theirs/build/controller", "/root/work": f"{tmp_path}/theirs/work"}
    have(
        others,
        ("plain-control-plane", "plain", {}),
        ("theirs-control-plane", "theirs", theirs),
        ("taken-worker", "", {}),
        ("openkasugai-registry", "", {}),
    )
    before = others.python(LIST)
    monkeypatch.setenv("RECREATE", "1")
    monkeypatch.setenv("COLUMNS", "1000")  # a plan breaks its lines
    every = ("delete_cluster", "clean", "run clean", "create_cluster", "doctor", "plan delete_cluster", "plan clean")
    for name, owner, commands in (
        ("plain", "plain-control-plane not made by this tool", every),
        ("theirs", f"made by the checkout {tmp_path}/theirs, and is left alone", ("delete_cluster", "clean")),
        ("taken", "taken-worker not made by this tool", ("create_cluster",)),
    ):
        monkeypatch.setenv("CLUSTER_NAME", name)
        for command in commands:
            said = others.refused(doit, *command.split())
            assert owner in said, command
            assert f"CLUSTER_NAME={name}-2" in said or command.startswith("plan"), command
        assert owner in others.refused(doit, "plan", "create_cluster")
        assert (checkout.root / "build").exists()
    assert others.python(LIST) == before

    monkeypatch.setenv("CLUSTER_NAME", "free")
    said = others.inside(doit, "clean")
    assert f"Left the registry and the Docker engine to cluster theirs of the checkout {tmp_path}/theirs." in said
    others.python("from tasks.engines.docker import containers; containers.remove('theirs-control-plane')")
    said = others.inside(doit, "clean")
    stay = "openkasugai-registry, plain-control-plane, taken-worker"
    assert "Left container openkasugai-registry: not made by this tool." in said
    assert f"Left the Docker network kind to {stay}." in said
    assert f"Left the embedded Docker engine to {stay}." in said
    assert others.python(LIST).split() == stay.split(", ")
    assert others.python(IS_OURS).strip() == "True"


def test_one_of_two_clusters_of_a_checkout_is_cleaned_and_the_other_keeps_what_it_needs(
    others: PrivateEngine, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    doit, build = str(checkout.root / "doit"), checkout.root / "build"
    have(others, ("a-worker", "a", ours(checkout)), ("b-worker", "b", ours(checkout)))
    for file in ("controller/source", "registry/ca.crt", "cluster-a/kubeconfig", "cluster-b/kubeconfig"):
        (build / file).parent.mkdir(parents=True, exist_ok=True)
        (build / file).touch()
    monkeypatch.setenv("CLUSTER_NAME", "a")
    said = others.inside(doit, "clean")
    assert "Deleted cluster a." in said
    assert "Left build/ to cluster b of this checkout. Try: CLUSTER_NAME=b ./doit clean" in said
    assert others.python(LIST).split() == ["b-worker"]
    assert not (build / "cluster-a").exists()
    assert all((build / file).exists() for file in ("controller/source", "registry/ca.crt", "cluster-b/kubeconfig"))

    monkeypatch.setenv("CLUSTER_NAME", "b")
    others.python(PAUSE)
    assert others.python(GO_ON).split()[-1] == "running"
    others.python(PAUSE.replace('client.client().api.start("b-worker")', ""))
    assert "Deleted cluster b." in others.inside(doit, "clean")
    assert not build.exists()
