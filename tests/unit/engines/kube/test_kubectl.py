"""tasks.engines.kube.kubectl: what is there is used, and of Kubernetes only kubectl is compiled where nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import modules
from tasks.engines.kube import kubectl, kustomize
from tasks.settings import artifacts, parameters, paths
from tasks.settings.parameters import layers
from tests.unit.engines.go.test_modules import GO

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters
    from tests.unit.conftest import Lines
    from tests.unit.programs import Programs

ONLY_KUBECTL = ["k8s.io/kubernetes/cmd/kubectl"]
RENDERED = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"


def chosen(cache: Path, **values: str) -> Parameters:
    environ = {"PROFILE": "physical", "KUBERNETES_FROM": "modules", "CACHE_DIR": str(cache), **values}
    return parameters.validated(layers.read(paths.ROOT, environ))


@pytest.fixture
def go(programs: Programs) -> Programs:
    programs.write("go", GO)
    return programs


def packages(programs: Programs) -> list[list[str]]:
    """Return the packages that each build compiled."""
    return [
        [word for word in call if word.startswith("k8s.io/")] for call in programs.calls if call[:2] == ["go", "build"]
    ]


def test_only_kubectl_is_compiled_once_and_that_is_said(go: Programs, tmp_path: Path, said: Lines) -> None:
    settings = chosen(tmp_path)
    assert kubectl.kept(settings) is None
    program = kubectl.ensure(settings)
    assert kubectl.ensure(settings) == program == kubectl.kept(settings)
    assert packages(go) == [ONLY_KUBECTL]
    assert said.kept == [f"kubectl {settings.k8s_version} is not here yet: compiling it from the Go module proxy"]


def test_where_all_of_kubernetes_is_compiled_nothing_is_compiled_again(go: Programs, tmp_path: Path) -> None:
    settings = chosen(tmp_path)
    folder = modules.build(artifacts.KUBERNETES, settings)
    assert kubectl.ensure(settings) == folder / "kubectl"
    assert len(packages(go)) == 1


@pytest.mark.parametrize(("source", "is_taken"), [("release", True), ("auto", True), ("modules", False)])
def test_the_release_that_is_there_is_taken_unless_it_is_not_wanted(
    go: Programs, tmp_path: Path, source: str, *, is_taken: bool
) -> None:
    settings = chosen(tmp_path, KUBERNETES_FROM=source, K8S_RELEASE_URL="https://dl.example/release")
    program = tmp_path / "releases" / "https-dl-example-release" / settings.k8s_version / "kubectl"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    assert kubectl.kept(settings) is None, "a download that was cut off cannot be run yet"
    program.chmod(0o755)
    assert (kubectl.kept(settings) == program) is is_taken
    assert packages(go) == []


def test_kustomize_compiles_nothing_where_any_kubectl_is_on_the_path(go: Programs, tmp_path: Path) -> None:
    go.put("kubectl", RENDERED)
    (found,) = kustomize.build(tmp_path, chosen(tmp_path))
    assert found["metadata"]["name"] == "a"
    assert packages(go) == []
