"""tasks.registry.embedded: whether it is wanted, who owns its containers, and what keeps them from running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.engines.docker import client
from tasks.problems import Problem
from tasks.registry import embedded
from tasks.settings import cluster, images, parameters
from tasks.settings import registry as table
from tests.authorities import authority
from tests.unit.engine import Container, Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.registry.conftest import Sites

REGISTRY, OFFER = table.SERVICES
SITE = {"REGISTRY": "harbor", "DCI_REGISTRY_CERT_URL": "http://harbor.example/ca.crt"}


@pytest.fixture
def here(engine: Engine, choose: Callable[..., None], tmp_path: Path) -> Engine:
    """An engine with the registry's image."""
    choose(CACHE_DIR=str(tmp_path))
    engine.images[images.tag(images.REGISTRY.name, parameters.current())] = Image({images.INPUTS_LABEL: "1"})
    return engine


def ours(service: table.Service, state: str = "running") -> Container:
    """Return a container of this CACHE_DIR."""
    home = embedded.home(parameters.current())
    mounts = {target.partition(":")[0]: f"{home}/{source}" for source, target in service.mounts}
    return Container(state, {client.OURS: "1"}, mounts)


def test_its_image_and_its_containers_are_wanted_where_the_parameters_say_so(choose: Callable[..., None]) -> None:
    choose(REGISTRY="embedded")
    assert embedded.image() == {"task_dep": [f"image:{images.REGISTRY.name}"]}
    choose(**SITE)
    assert embedded.image() == {"task_dep": []}
    assert embedded.lack() == lacks.NOTHING


def test_what_does_not_run_is_named(here: Engine) -> None:
    assert embedded.lack() == lacks.of(f"container {REGISTRY.name}: does not run")
    here.containers[REGISTRY.name] = ours(REGISTRY, state="exited")
    assert embedded.lack() == lacks.of(f"container {REGISTRY.name}: does not run")


def test_what_was_started_from_something_else_is_named(here: Engine) -> None:
    certificate = embedded.home(parameters.current()) / "server" / "server.crt"
    certificate.parent.mkdir(parents=True)
    certificate.write_text("of another name", encoding="ascii")
    here.containers[REGISTRY.name] = ours(REGISTRY)
    assert embedded.lack() == lacks.of(f"container {REGISTRY.name}: was started from something else")


def test_a_container_of_somebody_else_is_an_obstacle_and_is_left(here: Engine, said: Lines) -> None:
    here.containers[REGISTRY.name] = Container()
    here.containers[OFFER.name] = ours(OFFER)
    assert embedded.lack() == lacks.obstacle(f"container {REGISTRY.name}: not made by this tool")
    embedded.remove(parameters.current())
    assert here.containers.keys() == {REGISTRY.name}
    assert said.kept == [f"Left container {REGISTRY.name}: not made by this tool.", f"Removed {OFFER.name}."]


@pytest.mark.parametrize(
    ("source", "label", "words"),
    [
        ("{cache}/registry/data", True, None),
        ("{cache}/registry/data", False, None),
        ("/other/registry/data", True, "belongs to the checkouts with CACHE_DIR=/other"),
        ("/other/registry/data", False, "not made by this tool"),
        ("", True, "not made by this tool"),
    ],
)
def test_a_registry_is_ours_by_its_folder(here: Engine, source: str, words: str | None, *, label: bool) -> None:
    held = source.format(cache=parameters.current().cache_dir)
    here.containers[REGISTRY.name] = Container(
        labels={client.OURS: "1"} if label else {}, mounts={"/var/lib/registry": held}
    )
    stranger = embedded.objection(REGISTRY, parameters.current())
    assert (stranger.message if stranger else None) == (words and f"container {REGISTRY.name}: {words}")


def test_a_run_stops_at_somebody_elses_container_and_says_what_to_do(here: Engine) -> None:
    mounts = {"/var/lib/registry": "/other/registry/data"}
    here.containers[REGISTRY.name] = Container(labels={client.OURS: "1"}, mounts=mounts)
    here.networks[cluster.NETWORK] = {}
    with pytest.raises(Problem, match=f"container {REGISTRY.name}: belongs to") as caught:
        embedded.ensure()
    assert caught.value.hint.startswith("CACHE_DIR=/other with the same command")
    assert here.requests == []


def test_it_answers_with_a_certificate_of_its_own_ca_alone(
    sites: Sites, choose: Callable[..., None], tmp_path: Path
) -> None:
    own, other = authority("own"), authority("other")
    site, offer = sites.https(own), sites.http()
    site.pages["/v2/"] = offer.pages[table.CA_PATH] = b"{}"
    ports = {"REGISTRY_PORT": site.address.partition(":")[2], "CA_PORT": offer.address.partition(":")[2]}
    choose(CACHE_DIR=str(tmp_path), DCI_REGISTRY_CERT_URL=f"http://{offer.address}{table.CA_PATH}", **ports)
    p = parameters.current()
    kept = embedded.ca_certificate(p)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(other.pem)
    assert not embedded.answers(p)
    kept.write_bytes(own.pem)
    assert embedded.answers(p)
    assert embedded.ca_answers(p)
    del offer.pages[table.CA_PATH]
    assert not embedded.ca_answers(p)
