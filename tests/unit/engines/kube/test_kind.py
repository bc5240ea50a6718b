"""tasks.engines.kube.kind: the environment in which kind runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import modules
from tasks.engines.kube import kind
from tasks.settings import artifacts, paths
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.engine import Engine
    from tests.unit.programs import Programs

REGISTRY = "registry.example:5000/images"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_without_a_proxy_nothing_is_said_about_one() -> None:
    assert kind._no_proxy(REGISTRY) == {}


@pytest.mark.parametrize("given", ["", "10.0.0.0/8,.example"])
def test_nodes_do_not_ask_the_proxy_for_the_registry(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", given)
    expected = f"{given},registry.example".lstrip(",")
    assert kind._no_proxy(REGISTRY) == {"NO_PROXY": expected, "no_proxy": expected}


def test_nodes_are_told_the_exceptions_without_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "localhost, 127.0.0.1 .example")
    assert kind._no_proxy(REGISTRY)["NO_PROXY"] == "localhost,127.0.0.1,.example,registry.example"


def test_kind_knows_the_proxies_of_the_docker_command(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"HTTP_PROXY": "http://docker.example", "HTTPS_PROXY": "http://docker.example", "NO_PROXY": ".docker"}
    exceptions = dict.fromkeys(("NO_PROXY", "no_proxy"), ".docker,registry.example")
    assert kind._no_proxy(REGISTRY, told) == {**told, **exceptions}
    monkeypatch.setenv("https_proxy", "http://environment.example")
    assert kind._no_proxy(REGISTRY, told) == {"HTTP_PROXY": "http://docker.example", **exceptions}
    assert kind._no_proxy(REGISTRY, {"NO_PROXY": ".docker"})["NO_PROXY"] == ".docker,registry.example"
    monkeypatch.delenv("https_proxy")
    assert kind._no_proxy(REGISTRY, {"NO_PROXY": ".docker"}) == {}


def test_only_kubeconfigs_that_name_the_cluster_are_shown_to_kind(
    engine: Engine, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, shown, user = lab(CACHE_DIR=str(tmp_path / "cache")), tmp_path / "shown", tmp_path / "config"
    programs.put("docker")
    built = modules._target(artifacts.KIND, chosen)
    built.mkdir(parents=True)
    (built / "kind").symlink_to(programs.folder / "kind")
    programs.write("kind", f'echo "$KUBECONFIG" >>{shown}')
    monkeypatch.setenv("KUBECONFIG", f"{user}:{tmp_path}/none")
    for text in ("contexts:\n- name: kind-kind\n", "clusters: ["):
        user.write_text(text, encoding="utf-8")
        kind.delete("kind", chosen)
    nothing = paths.cluster_dir("kind") / "no-kubeconfig"
    assert shown.read_text(encoding="utf-8").splitlines() == [str(user), str(nothing)]
    assert engine.requests == []
