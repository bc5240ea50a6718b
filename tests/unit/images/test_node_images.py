"""tasks.images.node_images: what makes an image stale, and what goes into its build context."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import images
from tasks.engines.files import modes
from tasks.engines.go import cgo, modules, proxy
from tasks.engines.host import facts
from tasks.images import choices, machine, node_images
from tasks.images import programs as sources
from tasks.problems import Problem
from tasks.settings import images as table
from tasks.settings import parameters, paths
from tests.unit.conftest import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tasks.images.recipe import Definition
    from tests.unit.conftest import Lines

CRIO = table.named("kind-ubuntu-node-crio")
NODE = table.named("kind-ubuntu-node")
LAST = table.named("dci-kind-node-non-acc")
# What a change makes stale is shown of these; another image in the table changes nothing here.
CHAIN = ("kind-ubuntu", NODE.name, CRIO.name, "kind-ubuntu-node-containerd", LAST.name, table.GPU_IMAGE)
ALL = {name: table.named(name) for name in CHAIN}


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> Path:
    """Return a copy of kind/ that the images are made from, with an engine whose images are called by their tags."""
    choose()
    for folder in ("kind", "env"):
        shutil.copytree(paths.ROOT / folder, tmp_path / folder)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "KIND", tmp_path / "kind")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setattr(images, "require", lambda tag: images.ImageFacts(f"id of {tag}"))
    return tmp_path


def definition(image: table.NodeImage) -> Definition:
    return node_images.recipe(image, parameters.current()).made_of


def inputs(image: table.NodeImage) -> str:
    return definition(image).digest


def arguments(image: table.NodeImage) -> dict[str, str]:
    made = node_images.recipe(image, parameters.current())
    return {"BASE_IMAGE": str(made.parent), **made.arguments}


def assemble(image: table.NodeImage, context: Path) -> None:
    context.mkdir()
    for put in node_images.recipe(image, parameters.current()).contents:
        put(context)
    modes.normalise(context)


def digests() -> dict[str, str]:
    return {name: inputs(image) for name, image in ALL.items()}


def changed(before: dict[str, str]) -> set[str]:
    return {name for name, digest in digests().items() if digest != before[name]}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of a machine with a GPU, beside a checkout that has the driver's installer."""
    for name, text in (("vendor", "0x10de"), ("class", "0x030200")):
        file = tmp_path / "machine/sys/bus/pci/devices/0000:ca:00.0" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(paths, "DRIVER", tmp_path / "driver")
    paths.DRIVER.mkdir()
    (paths.DRIVER / parameters.current().nvidia_driver_file).write_text("#!/bin/sh", encoding="utf-8")
    return tmp_path / "machine"


@pytest.mark.parametrize(
    ("changes", "lent"),
    [
        ({"GPU": "auto", "NODE_RUNTIME": "crio"}, True),
        ({"GPU": "auto"}, False),
        ({"GPU": "no", "NODE_RUNTIME": "crio"}, False),
        ({"GPU": "yes", "NODE_RUNTIME": "crio"}, True),
    ],
    ids=["auto", "containerd", "no", "yes"],
)
def test_the_first_worker_has_the_driver_where_a_gpu_is_lent(
    server: Path, choose: Callable[..., None], changes: dict[str, str], *, lent: bool
) -> None:
    choose(**changes)
    assert choices.is_gpu_lent(parameters.current(), facts.Host(server)) is lent
    name = table.GPU_IMAGE if lent else table.NODE_IMAGE
    assert choices.node_image("worker", parameters.current(), facts.Host(server)) == table.tag(
        name, parameters.current()
    )
    assert choices.node_image("worker2", parameters.current(), facts.Host(server)) == table.tag(
        table.NODE_IMAGE, parameters.current()
    )


def test_auto_lends_no_gpu_without_card_or_driver(server: Path, choose: Callable[..., None]) -> None:
    choose(GPU="auto", NODE_RUNTIME="crio")
    assert choices.is_gpu_lent(parameters.current(), facts.Host(server))
    file = paths.DRIVER / parameters.current().nvidia_driver_file
    file.unlink()
    assert not choices.is_gpu_lent(parameters.current(), facts.Host(server))
    file.touch()
    shutil.rmtree(server / "sys/bus/pci/devices/0000:ca:00.0")
    assert not choices.is_gpu_lent(parameters.current(), facts.Host(server))


def test_kernel_and_driver_make_only_the_image_with_the_driver_stale(
    server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digests()
    monkeypatch.setitem(machine.FACTS, "KERNEL_RELEASE", lambda: "5.15.0-125-generic")
    assert changed(before) == {table.GPU_IMAGE}
    before = digests()
    (paths.DRIVER / parameters.current().nvidia_driver_file).write_text("#!/bin/sh\n: another", encoding="utf-8")
    assert changed(before) == {table.GPU_IMAGE}
    assert server.is_dir()


def test_the_same_inputs_make_the_same_digest() -> None:
    before = digests()
    assert changed(before) == set()
    assert len(set(before.values())) == len(before)


def test_the_version_of_crio_makes_only_its_image_stale(choose: Callable[..., None]) -> None:
    before = digests()
    choose(CRIO_PKG_VERSION="1.31.1-1.1")
    assert changed(before) == {"kind-ubuntu-node-crio"}


def test_a_rebuilt_parent_makes_its_children_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests()
    rebuilt = table.tag("kind-ubuntu-node", parameters.current())
    monkeypatch.setattr(
        images, "require", lambda tag: images.ImageFacts(f"{'new ' if tag == rebuilt else ''}id of {tag}")
    )
    assert changed(before) == {"kind-ubuntu-node-crio", "kind-ubuntu-node-containerd"}


@pytest.mark.parametrize("folder", ["kind-ubuntu", "shared", "go/kubernetes"])
def test_a_text_for_people_makes_nothing_stale(checkout: Path, folder: str) -> None:
    before = digests()
    (checkout / "kind" / folder / "README.md").write_text("words", encoding="utf-8")
    assert changed(before) == set()


@pytest.mark.parametrize(
    ("file", "stale"),
    [
        ("kind-ubuntu/Dockerfile", {"kind-ubuntu"}),
        ("shared/pack-image", {"kind-ubuntu-node-crio", "kind-ubuntu-node-containerd"}),
        ("go/cni-plugins/go.sum", {"dci-kind-node-non-acc"}),
        ("go/sriov-cni/go.sum", {"dci-kind-node-non-acc"}),
        ("go/pause/main.go", {"kind-ubuntu-node-crio", "kind-ubuntu-node-containerd"}),
        ("go/crio/go.sum", {"kind-ubuntu-node-crio"}),
        ("crio-cgo/compile.sh", {"kind-ubuntu-node-crio"}),
    ],
)
def test_a_changed_file_makes_stale_what_is_made_of_it(checkout: Path, file: str, stale: set[str]) -> None:
    before = digests()
    with (checkout / "kind" / file).open("a", encoding="utf-8") as script:
        script.write("\n# changed\n")
    assert changed(before) == stale


def test_a_changed_mode_makes_stale(checkout: Path) -> None:
    before = digests()
    (checkout / "kind" / "kind-ubuntu-node-crio" / "fill-store").chmod(0o644)
    assert changed(before) == {"kind-ubuntu-node-crio"}


def test_packages_of_crio_depend_on_no_module(checkout: Path, choose: Callable[..., None]) -> None:
    from_modules = inputs(CRIO)
    choose(CRIO_FROM="packages")
    before = digests()
    assert before[CRIO.name] != from_modules
    with (checkout / "kind/go/crio/go.sum").open("a", encoding="utf-8") as sums:
        sums.write("\n")
    assert changed(before) == set()


def test_crio_is_compiled_once_with_the_compiler_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]
) -> None:
    choose(CACHE_DIR=str(tmp_path / "cache"))
    monkeypatch.setattr(proxy, "refusal", lambda _artifact, _settings: "")
    made: list[str] = []
    monkeypatch.setattr(images, "find", lambda _tag: None)
    monkeypatch.setattr(images, "build", lambda _context, tag, **_options: made.append(tag))

    def compile_tree(program: cgo.CProgram, compiler: str, output: Path, _settings: object) -> None:
        made.append(f"{compiler} {program.source.name} {program.package}")
        (output / "bin").mkdir()
        for name in (program.name, "pinns"):
            (output / "bin" / name).write_text(name, encoding="utf-8")

    monkeypatch.setattr(cgo, "build_tree", compile_tree)
    for context in (tmp_path / "first", tmp_path / "second"):
        context.mkdir()
        node_images._put_programs(CRIO.programs[-1], parameters.current(), context)
        assert {path.name for path in (context / "bin").iterdir()} == {"crio", "pinns"}
    tag = f"crio-cgo:{parameters.current().img_tag}"
    assert made == [tag, f"{tag} crio github.com/cri-o/cri-o/cmd/crio"]


def test_crio_whose_source_is_refused_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=f"cri-o cannot be built: {REFUSED}"):
        node_images._put_programs(CRIO.programs[-1], parameters.current(), tmp_path)


def test_the_runtime_chooses_the_parent_of_the_last_image(choose: Callable[..., None]) -> None:
    assert choices.runtime_image() == {"task_dep": ["image:kind-ubuntu-node-containerd"]}
    before = inputs(LAST)
    choose(NODE_RUNTIME="crio")
    assert choices.runtime_image() == {"task_dep": ["image:kind-ubuntu-node-crio"]}
    assert inputs(LAST) != before


def test_a_base_that_is_pulled_needs_not_be_in_the_engine(
    choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(tag: str) -> images.ImageFacts:
        raise Problem(f"image {tag}: absent")

    monkeypatch.setattr(images, "require", absent)
    choose(BASE_FROM="registry", UBUNTU_IMAGE_NAME="docker.io/library/ubuntu:22.04")
    assert inputs(table.named("kind-ubuntu"))
    with pytest.raises(Problem, match="kind-ubuntu:"):
        inputs(NODE)


@pytest.mark.parametrize(
    ("label", "fresh"), [("its own", True), ("another", False), (None, False)], ids=["same", "retagged", "unlabelled"]
)
def test_only_the_label_of_its_own_inputs_is_fresh(
    monkeypatch: pytest.MonkeyPatch, label: str | None, fresh: bool
) -> None:
    value = inputs(NODE) if label == "its own" else label
    labels = {table.INPUTS_LABEL: value} if value else {}
    monkeypatch.setattr(images, "find", lambda _tag: images.ImageFacts("sha256:1", labels))
    assert (not node_images.lack(NODE.name)) is fresh


def test_an_absent_image_is_not_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "find", lambda _tag: None)
    assert node_images.lack(NODE.name)


def test_the_context_holds_files_programs_and_module_files_with_their_modes(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, module = checkout / "programs", checkout / "module"
    programs.mkdir()
    for name in ("kubeadm", "kubectl", "kubelet"):
        (programs / name).write_text(name, encoding="utf-8")
        (programs / name).chmod(0o755)
    (module / "images/base/files/etc").mkdir(parents=True)
    (module / "images/base/files/run").write_text("#!/bin/sh\n", encoding="utf-8")
    (module / "images/base/files/etc/unit").write_text("[Unit]\n", encoding="utf-8")
    for path in module.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    monkeypatch.setattr(modules, "build", lambda _artifact, _settings: programs)
    monkeypatch.setattr(modules, "module_folder", lambda _artifact, _module, _settings: module)
    seen: dict[str, int] = {}

    def build(context: Path, tag: str, **_options: object) -> None:
        files = (path for path in context.rglob("*") if path.is_file())
        seen.update({path.relative_to(context).as_posix(): path.stat().st_mode & 0o777 for path in files})

    monkeypatch.setattr(images, "build", build)
    (checkout / "kind/kind-ubuntu-node/README.md").write_text("words", encoding="utf-8")
    left = checkout / "build/context/kind-ubuntu-node.part-1-1/left"
    left.mkdir(parents=True)
    both = replace(NODE, files=table.named("kind-ubuntu").files)
    monkeypatch.setattr(table, "named", lambda _name: both)

    node_images.build(NODE.name)

    assert seen.keys() == {
        "Dockerfile",
        "bin/kubeadm",
        "bin/kubectl",
        "bin/kubelet",
        "kind-files/run",
        "kind-files/etc/unit",
    }
    assert (seen["bin/kubelet"], seen["kind-files/run"], seen["kind-files/etc/unit"]) == (0o755, 0o755, 0o644)
    assert not left.parent.exists()


def test_a_program_is_copied_where_it_cannot_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: object, _target: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "program").write_text("x", encoding="utf-8")
    modes.link(tmp_path / "program", tmp_path / "copy")
    assert (tmp_path / "copy").read_text(encoding="utf-8") == "x"


@pytest.fixture
def private_umask() -> Iterator[None]:
    """Run under the umask of a careful user."""
    earlier = os.umask(0o077)
    yield
    os.umask(earlier)


def modes_of(root: Path) -> dict[str, int]:
    return {path.relative_to(root).as_posix(): path.stat().st_mode & 0o7777 for path in [root, *root.rglob("*")]}


@pytest.mark.usefixtures("private_umask")
def test_a_context_is_readable_for_everybody_whatever_umask_and_sources_are(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = inputs(LAST)
    for path in (checkout / "kind").rglob("*"):
        path.chmod(0o700 if path.is_dir() or path.stat().st_mode & 0o111 else 0o600)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "kubelet").write_text("x", encoding="utf-8")
    (programs / "kubelet").chmod(0o700)
    monkeypatch.setattr(sources, "folder", lambda *_: programs)
    context = tmp_path / "context"
    use = replace(NODE.programs[0], names=("kubelet",))
    assemble(replace(LAST, programs=(use,)), context)
    found = modes_of(context)
    assert set(found.values()) == {0o644, 0o755}
    assert (found["."], found[f"{use.folder}/kubelet"], found["Dockerfile"]) == (0o755, 0o755, 0o644)
    assert {found[name] for name in found if (context / name).is_dir()} == {0o755}
    assert modes_of(programs)["kubelet"] == 0o700
    assert inputs(LAST) == before


def test_a_file_of_the_users_own_is_linked_with_its_mode_or_copied(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x", encoding="utf-8")
    (tmp_path / "real").chmod(0o644)
    (tmp_path / "driver.run").symlink_to("real")
    modes.link(tmp_path / "driver.run", tmp_path / "linked")
    assert (tmp_path / "linked").stat().st_ino == (tmp_path / "real").stat().st_ino
    (tmp_path / "real").chmod(0o600)
    modes.link(tmp_path / "driver.run", tmp_path / "copied")
    assert modes_of(tmp_path)["copied"] == 0o644
    assert modes_of(tmp_path)["real"] == 0o600


def test_optional_programs_that_are_refused_are_left_out_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Lines
) -> None:
    use = replace(NODE.programs[0], optional=True)
    image = replace(NODE, programs=(use,))
    had = inputs(NODE)
    monkeypatch.setattr(proxy, "refusal", lambda _artifact, _settings: "k8s.io/kubernetes@v1.31.0: 403 Forbidden")
    assert inputs(image) != had
    assert definition(image).parts["programs of kubernetes"] == "not to be had"
    node_images._put_programs(use, parameters.current(), tmp_path)
    assert list((tmp_path / use.folder).iterdir()) == []
    assert said.kept == ["Made without kubernetes: k8s.io/kubernetes@v1.31.0: 403 Forbidden"]
    assert inputs(NODE) == had


def test_optional_programs_that_can_be_had_are_what_others_are() -> None:
    assert inputs(replace(NODE, programs=(replace(NODE.programs[0], optional=True),))) == inputs(NODE)


@pytest.fixture
def drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> Path:
    """Return the drivers' source in an unpacked archive, with the controller's parts for FPGAs asked for."""
    monkeypatch.setattr(paths, "CONTROLLER", tmp_path / "controller")
    source = tmp_path / "controller/src/submodules/fpga-software"
    (source / "lib").mkdir(parents=True)
    (source / "lib/Makefile").write_text("DPDK_VERSION := 23.11.1\n", encoding="utf-8")
    choose(CONTROLLER_HARDWARE="gpu, fpga")
    return source


@pytest.mark.usefixtures("drivers")
def test_the_drivers_of_fpgas_are_asked_for_by_the_hardware_only(choose: Callable[..., None]) -> None:
    asked = {"HARDWARE": "fpga", "DPDK_FROM": "release", "DPDK_URL": "https://mirror.example/dpdk", "DPDK_SHA256": ""}
    where = {"DPDK_FROM": "release", "DPDK_URL": "https://mirror.example/dpdk"}
    choose(CONTROLLER_HARDWARE="fpga", **where)
    base = {"BASE_IMAGE": "kind-ubuntu-node-containerd:22.04.5"}
    assert arguments(LAST) == {**base, **asked}
    assert choices.archive_source() == {"task_dep": ["controller_source"]}
    choose(CONTROLLER_HARDWARE="gpu", **where)
    assert arguments(LAST) == base
    assert choices.archive_source() == {"task_dep": []}


def test_the_drivers_source_makes_only_the_image_that_has_them_stale(
    drivers: Path, choose: Callable[..., None]
) -> None:
    before = digests()
    assert "archive's src/submodules/fpga-software" in definition(LAST).parts
    (drivers / "lib/Makefile").write_text("DPDK_VERSION := 23.11.2\n", encoding="utf-8")
    assert changed(before) == {LAST.name}
    before = digests()
    choose(CONTROLLER_HARDWARE="fpga", DPDK_SHA256="0" * 64)
    assert changed(before) == {LAST.name}


def test_without_fpgas_the_drivers_source_makes_nothing_stale(drivers: Path, choose: Callable[..., None]) -> None:
    choose(DPDK_SHA256="0" * 64)
    before = digests()
    (drivers / "lib/Makefile").unlink()
    choose(DPDK_SHA256="1" * 64)
    assert changed(before) == set()


def test_the_context_holds_the_drivers_source(
    drivers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None], said: Lines
) -> None:
    monkeypatch.setattr(node_images, "_put_programs", lambda *_: None)
    assemble(LAST, tmp_path / "with")
    assert (tmp_path / "with/fpga-software/lib/Makefile").read_text("utf-8") == (drivers / "lib/Makefile").read_text(
        "utf-8"
    )
    assert (tmp_path / "with/controller-cgo/parson/parson.h").is_file()
    (line,) = said.kept
    assert "dci-kind-node-non-acc: the archive's src/submodules/fpga-software lacks lib/JSON/parson/parson.c" in line
    choose()
    assemble(LAST, tmp_path / "without")
    assert not (tmp_path / "without/fpga-software").exists()


def test_an_archive_without_the_drivers_is_said_by_name(drivers: Path) -> None:
    shutil.rmtree(drivers)
    with pytest.raises(Problem, match="CONTROLLER_HARDWARE: fpga needs controller/src/submodules/fpga-software/lib"):
        inputs(LAST)
