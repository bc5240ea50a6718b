"""tasks.images.node_images: what goes into the build context of a node image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks.images import building, node_images
from tasks.problems import Problem
from tasks.settings import artifacts, parameters
from tasks.settings import images as table
from tests.unit.conftest import REFUSED
from tests.unit.images.node_chain import CRIO, LAST, NODE, assemble, inputs, modes_of, tag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines, Proxy
    from tests.unit.images.conftest import Docker, Go

pytestmark = pytest.mark.usefixtures("chain")


def test_the_context_holds_files_programs_and_module_files_with_their_modes(kind: Path, go: Go, docker: Docker) -> None:
    files = go.module / table.named("kind-ubuntu").files[0].path
    (files / "etc").mkdir(parents=True)
    (files / "run").write_text("#!/bin/sh\n", encoding="utf-8")
    (files / "etc/unit").write_text("[Unit]\n", encoding="utf-8")
    for path in files.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    (kind / "kind-ubuntu-node/README.md").write_text("words", encoding="utf-8")
    left = kind.parent / "build/context/kind-ubuntu-node.part-1-1/left"
    left.mkdir(parents=True)

    both = replace(NODE, files=table.named("kind-ubuntu").files)
    building.build(node_images.recipe(both, parameters.current()))

    assert docker.built == [tag(NODE.name)]
    context = docker.context(tag(NODE.name))
    seen = {name: mode for name, mode in modes_of(context).items() if (context / name).is_file()}
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


@pytest.mark.usefixtures("private_umask")
def test_a_context_is_readable_for_everybody_whatever_umask_and_sources_are(kind: Path, tmp_path: Path) -> None:
    before = inputs(LAST)
    for path in kind.rglob("*"):
        path.chmod(0o700 if path.is_dir() or path.stat().st_mode & 0o111 else 0o600)
    use = replace(NODE.programs[0], names=("kubelet",))
    context = tmp_path / "context"
    assemble(replace(LAST, programs=(use,)), context)
    found = modes_of(context)
    assert set(found.values()) == {0o644, 0o755}
    assert (found["."], found[f"{use.folder}/kubelet"], found["Dockerfile"]) == (0o755, 0o755, 0o644)
    assert {found[name] for name in found if (context / name).is_dir()} == {0o755}
    assert inputs(LAST) == before


def test_crio_is_compiled_once_with_the_compiler_of_its_own(
    proxy: Proxy, docker: Docker, kind: Path, tmp_path: Path
) -> None:
    proxy[artifacts.CRIO.name] = ""
    image = replace(CRIO, programs=CRIO.programs[-1:])
    for context in (tmp_path / "first", tmp_path / "second"):
        assemble(image, context)
        assert {path.name for path in (context / "bin").iterdir()} == {"crio", "pinns"}
    compiler = f"crio-cgo:{parameters.current().img_tag}"
    assert docker.built == [compiler]
    assert docker.runs == [[compiler, "github.com/cri-o/cri-o/cmd/crio", "crio"]]
    assert (docker.source / "go.sum").read_bytes() == (kind / "go/crio/go.sum").read_bytes()


def test_all_programs_of_a_module_that_link_c_are_compiled_in_one_container(
    proxy: Proxy, docker: Docker, tmp_path: Path
) -> None:
    proxy[artifacts.NVIDIA_TOOLKIT.name] = ""
    (use,) = table.named(table.SHARED_GPU_IMAGE).programs
    assemble(replace(LAST, programs=(use,)), tmp_path / "context")
    assert {path.name for path in (tmp_path / "context" / use.folder).iterdir()} == set(use.names)
    (run,) = docker.runs
    assert run[2::2] == list(use.names)


def test_crio_whose_source_is_refused_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=f"cri-o cannot be built: {REFUSED}") as caught:
        assemble(replace(CRIO, programs=CRIO.programs[-1:]), tmp_path / "context")
    assert caught.value.hint == "NODE_RUNTIME=auto, or CRIO_FROM=packages"


def test_optional_programs_that_are_refused_are_left_out_and_it_is_said(
    tmp_path: Path, proxy: Proxy, said: Lines
) -> None:
    use = replace(NODE.programs[0], optional=True)
    proxy[artifacts.KUBERNETES.name] = "k8s.io/kubernetes@v1.31.0: 403 Forbidden"
    assemble(replace(NODE, programs=(use,)), tmp_path / "context")
    assert list((tmp_path / "context" / use.folder).iterdir()) == []
    assert said.kept == ["Made without kubernetes: k8s.io/kubernetes@v1.31.0: 403 Forbidden"]


@pytest.mark.usefixtures("kind")
def test_sriov_cni_is_a_plugin_of_the_nodes_where_its_source_can_be_had(tmp_path: Path) -> None:
    use = next(use for use in LAST.programs if use.artifact == artifacts.SRIOV_CNI)
    assemble(replace(LAST, programs=(use,)), tmp_path / "context")
    assert [path.name for path in (tmp_path / "context" / "cni").iterdir()] == ["sriov"]


def test_the_context_holds_the_drivers_source(
    drivers: Path, tmp_path: Path, choose: Callable[..., None], said: Lines
) -> None:
    image = replace(LAST, programs=())
    assemble(image, tmp_path / "with")
    held = tmp_path / "with/fpga-software/lib/Makefile"
    assert held.read_bytes() == (drivers / "lib/Makefile").read_bytes()
    assert (tmp_path / "with/controller-cgo/parson/parson.h").is_file()
    (line,) = said.kept
    assert "dci-kind-node-non-acc: the source's src/submodules/fpga-software lacks lib/JSON/parson/parson.c" in line
    choose()
    assemble(image, tmp_path / "without")
    assert not (tmp_path / "without/fpga-software").exists()
