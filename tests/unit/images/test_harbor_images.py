"""tasks.images.harbor_images: function images that are in the registry already are used as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.archive import source as archive_source
from tasks.engines.go import modules
from tasks.images import archive_images, choices, harbor_images
from tasks.problems import Problem
from tasks.settings import credentials, parameters, paths
from tests.authorities import authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.images.conftest import Docker, Go
    from tests.unit.registry.conftest import Site, Sites

CA = authority("harbor")
NAMES = ("cpufunc_calcapp", "cpufunc_sidecar", "cpufunc_gst", "gpufunc_dsa")


@pytest.fixture(autouse=True)
def _source(tree: Path, go: Go, docker: Docker, mirror: Callable[[str], None]) -> Iterator[None]:
    """The unpacked sample; its base comes from a mirror."""
    archive_images.inputs.cache_clear()
    harbor_images.forget()
    archive_source.prepare()
    yield
    archive_images.inputs.cache_clear()
    harbor_images.forget()


@pytest.fixture
def harbor(sites: Sites, choose: Callable[..., None]) -> Site:
    """A registry with a CA of its own that is kept already; FUNCTION_IMAGES is auto."""
    site = sites.https(CA)
    paths.REGISTRY_CA.parent.mkdir(parents=True)
    paths.REGISTRY_CA.write_bytes(CA.pem)
    ask(choose, site, "auto")
    return site


def ask(choose: Callable[..., None], site: Site, function_images: str, **values: str) -> None:
    """Choose the registry and FUNCTION_IMAGES."""
    given = {"REGISTRY": "harbor", "DCI_REGISTRY_CERT_URL": "http://127.0.0.1:1/ca.crt", **values}
    choose(CONTROLLER="auto", DCI_REGISTRY_ADDR_ALT=f"{site.address}/images", FUNCTION_IMAGES=function_images, **given)


def put(site: Site, *names: str, tag: str = "1.0.0") -> None:
    """Put images into the registry."""
    site.pages |= {f"/v2/images/{name}/manifests/{tag}": b"{}" for name in names}


def reference(name: str) -> str:
    return archive_images.reference(name, parameters.current())


def built(site: Site, name: str) -> str:
    current = parameters.current()
    return f"{site.address}/images/{name}:{archive_images.inputs(name, current, modules.version(current))[:12]}"


def test_images_that_are_there_are_used_and_nothing_is_built_or_pushed(
    harbor: Site, engine: Engine, said: Lines
) -> None:
    put(harbor, *NAMES)
    for name in NAMES:
        assert reference(name) == f"{harbor.address}/images/{name}:1.0.0"
        assert not archive_images.lack(name)
        assert choices.choose_image_source(name) == {"task_dep": []}
        assert not archive_images.obstacles(name, parameters.current())
        archive_images.build(name)
    assert not [request for request in engine.requests if request.startswith("POST")]
    assert said.kept == [f"{harbor.address}/images/{name}:1.0.0: taken as it is" for name in NAMES]
    assert sorted(harbor.asked) == sorted(("HEAD", f"/v2/images/{name}/manifests/1.0.0", "") for name in NAMES)


def test_only_what_is_not_there_is_built(harbor: Site) -> None:
    put(harbor, "cpufunc_calcapp")
    assert reference("cpufunc_calcapp") == f"{harbor.address}/images/cpufunc_calcapp:1.0.0"
    assert reference("cpufunc_sidecar") == built(harbor, "cpufunc_sidecar")
    assert choices.image_source("cpufunc_sidecar") == {"task_dep": ["image:base"]}
    assert archive_images.lack("cpufunc_sidecar").reasons == (f"{reference('cpufunc_sidecar')}: not in the registry",)
    (paths.CONTROLLER / archive_images.IMAGES["gpufunc_dsa"].folder / "Dockerfile").unlink()
    (phrase,) = archive_images.obstacles("gpufunc_dsa", parameters.current())
    assert phrase == "image gpufunc_dsa cannot be built: the controller's source does not hold it"


def test_an_image_that_needs_a_gpu_to_run_is_not_taken_where_one_is_stood_in_for(
    harbor: Site, choose: Callable[..., None]
) -> None:
    put(harbor, *NAMES)
    ask(choose, harbor, "auto", EMULATE="gpu", CONTROLLER_HARDWARE="gpu")
    assert reference("gpufunc_dsa") == built(harbor, "gpufunc_dsa")
    assert reference("cpufunc_gst") == f"{harbor.address}/images/cpufunc_gst:1.0.0"
    ask(choose, harbor, "registry", EMULATE="gpu", CONTROLLER_HARDWARE="gpu")
    assert reference("gpufunc_dsa") == f"{harbor.address}/images/gpufunc_dsa:1.0.0"


def test_what_is_built_although_harbor_is_asked_is_said(harbor: Site, docker: Docker, said: Lines) -> None:
    put(harbor, "cpufunc_calcapp")
    archive_images.build("cpufunc_sidecar")
    wanted = f"{harbor.address}/images/cpufunc_sidecar:1.0.0"
    assert said.kept[0] == f"{wanted}: not in the registry, so it is built here"
    assert docker.built == [f"cpufunc_sidecar:{reference('cpufunc_sidecar').rpartition(':')[2]}"]


def test_what_is_required_and_missing_is_a_line_with_the_commands(harbor: Site, choose: Callable[..., None]) -> None:
    put(harbor, "cpufunc_calcapp", tag="2.0")
    ask(choose, harbor, "registry", FUNCTION_IMAGES_TAG="2.0")
    current = parameters.current()
    assert reference("cpufunc_calcapp").endswith("/cpufunc_calcapp:2.0")
    assert not archive_images.obstacles("cpufunc_calcapp", current)
    wanted = f"{harbor.address}/images/cpufunc_sidecar:2.0"
    folder = f"{paths.CONTROLLER}/{archive_images.IMAGES['cpufunc_sidecar'].context}"
    line = f"image {wanted}: not in the registry: docker build -t {wanted} {folder} && docker push {wanted}"
    assert archive_images.obstacles("cpufunc_sidecar", current) == (line,)
    assert archive_images.lack("cpufunc_sidecar").obstacles == (line,)
    with pytest.raises(Problem) as caught:
        archive_images.build("cpufunc_sidecar")
    assert (caught.value.message, caught.value.hint) == (line, "FUNCTION_IMAGES=source, which builds them here")


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_registry_that_does_not_say_decides_nothing(harbor: Site, status: int) -> None:
    harbor.statuses = {f"/v2/images/{name}/manifests/1.0.0": status for name in NAMES}
    with pytest.raises(Problem, match=rf"cpufunc_gst:1\.0\.0: the registry .*status {status}") as caught:
        reference("cpufunc_gst")
    assert credentials.USER in caught.value.hint
    assert "docker login" in caught.value.hint
    assert "status" in archive_images.obstacles("cpufunc_gst", parameters.current())[0]
    with pytest.raises(Problem, match=f"status {status}"):
        choices.choose_image_source("cpufunc_gst")
    assert choices.image_source("cpufunc_gst") == {"task_dep": ["image:base"]}, "a plan goes on"


def test_a_registry_that_is_down_decides_nothing_and_is_asked_once(
    harbor: Site, sites: Sites, choose: Callable[..., None]
) -> None:
    paths.REGISTRY_CA.unlink()
    offer = sites.http()
    ask(choose, harbor, "auto", DCI_REGISTRY_CERT_URL=f"http://{offer.address}/ca.crt")
    for name in NAMES:
        with pytest.raises(Problem, match=r"ca\.crt"):
            reference(name)
    assert len(offer.asked) == 1


def test_the_embedded_registry_is_asked_again_when_it_runs(harbor: Site, choose: Callable[..., None]) -> None:
    put(harbor, "cpufunc_gst")
    choose(CONTROLLER="auto", FUNCTION_IMAGES="auto", REGISTRY_PORT=harbor.address.partition(":")[2])
    paths.REGISTRY_CA.write_bytes(authority("not yet").pem)
    with pytest.raises(Problem, match=r"unable to get local issuer|self.signed"):
        reference("cpufunc_gst")
    paths.REGISTRY_CA.write_bytes(CA.pem)
    assert reference("cpufunc_gst") == "registry.openkasugai.lab/images/cpufunc_gst:1.0.0"


def test_before_its_ca_is_kept_the_one_that_it_offers_counts(
    harbor: Site, sites: Sites, choose: Callable[..., None]
) -> None:
    paths.REGISTRY_CA.unlink()
    offer = sites.http()
    offer.pages["/ca.crt"] = CA.pem
    ask(choose, harbor, "auto", DCI_REGISTRY_CERT_URL=f"http://{offer.address}/ca.crt")
    put(harbor, "cpufunc_gst")
    assert reference("cpufunc_gst") == f"{harbor.address}/images/cpufunc_gst:1.0.0"
    assert not paths.REGISTRY_CA.exists()


def test_the_lab_builds_and_asks_nobody(harbor: Site, choose: Callable[..., None]) -> None:
    put(harbor, *NAMES)
    ask(choose, harbor, "source")
    assert reference("cpufunc_calcapp") == built(harbor, "cpufunc_calcapp")
    assert not harbor.asked


@pytest.mark.parametrize(
    ("registry", "images", "needed"),
    [
        ("embedded", "auto", ["registry_ca"]),
        ("embedded", "source", []),
        ("harbor", "auto", []),
    ],
)
def test_only_the_embedded_registry_is_started_to_be_asked(
    choose: Callable[..., None], registry: str, images: str, needed: list[str]
) -> None:
    choose(REGISTRY=registry, FUNCTION_IMAGES=images)
    assert choices.asked_registry() == {"task_dep": needed}
