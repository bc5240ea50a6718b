"""`clean` in every spelling of doit: everything but the cache is gone, and a second run has nothing to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.settings import parameters
from tests.docker.private_engine import processes_with

if TYPE_CHECKING:
    from tests.conftest import Checkout
    from tests.docker.private_engine import PrivateEngine


@pytest.mark.parametrize("words", [("delete_cluster", "clean"), ("run", "clean"), ("clean",)], ids=" ".join)
def test_it_leaves_nothing_behind(private: PrivateEngine, checkout: Checkout, words: tuple[str, ...]) -> None:
    private.cache.mkdir()
    # The programs that are already compiled serve here too, because no module proxy can be reached.
    (private.cache / "go").symlink_to(parameters.current().cache_dir / "go")
    doit = str(checkout.root / "doit")
    private.inside(doit, "registry_ca")
    assert processes_with(str(private.engine.run))
    assert (checkout.root / "build" / "registry" / "ca.crt").exists()

    private.inside(doit, *words)
    assert processes_with(str(private.engine.run)) == []
    assert not private.engine.run.exists()
    assert not (checkout.root / "build").exists()
    assert str(private.cache) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert "DOCKER" not in private.inside("iptables-save")
    assert (private.cache / "registry" / "ca" / "ca.crt").exists()

    private.inside(doit, *words)


def test_a_registry_that_was_cleaned_comes_back_with_its_ca(private: PrivateEngine, checkout: Checkout) -> None:
    private.cache.mkdir()
    (private.cache / "go").symlink_to(parameters.current().cache_dir / "go")
    doit = str(checkout.root / "doit")
    private.inside(doit, "registry_ca")
    before = (private.cache / "registry" / "ca" / "ca.crt").read_bytes()
    private.inside(doit, "clean")
    private.inside(doit, "registry_ca")
    assert (checkout.root / "build" / "registry" / "ca.crt").read_bytes() == before
    assert "Nothing to do" in private.inside(doit, "registry_ca")


# What the engine knows of a node of another checkout's cluster, or of any program's container.
TENANT = """
from tasks.engines.docker import client, images
from tasks.settings import images, parameters
api = client.client().api
host = api.create_host_config(binds=["/tmp:/root/controller"])
image = images.tag("openkasugai-registry", parameters.current())
api.create_container(image, ["true"], name="tenant", labels={labels!r}, host_config=host)
"""


@dataclass(frozen=True)
class Tenant:
    """A container of others: its labels, what `clean` says about it, and whether the registry stays for it."""

    labels: dict[str, str]
    said: str
    registry_stays: bool


@pytest.mark.parametrize(
    "tenant",
    [
        Tenant({"io.x-k8s.kind.cluster": "other"}, "Left the registry and the Docker engine to cluster other", True),
        Tenant({}, "Left the embedded Docker engine to tenant.", False),
    ],
    ids=["another cluster", "another container"],
)
def test_what_others_use_is_left_and_said(private: PrivateEngine, checkout: Checkout, tenant: Tenant) -> None:
    private.cache.mkdir()
    (private.cache / "go").symlink_to(parameters.current().cache_dir / "go")
    doit = str(checkout.root / "doit")
    private.inside(doit, "registry")
    private.python(TENANT.format(labels=tenant.labels))
    assert tenant.said in private.inside(doit, "clean")
    names = private.python(
        "from tasks.engines.docker import client, containers; print(containers.tenants(client.socket()))"
    )
    assert ("openkasugai-registry" in names) is tenant.registry_stays
    assert "tenant" in names

    private.python("from tasks.engines.docker import containers; containers.remove('tenant')")
    private.inside(doit, "clean")
    assert processes_with(str(private.engine.run)) == []
