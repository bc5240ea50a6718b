"""Archives that differ from what the original Makefile expected, made here and unpacked like a user's archive.

Drift that is tested elsewhere: an unknown CPU in test_inventory.py, FROM with a tag that nobody builds in
test_archive_images.py, add-ons without a version in test_addons.py.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, cast

import pytest
import yaml

from tasks.archive import deepstream, facts, source
from tasks.controller.deployment import Controller
from tasks.doctor import examination
from tasks.engines.files import trees
from tasks.engines.kube import manifests
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import artifacts, checks, parameters, paths
from tasks.settings import controller as settings
from tests.targets import Given

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.engines.kube.api import Kube

PROXY = {"name": "kube-rbac-proxy", "image": "gcr.io/kubebuilder/kube-rbac-proxy:v0.14.1"}
HUGEPAGES = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: crc-pcieconnection-daemon}
spec:
  template:
    spec:
      containers:
      - {name: a, image: "localhost/pcieconnection:1.1.0", resources: {limits: {hugepages-1Gi: 16Gi}}}
"""


def deployed() -> Controller:
    return Controller(
        hardware=(),
        inventory_by_host=True,
        references=lambda names: {name: f"ours/{name}:1" for name in names},
        render=_manager,
        target=Given(cast("Kube", None), ("one",)),
    )


@pytest.fixture
def unpack(tree: Path) -> Callable[[], Path]:
    """A function that packs the source in its present state, and unpacks the archive as a run does."""

    def unpack() -> Path:
        with tarfile.open(tree / "src/controller.tar.gz", "w:gz") as tar:
            tar.add(tree / "src/sample-controller", settings.TOP)
        source.prepare()
        return tree / "build/controller"

    return unpack


@pytest.fixture
def content(tree: Path) -> Path:
    """What the archive will hold."""
    return tree / "src/sample-controller"


def _manager(folder: Path) -> list[manifests.Object]:
    """Render a manager like the real ones, with the proxy as a sidecar."""
    items = manifests.load(folder.parent / "manager/manager.yaml")
    for item in items:
        if item["kind"] == "Deployment":
            item["spec"]["template"]["spec"]["containers"].insert(0, dict(PROXY))
    return items


def containers(items: list[manifests.Object]) -> list[str]:
    return [image for item in items for image in facts.image_references(item)]


def rewrite(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize("reference", ["localhost/{}:9.9.9", "ghcr.io/x/y/{}:1.1.0", "host:5000/{}@sha256:0123", "{}"])
def test_daemons_run_our_images_whatever_the_archive_calls_them(
    content: Path, unpack: Callable[[], Path], reference: str
) -> None:
    (content / settings.DEPLOY_SCRIPT).parent.mkdir(parents=True)
    (content / settings.DEPLOY_SCRIPT).write_text("TAG=9.9.9\n")
    daemons = settings.deployed("daemon")
    for part in daemons:
        rewrite(content / part.daemon_set, f"localhost/{part.image}:1.1.0", reference.format(part.image))
    unpack()
    assert sorted(containers(deployed().daemons())) == sorted(f"ours/{part.image}:1" for part in daemons)


def test_a_daemon_that_runs_another_image_is_named(content: Path, unpack: Callable[[], Path]) -> None:
    part = settings.deployed("daemon")[0]
    rewrite(content / part.daemon_set, f"localhost/{part.image}", f"localhost/new-{part.image}")
    unpack()
    with pytest.raises(Problem, match=f"runs the image {part.image}, but \\['new-{part.image}'\\]"):
        deployed().daemons()


def test_one_tag_for_managers_and_daemons(content: Path, unpack: Callable[[], Path]) -> None:
    first, *_ = settings.deployed("daemon")
    rewrite(content / first.daemon_set, ":1.1.0", ":1.0.0")
    with pytest.raises(Problem, match=r"its daemons have the image tags \['1.0.0', '1.1.0'\], expected one"):
        unpack()


def test_managers_lose_the_proxy_that_cannot_be_pulled(unpack: Callable[[], Path]) -> None:
    unpack()
    images = containers(deployed().managers())
    assert len(images) == 3
    assert not any("kube-rbac-proxy" in image for image in images)


def test_a_component_for_fpgas_is_not_deployed_but_its_definitions_are(
    content: Path, unpack: Callable[[], Path]
) -> None:
    part = next(part for part in settings.COMPONENTS if part.image == "pcieconnection")
    (content / part.daemon_set).parent.mkdir(parents=True, exist_ok=True)
    (content / part.daemon_set).write_text(HUGEPAGES)
    unpack()
    assert "crc-pcieconnection-daemon" not in {manifests.name_of(item) for item in deployed().daemons()}
    assert "pcieconnections.example.com" in {manifests.name_of(item) for item in deployed().definitions()}


def test_files_that_only_fpgas_need_may_be_missing_and_those_that_are_there_are_used(
    content: Path, unpack: Callable[[], Path]
) -> None:
    (content / settings.JSON / "region-unique-info.json").write_text("[]")
    unpack()
    names = {manifests.name_of(item) for item in deployed().configuration() if item["kind"] == "ConfigMap"}
    assert names == {
        "connectionkindmap", "deployinfo", "functionkindmap", "infrastructureinfo", "region-unique-info"
    }  # fmt: skip


def test_only_listed_definitions_count(content: Path, unpack: Callable[[], Path]) -> None:
    listing = content / settings.COMPONENTS[0].definitions
    (listing.parent / "bases/_.yaml").write_text("")
    stale = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "old"}}
    (listing.parent / "bases/example.com_old.yaml").write_text(yaml.safe_dump(stale))
    unpack()
    names = [manifests.name_of(item) for item in deployed().definitions()]
    assert len(names) == len(set(names)) == 20
    assert "old" not in names


def test_a_listed_definition_that_moved_is_named(content: Path, unpack: Callable[[], Path]) -> None:
    part = settings.COMPONENTS[0]
    file = next((content / part.definitions).parent.glob("bases/*.yaml"))
    file.rename(file.with_name("moved.yaml"))
    unpack()
    with pytest.raises(Problem, match=f"{part.definitions}: lists bases/{file.name}, which is not there"):
        deployed().definitions()


def test_nothing_in_the_unpacked_archive_is_edited(unpack: Callable[[], Path]) -> None:
    root = unpack()
    before = trees.digest(root)
    found = deployed()
    for objects in (found.definitions, found.configuration, found.managers, found.daemons):
        assert objects()
    assert trees.digest(root) == before


@pytest.mark.parametrize("path", ["/etc/k8s_node/config", "/etc/k8s_worker/config", "/var/lib/moved/kubeconfig"])
def test_the_kubeconfig_goes_where_the_daemons_look_for_it(
    content: Path, unpack: Callable[[], Path], path: str
) -> None:
    for part in settings.deployed("daemon"):
        rewrite(content / part.daemon_set, "/etc/k8s_node/config", path)
    unpack()
    assert facts.facts().kubeconfig == path


def test_hugepages_are_a_checked_prerequisite_of_what_is_for_fpgas(choose: Callable[..., None]) -> None:
    choose(CONTROLLER_HARDWARE="fpga")
    hugepages = next(check for check in checks.CHECKS if check.name == "hugepages")
    assert set(hugepages.purposes) & set(examination.purposes_of("create_cluster", parameters.current()))
    choose(CONTROLLER_HARDWARE="gpu")
    assert not set(hugepages.purposes) & set(examination.purposes_of("create_cluster", parameters.current()))


DEEPSTREAM = """FROM nvcr.io/nvidia/deepstream:7.0-gc-triton-devel
ARG SRC_PATH=/opt/nvidia/deepstream/deepstream-7.0/functions
ENV GST_PLUGIN_PATH=${SRC_PATH}/plugins
"""
NAMES_DEEPSTREAM = """{"GST_PLUGIN_PATH": "/opt/nvidia/deepstream/deepstream-6.3/old/place",
 "workingDir": "/opt/nvidia/deepstream/deepstream-6.3"}"""


def test_paths_of_another_deepstream_become_those_of_the_image(content: Path, unpack: Callable[[], Path]) -> None:
    (content / settings.DEEPSTREAM_FOLDER).mkdir(parents=True)
    (content / settings.DEEPSTREAM_FOLDER / "Dockerfile").write_text(DEEPSTREAM)
    unpack()
    found = deepstream.with_installed_paths(NAMES_DEEPSTREAM)
    assert "6.3" not in found
    assert '"/opt/nvidia/deepstream/deepstream-7.0/functions/plugins"' in found
    assert '"workingDir": "/opt/nvidia/deepstream/deepstream-7.0"' in found


def test_a_dockerfile_of_deepstream_that_does_not_tell_the_paths_is_one_line(
    content: Path, unpack: Callable[[], Path]
) -> None:
    unpack()
    assert deepstream.with_installed_paths(NAMES_DEEPSTREAM) == NAMES_DEEPSTREAM
    (content / settings.DEEPSTREAM_FOLDER).mkdir(parents=True)
    (content / settings.DEEPSTREAM_FOLDER / "Dockerfile").write_text("FROM another\n")
    unpack()
    with pytest.raises(Problem, match=r"gpu-deepstream/Dockerfile: expected FROM \.\.\./deepstream:<version> and ENV"):
        deepstream.with_installed_paths(NAMES_DEEPSTREAM)


def test_the_operator_is_called_as_the_code_calls_it() -> None:
    hops = known.named("calcapp-basic").hops
    assert [hop.operator for hop in hops if hop.operator] == ["plus", "minus", "multiply", "divide", "average"]


def test_kind_is_stock_at_the_version_of_the_parameter() -> None:
    module = (paths.ROOT / artifacts.KIND.folder / "go.mod").read_text(encoding="utf-8")
    assert f"sigs.k8s.io/kind {parameters.current().kind_version}" in module
    assert "replace" not in module


def test_only_patterns_that_use_cards_need_cards() -> None:
    users = {name for name, pattern in known.table().by_name.items() if checks.NICS in pattern.needs}
    assert users == {name for name, pattern in known.table().by_name.items() if pattern.vfs}
    assert users >= {"calcapp-sriov", "p2c3", "p3c1-multi-worker"}
    assert not users & {"calcapp-basic", "p1c1", "p2c4-multi-worker"}
