"""tasks.images.published_images: when the controller's images are taken as published, and when they are compiled."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.archive import source as archive_source
from tasks.engines.kube import manifests
from tasks.images import archive_images, choices, published_images
from tasks.problems import Problem
from tasks.registry import server
from tasks.settings import controller, parameters, paths
from tests.authorities import authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.images.conftest import Docker, Go
    from tests.unit.kube_api import KubeApi
    from tests.unit.registry.conftest import Site, Sites

CA = authority("site")
DEPLOYED = tuple(part.image for part in controller.COMPONENTS if not part.needs)
BUILT = "0123456789ab"


@pytest.fixture(autouse=True)
def _archive(tree: Path, go: Go, docker: Docker, mirror: Callable[[str], None]) -> Iterator[None]:
    """The unpacked source, which counts as that of an archive."""
    archive_images.inputs.cache_clear()
    published_images.forget()
    archive_source.prepare()
    (tree / "src/controller.tar.gz").touch()
    yield
    archive_images.inputs.cache_clear()
    published_images.forget()


@pytest.fixture
def site(sites: Sites, choose: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A registry that the machine trusts, as it trusts ghcr.io; CONTROLLER_IMAGES is auto."""
    made = sites.https(CA)
    (tmp_path / "trusted.crt").write_bytes(CA.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.crt"))
    server.trusting_only.cache_clear()
    ask(choose, made, "auto")
    yield made
    server.trusting_only.cache_clear()


def ask(choose: Callable[..., None], site: Site, controller_images: str, **values: str) -> None:
    """Choose the registry and CONTROLLER_IMAGES."""
    address = f"{site.address}/openkasugai/controller"
    choose(**{"CONTROLLER": "auto", "DCI_REGISTRY_ADDR": address, "CONTROLLER_IMAGES": controller_images, **values})


def publish(site: Site, *names: str) -> None:
    site.pages |= {f"/v2/openkasugai/controller/{name}/manifests/1.1.0": b"{}" for name in names}


def reference(name: str) -> str:
    return archive_images.reference(name, parameters.current())


def published(site: Site, name: str, tag: str = "1.1.0") -> str:
    return f"{site.address}/openkasugai/controller/{name}:{tag}"


def compiled(name: str, tag: str = BUILT) -> str:
    return f"{parameters.current().dci_registry_addr_alt}/{name}:{tag}"


def run(api: KubeApi, **references: str) -> None:
    """Have the cluster run images, each in a workload of its own."""

    def workload(image: str) -> dict[str, object]:
        pod = {"spec": {"containers": [{"image": image}]}}
        return {"metadata": {"name": image, "namespace": "default"}, "spec": {"template": pod}}

    first, *others = references.values()
    api.objects = {manifests.DEPLOYMENT: [workload(first)], manifests.DAEMON_SET: list(map(workload, others))}
    api.lead_to(parameters.current().cluster_name)
    published_images.forget()


def test_images_that_are_published_are_pulled_by_the_nodes_under_their_own_name(
    site: Site, engine: Engine, said: Lines
) -> None:
    publish(site, *DEPLOYED)
    assert published_images.lack().reasons
    published_images.choose()
    for name in DEPLOYED:
        assert reference(name) == published(site, name)
        assert not archive_images.lack(name)
        assert choices.choose_image_source(name) == {"task_dep": []}
        archive_images.build(name)
    assert not [request for request in engine.requests if request.startswith("POST")]
    assert {line.rpartition(": ")[2] for line in said.kept} == {"taken as it is"}
    paths_asked = [f"/v2/openkasugai/controller/{name}/manifests/1.1.0" for name in DEPLOYED]
    assert sorted(site.asked) == sorted(("HEAD", path, "") for path in paths_asked)


def test_one_that_is_missing_has_all_compiled(site: Site, said: Lines) -> None:
    publish(site, *DEPLOYED[1:])
    published_images.choose()
    missing = f"image {published(site, DEPLOYED[0])}: not in the registry"
    assert said.kept == [f"CONTROLLER_IMAGES=auto: the controller is compiled here: {missing}"]
    assert {reference(name).partition("/")[0] for name in DEPLOYED} == {"registry.openkasugai.lab"}
    assert choices.image_source(DEPLOYED[1]) == {"task_dep": ["image:base"]}


def test_a_site_that_does_not_answer_has_all_compiled_and_is_asked_once(
    site: Site, choose: Callable[..., None], said: Lines
) -> None:
    ask(choose, site, "auto", DCI_REGISTRY_ADDR="127.0.0.1:1/openkasugai")
    published_images.choose()
    assert "compiled here: https://127.0.0.1:1/v2/openkasugai/" in said.kept[0]
    assert "Connection refused" in said.kept[0]
    assert reference(DEPLOYED[0]).startswith("registry.openkasugai.lab/")


def test_what_is_required_and_missing_is_refused_in_one_line(site: Site, choose: Callable[..., None]) -> None:
    publish(site, *DEPLOYED[1:])
    ask(choose, site, "registry")
    line = f"image {published(site, DEPLOYED[0])}: not in the registry"
    assert published_images.lack().obstacles == (line,)
    with pytest.raises(Problem) as caught:
        published_images.choose()
    assert (caught.value.message, caught.value.hint) == (line, "CONTROLLER_IMAGES=source, which compiles them")
    with pytest.raises(Problem, match="not in the registry"):
        archive_images.build(DEPLOYED[0])
    archive_images.build(DEPLOYED[1])
    assert len(site.asked) == len(DEPLOYED), "each once in a run"


def test_a_site_that_does_not_answer_is_refused_in_one_line(site: Site, choose: Callable[..., None]) -> None:
    ask(choose, site, "registry", DCI_REGISTRY_ADDR="127.0.0.1:1/openkasugai")
    with pytest.raises(Problem, match=r"https://127\.0\.0\.1:1/v2/openkasugai/.*Connection refused") as caught:
        published_images.choose()
    assert "\n" not in caught.value.message


def test_a_controller_that_runs_published_images_goes_on_while_the_site_is_down(
    site: Site, kube_api: KubeApi, choose: Callable[..., None]
) -> None:
    run(kube_api, **{name: published(site, name) for name in DEPLOYED})
    site.statuses = dict.fromkeys([f"/v2/openkasugai/controller/{name}/manifests/1.1.0" for name in DEPLOYED], 503)
    for chosen in ("auto", "registry"):
        ask(choose, site, chosen)
        assert not published_images.lack()
        assert reference(DEPLOYED[0]) == published(site, DEPLOYED[0])
        assert not archive_images.lack(DEPLOYED[0])
    assert not site.asked


def test_a_controller_that_was_compiled_is_not_replaced_without_consent(
    site: Site, kube_api: KubeApi, choose: Callable[..., None]
) -> None:
    publish(site, *DEPLOYED)
    run(kube_api, **{name: compiled(name) for name in DEPLOYED})
    assert not published_images.lack()
    assert reference(DEPLOYED[0]).startswith("registry.openkasugai.lab/")
    assert not site.asked
    ask(choose, site, "auto", RECREATE="1")
    assert reference(DEPLOYED[0]) == published(site, DEPLOYED[0])


def test_another_version_that_runs_does_not_decide(site: Site, kube_api: KubeApi) -> None:
    run(kube_api, **{name: published(site, name, "1.0.0") for name in DEPLOYED})
    assert published_images.lack()
    assert reference(DEPLOYED[0]).startswith("registry.openkasugai.lab/")
    assert site.asked


def test_a_cluster_that_does_not_answer_does_not_decide(site: Site, kube_api: KubeApi) -> None:
    publish(site, *DEPLOYED)
    run(kube_api, **{name: compiled(name) for name in DEPLOYED})
    kube_api.refusals = {"Deployment": (503, "starting")}
    assert reference(DEPLOYED[0]) == published(site, DEPLOYED[0])
    kube_api.refusals = {}
    assert reference(DEPLOYED[0]).startswith("registry.openkasugai.lab/")


def test_the_sender_of_videos_is_decided_for_itself_and_what_others_are_built_on_is_compiled(site: Site) -> None:
    publish(site, controller.VIDEO_SENDER, "rcv_video_tool")
    assert reference(controller.VIDEO_SENDER) == published(site, controller.VIDEO_SENDER)
    assert published_images.taken("rcv_video_tool", parameters.current()) == ""
    assert reference(DEPLOYED[0]).startswith("registry.openkasugai.lab/")


def test_the_sample_is_published_nowhere(site: Site, choose: Callable[..., None]) -> None:
    ask(choose, site, "auto", CONTROLLER="sample")
    assert not published_images.lack()
    assert published_images.taken(DEPLOYED[0], parameters.current()) == ""
    assert not site.asked
    ask(choose, site, "registry", CONTROLLER="sample")
    with pytest.raises(Problem, match="the sample controller is in no registry"):
        reference(DEPLOYED[0])
    with pytest.raises(Problem, match="the sample controller is in no registry"):
        published_images.choose()


def test_a_folder_is_compiled_unless_the_published_images_are_asked_for(
    site: Site, choose: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    publish(site, *DEPLOYED)
    folder = tmp_path_factory.mktemp("elsewhere") / "controller"
    shutil.copytree(paths.CONTROLLER, folder, symlinks=True)
    (folder / "src/sample_operator").rename(folder / "src/operator")
    ask(choose, site, "auto", CONTROLLER=str(folder))
    assert published_images.taken(DEPLOYED[0], parameters.current()) == ""
    assert not site.asked
    ask(choose, site, "registry", CONTROLLER=str(folder))
    assert reference(DEPLOYED[0]) == published(site, DEPLOYED[0])


@pytest.fixture
def untrusted(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The registry, whose CA the machine does not know."""
    monkeypatch.delenv("SSL_CERT_FILE")
    server.trusting_only.cache_clear()
    return site


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_mirror_in_the_clusters_registry_is_asked_with_its_ca(
    untrusted: Site, sites: Sites, choose: Callable[..., None], is_kept: bool
) -> None:
    offer = sites.http()
    if is_kept:
        paths.REGISTRY_CA.parent.mkdir(parents=True)
        paths.REGISTRY_CA.write_bytes(CA.pem)
    else:
        offer.pages["/ca.crt"] = CA.pem
    own = {"REGISTRY": "harbor", "DCI_REGISTRY_CERT_URL": f"http://{offer.address}/ca.crt"}
    ask(choose, untrusted, "auto", DCI_REGISTRY_ADDR_ALT=f"{untrusted.address}/images", **own)
    publish(untrusted, *DEPLOYED)
    assert reference(DEPLOYED[0]) == published(untrusted, DEPLOYED[0])
