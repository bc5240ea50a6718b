"""One cluster for the whole tier, and the state that a test may rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.docker import images as docker_images
from tasks.engines.docker import networks
from tasks.engines.files.lock import alone
from tasks.engines.kube import kind
from tasks.nics import emulated
from tasks.settings import images, parameters
from tests.cluster.lab import ANSWERS, BASIC, NAME, Lab, answers
from tests.conftest import copy_of_checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = "test_create.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that need a machine without a cluster, so that none is deleted for them."""
    items.sort(key=lambda item: item.path.name != FIRST)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab without a cluster, in a folder with an awkward name; removed at the end."""
    folder = tmp_path_factory.mktemp("cluster")
    made = Lab(copy_of_checkout(folder / "check out äöü 日本"), folder / "kubeconfig")
    # All sessions use the same cluster name: they take turns, and find what a killed session has left.
    with alone(parameters.current().cache_dir / "cluster-tests"):
        _forget_killed_session()
        yield made
        made.run("delete_cluster")
        # The tag of the registry image stays: the registry's container may run from it.
        for image in reversed(images.NODE_IMAGES):
            docker_images.remove(f"{image.name}:{NAME}")


def _forget_killed_session() -> None:
    """Delete what a killed session left; the lab refuses to, because the checkout was another one."""
    service.ensure()
    if kind.nodes(NAME):
        kind.delete(NAME, parameters.current())
    networks.remove(emulated.network_name(NAME))


@pytest.fixture
def verified(lab: Lab) -> Lab:
    """The lab with a cluster on which calcapp-basic is deployed and answers."""
    assert answers(lab.run(BASIC)) == ANSWERS
    return lab
