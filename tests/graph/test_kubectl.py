"""`./doit kubectl` as a real process: the words, folder, terminal and exit code are those of the kubectl it becomes."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.graph.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Checkout

VERSION = "v1.31.0"
KUBECTL = """#!/bin/sh
if [ "$1" = exec ]; then
    if [ -t 0 ] && [ -t 1 ]; then echo "a terminal"; else echo "no terminal"; fi
    read -r line && echo "read $line"
    exit 7
fi
printf '<%s>' "$@"
echo " $PWD $KUBECONFIG ${DCI_REGISTRY_PASSWORD:-no password}"
"""


@pytest.fixture
def cluster(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the tool's own kubeconfig of a cluster; the kubectl of the release is a stand-in."""
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("KUBERNETES_FROM", "release")
    monkeypatch.setenv("K8S_RELEASE_URL", "https://127.0.0.1:9/release")
    program = tmp_path / "cache" / "releases" / "https-127-0-0-1-9-release" / VERSION / "kubectl"
    program.parent.mkdir(parents=True)
    program.write_text(KUBECTL)
    program.chmod(0o755)
    access = checkout.root / "build" / "cluster-kind" / "kubeconfig"
    access.parent.mkdir(parents=True)
    access.write_text("apiVersion: v1\n")
    return access


@pytest.mark.parametrize("before", [[], ["--"]], ids=["plain", "dashes"])
def test_words_are_passed_on_untouched(checkout: Checkout, cluster: Path, tmp_path: Path, before: list[str]) -> None:
    words = ["get", "pods", "-A", "-l", "app=x", "--help", "", "a b", "--"]
    env = {**os.environ, "DCI_REGISTRY_USER": "robot", "DCI_REGISTRY_PASSWORD": "secret"}
    command = [str(checkout.root / "doit"), "kubectl", *before, *words]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{''.join(f'<{word}>' for word in words)} {tmp_path} {cluster} no password\n"


def test_input_and_exit_code_are_those_of_kubectl(checkout: Checkout, cluster: Path) -> None:
    command = [str(checkout.root / "doit"), "kubectl", "exec"]
    done = subprocess.run(command, input="hello\n", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "no terminal\nread hello\n", "")
    assert cluster


def test_it_has_the_terminal_of_its_caller(checkout: Checkout, cluster: Path) -> None:
    terminal = Terminal([checkout.root / "doit", "kubectl", "exec", "-it", "pod"], checkout.root)
    terminal.wait_for("a terminal\n")
    terminal.type("hello\n")
    assert "read hello" in terminal.to_the_end()
    assert cluster


def test_a_run_does_not_stop_it_and_nothing_of_the_graph_is_loaded(checkout: Checkout, cluster: Path) -> None:
    (checkout.root / "dodo.py").write_text("raise SystemExit('the graph was loaded')")
    assert checkout.doit("kubectl", "version").returncode == 0
    assert not (checkout.root / "build" / "run.lock").exists()
    assert cluster


def test_the_cluster_is_the_one_that_a_word_in_front_names(checkout: Checkout, cluster: Path) -> None:
    done = checkout.doit("CLUSTER_NAME=other", "kubectl", "CLUSTER_NAME=x")
    access = cluster.parent.with_name("cluster-other") / "kubeconfig"
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"cluster other: {access} is not there\nTry: ./doit create_cluster, or ./doit attach\n"


def test_another_kubeconfig_needs_no_cluster_of_ours(checkout: Checkout, cluster: Path) -> None:
    cluster.unlink()
    done = checkout.doit("kubectl", "--kubeconfig=mine", "config", "view", env={"KUBECONFIG": "of-the-user"})
    assert done.returncode == 0
    assert done.stdout.endswith(" of-the-user no password\n")


def test_its_help_is_the_tools_and_kubectls_own_is_behind_dashes(checkout: Checkout, cluster: Path) -> None:
    own = checkout.doit("kubectl", "--help").stdout
    assert own.startswith("Usage: ./doit [NAME=value ...] kubectl ")
    assert checkout.doit("help", "kubectl").stdout == own
    assert checkout.doit("kubectl", "--", "--help").stdout.startswith("<--help> ")
    assert cluster
