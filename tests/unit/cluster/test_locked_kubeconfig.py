"""tasks.cluster.creation and removal: a kubeconfig that cannot be written stops a run before it touches anything."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tasks.cluster import access, creation, engine, kubeconfig_owner, removal
from tasks.engines.kube import cluster_owner, kind
from tasks.engines.kube.kind import NodeFacts
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import paths
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEFT = r"^kubeconfig: .*/config\.lock: a killed kind or kubectl left this lock"
NODE = NodeFacts("kind-control-plane", True, "sha256:0", 40000)
ACCESS = "server: https://127.0.0.1:40000\nname: kind-kind\n"


@pytest.fixture
def touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> list[str]:
    """What a run has touched: nothing yet. The kubeconfig names the cluster, and a killed kind has left its lock."""
    choose()
    done: list[str] = []
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    (tmp_path / "config").write_text(ACCESS)
    (tmp_path / "config.lock").touch(0)
    os.utime(tmp_path / "config.lock", (0, 0))
    for module, name in ((creation, "_make"), (creation, "_start_stopped"), (removal, "_remove_build")):
        monkeypatch.setattr(module, name, lambda *_, name=name: done.append(name))
    for module, name in (
        (cluster_owner, "require_ours"),
        (engine, "require_same"),
        (kubeconfig_owner, "objection"),
        (kubeconfig_owner, "require_free"),
    ):
        monkeypatch.setattr(module, name, lambda _name: None)
    monkeypatch.setattr(engine, "ensure_answer", lambda _p: True)
    monkeypatch.setattr(removal, "give_back", lambda _name: done.append("give_back"))
    monkeypatch.setattr(kind, "_run", lambda *words, **_: done.append(words[0]))
    monkeypatch.setattr(kind, "nodes", lambda _name: [])
    return done


@pytest.mark.parametrize(
    ("nodes", "act"),
    [
        ([], creation.create),
        ([NODE], removal.delete),
        ([NODE], removal.clean),
        ([NODE], partial(kind.delete, "kind", lab())),
    ],
)
def test_nothing_is_touched_where_the_kubeconfig_is_locked_for_good(
    touched: list[str], monkeypatch: pytest.MonkeyPatch, nodes: list[NodeFacts], act: Callable[[], None]
) -> None:
    monkeypatch.setattr(kind, "nodes", lambda _name: nodes)
    with pytest.raises(Problem, match=LEFT):
        act()
    assert touched == []


@pytest.mark.parametrize("keep", [True, False])
def test_a_cluster_that_is_not_kept_needs_the_kubeconfig_though_it_is_in_there(
    touched: list[str], monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    monkeypatch.setattr(kind, "nodes", lambda _name: [NODE])
    monkeypatch.setattr(creation, "_keep", lambda *_: keep)
    monkeypatch.setattr(access, "ensure_access", lambda *_: None)
    monkeypatch.setattr(waiting.Condition, "wait", lambda *_, **__: None)
    if keep:
        creation.create()
        assert touched == ["_start_stopped"]
    else:
        with pytest.raises(Problem, match=LEFT):
            creation.create()
        assert touched == []


def test_only_kubeconfigs_that_name_the_cluster_are_shown_to_kind(
    touched: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(kind, "_run", lambda *_, env, **__: seen.append(env["KUBECONFIG"]))
    (tmp_path / "config.lock").unlink()
    kind.delete("kind", lab())
    (tmp_path / "config").write_text("clusters: [")
    kind.delete("kind", lab())
    assert seen == [str(tmp_path / "config"), str(tmp_path / "build" / "cluster-kind" / "no-kubeconfig")]
    assert touched == []
