"""tasks.images.node_images: what makes an image stale."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import sources as go_sources
from tasks.images import node_images
from tasks.problems import Problem
from tasks.settings import artifacts, parameters, paths
from tasks.settings import images as table
from tests.unit.images.node_chain import ALL, CRIO, LAST, NODE, arguments, changed, definition, digests, inputs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Proxy
    from tests.unit.engine import Image

# The image of nodes, and what starts from it.
UPPERMOST = {LAST.name, table.GPU_IMAGE}

pytestmark = pytest.mark.usefixtures("chain")


def test_the_driver_makes_only_the_image_with_the_driver_stale() -> None:
    installer = paths.DRIVER / parameters.current().nvidia_driver_file
    installer.parent.mkdir(parents=True, exist_ok=True)
    installer.write_text("#!/bin/sh", encoding="utf-8")
    before = digests()
    installer.write_text("#!/bin/sh\n: another", encoding="utf-8")
    assert changed(before) == {table.GPU_IMAGE}


def test_the_kernel_is_a_part_of_the_image_with_the_driver_alone() -> None:
    gpu = ALL[table.GPU_IMAGE]
    kernels = {name: arguments(image).get("KERNEL_RELEASE") for name, image in ALL.items()}
    assert kernels == {**dict.fromkeys(ALL), table.GPU_IMAGE: os.uname().release}
    assert definition(gpu).parts["KERNEL_RELEASE"] == os.uname().release
    assert inputs(replace(gpu, facts=())) != inputs(gpu)


def test_the_same_inputs_make_the_same_digest() -> None:
    before = digests()
    assert changed(before) == set()
    assert len(set(before.values())) == len(before)


def test_the_version_of_crio_makes_only_its_image_stale(choose: Callable[..., None]) -> None:
    before = digests()
    choose(CRIO_PKG_VERSION="1.31.1-1.1")
    assert changed(before) == {"kind-ubuntu-node-crio"}


def test_a_parent_is_named_by_its_recipe_so_that_every_engine_has_the_same_digests(chain: dict[str, Image]) -> None:
    before = digests()
    for number, image in enumerate(chain.values(), 50):
        image.id = f"sha256:{number:064}"  # as with another image store, or after an import
    assert changed(before) == set()
    chain.clear()
    assert changed(before) == set()
    assert definition(CRIO).parts["parent image"] == before[NODE.name][:12]


def test_another_base_makes_all_stale(mirror: Callable[[str], None], choose: Callable[..., None]) -> None:
    before = digests()
    mirror("another.example")
    choose(CACHE_DIR=f"{parameters.current().cache_dir}-other")
    assert changed(before) == set(ALL)


@pytest.mark.parametrize("folder", ["kind-ubuntu", "shared", "go/kubernetes"])
def test_a_text_for_people_makes_nothing_stale(kind: Path, folder: str) -> None:
    before = digests()
    (kind / folder / "README.md").write_text("words", encoding="utf-8")
    assert changed(before) == set()


@pytest.mark.parametrize(
    ("file", "stale"),
    [
        ("kind-ubuntu/Dockerfile", set(ALL)),
        ("shared/pack-image", {CRIO.name, "kind-ubuntu-node-containerd", *UPPERMOST}),
        ("go/cni-plugins/go.sum", UPPERMOST),
        ("go/sriov-cni/go.sum", UPPERMOST),
        ("go/pause/main.go", {CRIO.name, "kind-ubuntu-node-containerd", *UPPERMOST}),
        ("go/crio/go.sum", {"kind-ubuntu-node-crio"}),
        ("crio-cgo/compile.sh", {"kind-ubuntu-node-crio"}),
    ],
)
def test_a_changed_file_makes_stale_what_is_made_of_it_and_what_starts_from_that(
    kind: Path, file: str, stale: set[str]
) -> None:
    before = digests()
    with (kind / file).open("a", encoding="utf-8") as script:
        script.write("\n# changed\n")
    assert changed(before) == stale


def test_a_changed_mode_makes_stale(kind: Path) -> None:
    before = digests()
    (kind / "kind-ubuntu-node-crio" / "fill-store").chmod(0o644)
    assert changed(before) == {"kind-ubuntu-node-crio"}


def test_packages_of_crio_depend_on_no_module(kind: Path, choose: Callable[..., None]) -> None:
    from_modules = inputs(CRIO)
    choose(CRIO_FROM="packages")
    before = digests()
    assert before[CRIO.name] != from_modules
    with (kind / "go/crio/go.sum").open("a", encoding="utf-8") as sums:
        sums.write("\n")
    assert changed(before) == set()


def test_a_base_that_is_pulled_needs_not_be_in_the_engine(choose: Callable[..., None], chain: dict[str, Image]) -> None:
    chain.clear()
    choose(BASE_FROM="registry", UBUNTU_IMAGE_NAME="docker.io/library/ubuntu:22.04")
    assert inputs(table.named("kind-ubuntu"))
    assert definition(table.named("kind-ubuntu")).parts["parent image"] == "docker.io/library/ubuntu:22.04"


def test_optional_programs_that_are_refused_make_another_image(proxy: Proxy) -> None:
    image = replace(NODE, programs=(replace(NODE.programs[0], optional=True),))
    had = inputs(NODE)
    assert inputs(image) == had, "those that can be had are what others are"
    proxy[artifacts.KUBERNETES.name] = "k8s.io/kubernetes@v1.31.0: 403 Forbidden"
    assert inputs(image) != had
    assert definition(image).parts["programs of kubernetes"] == "not to be had"
    assert inputs(NODE) == had


def test_another_version_waits_for_its_modules_and_is_then_what_its_image_is_made_of(
    choose: Callable[..., None],
) -> None:
    before = digests()
    choose(K8S_VERSION="v1.31.4")
    words = "v1.31.4, whose modules are not resolved yet"
    assert definition(NODE).parts["programs of kubernetes"] == words
    assert changed(before) == set(ALL) - {"kind-ubuntu"}
    assert not list(paths.BUILD.glob("go/*")), "a check resolves nothing"
    (waiting,) = node_images.unresolved(NODE, parameters.current())
    go_sources.resolve(waiting, parameters.current())
    assert not node_images.unresolved(NODE, parameters.current())
    resolved = definition(NODE)
    assert resolved.parts["programs of kubernetes"] not in {words, "not to be had"}
    (go_sources.folder(waiting, parameters.current()) / "go.sum").write_text("others", encoding="utf-8")
    assert inputs(NODE) != resolved.digest


def test_where_a_release_comes_first_another_version_is_the_same_whether_or_not_its_modules_are_there(
    choose: Callable[..., None],
) -> None:
    choose(K8S_VERSION="v1.31.4", KUBERNETES_FROM="auto")
    before = inputs(NODE)
    assert not node_images.unresolved(NODE, parameters.current())
    go_sources.resolve(artifacts.KUBERNETES, parameters.current())
    assert inputs(NODE) == before
    choose(K8S_VERSION="v1.31.5", KUBERNETES_FROM="auto")
    assert inputs(NODE) != before


def test_optional_programs_of_another_version_are_left_out_only_if_refused(
    choose: Callable[..., None], proxy: Proxy
) -> None:
    choose(SRIOV_CNI_VERSION="v2.9.0")
    assert definition(LAST).parts["programs of sriov-cni"] == "v2.9.0, whose modules are not resolved yet"
    proxy["sriov-cni"] = "403 Forbidden"
    assert definition(LAST).parts["programs of sriov-cni"] == "not to be had"
    assert "sriov-cni" not in proxy.asked


def test_the_drivers_source_makes_only_the_image_that_has_them_stale(
    drivers: Path, choose: Callable[..., None]
) -> None:
    before = digests()
    assert "archive's src/submodules/fpga-software" in definition(LAST).parts
    (drivers / "lib/Makefile").write_text("DPDK_VERSION := 23.11.2\n", encoding="utf-8")
    assert changed(before) == UPPERMOST
    before = digests()
    choose(CONTROLLER_HARDWARE="fpga", DPDK_SHA256="0" * 64)
    assert changed(before) == UPPERMOST


def test_without_fpgas_the_drivers_source_makes_nothing_stale(drivers: Path, choose: Callable[..., None]) -> None:
    choose(DPDK_SHA256="0" * 64)
    before = digests()
    (drivers / "lib/Makefile").unlink()
    choose(DPDK_SHA256="1" * 64)
    assert changed(before) == set()


def test_an_archive_without_the_drivers_is_said_by_name(drivers: Path) -> None:
    shutil.rmtree(drivers)
    with pytest.raises(Problem, match="CONTROLLER_HARDWARE: fpga needs controller/src/submodules/fpga-software/lib"):
        inputs(LAST)
