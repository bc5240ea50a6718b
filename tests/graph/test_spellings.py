"""What users of the original's Makefile and manuals type is the same task here, in every command."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from doit.loader import load_tasks

import dodo
from tasks.runner import words
from tasks.settings import makefile, spellings
from tests.conftest import Checkout, copy_of_checkout

if TYPE_CHECKING:
    from pathlib import Path

TASKS = load_tasks(vars(dodo))
NAMES = [task.name for task in TASKS]
COMMANDS = ("run", "plan", "info", "help", "list", "clean", "forget", "ignore", "reset-dep", "strace")

# All targets of the Makefile, and what the installation manual and the scenario manual write in other words.
TARGETS = {
    "build-dir": "",
    "patch-kind": "",
    "k8s": "",
    "kind-values": "kind_config",
    "dci-kind-base": "image:kind-ubuntu",
    "dci-kind-node": "image:kind-ubuntu-node",
    "dci-kind-crio": "image:kind-ubuntu-node-crio",
    "dci-non-acc": "image:dci-kind-node-non-acc",
    "dci-with-acc": "image:dci-kind-node-with-acc",
    "images": "images",
    "k8s-software": "controller_source",
    "create-cluster": "create_cluster",
    "delete-cluster": "delete_cluster",
    "clean": "clean",
    "unload-driver": "gpu_lease",
    "put-sriov-ifs-to-worker": "nics:kind-worker",
    "put-sriov-ifs-to-worker2": "nics:kind-worker2",
    "install-multus": "addon:multus",
    "install-sriov-dp": "addon:sriov-device-plugin",
    "install-metallb": "addon:metallb",
    "install-nvidia-k8s-ipam": "addon:nvidia-k8s-ipam",
    "create-cpufunc-ns": "cpufunc_namespaces",
    "post-setup": "post_setup",
    "setup-cpufunc-sample": "post_setup",
    "apply-cpufunc-sample": "prepare_scenario",
    "prepare-scenario": "prepare_scenario",
    "send-video-tool": "send_video_tool",
    "create-cluster-with-all": "create_cluster_with_all",
    "create-cluster-without-scenario": "create_cluster_without_scenario",
    "create-cluster-without-senario": "create_cluster_without_scenario",
    "dataflow-calcapp-basic": "dataflow:calcapp-basic",
    "dataflow-calcapp-sriov": "dataflow:calcapp-sriov",
    "df-dataflow-calcapp-sriov": "dataflow:calcapp-sriov",
    "dataflow-p1c1": "dataflow:p1c1",
    "dataflow-p1c2": "dataflow:p1c2",
    "dataflow-p2c1": "dataflow:p2c1",
    "dataflow-p2c2": "dataflow:p2c2",
    "dataflow-p2c3": "dataflow:p2c3",
    "dataflow-p2c4": "dataflow:p2c4",
    "dataflow-p3c1": "dataflow:p3c1",
    "dataflow-calcapp-basic-multi-worker": "dataflow:calcapp-basic-multi-worker",
    "dataflow-calcapp-sriov-multi-worker": "dataflow:calcapp-sriov-multi-worker",
    "dataflow-p1c1-multi-worker": "dataflow:p1c1-multi-worker",
    "dataflow-p1c2-multi-worker": "dataflow:p1c2-multi-worker",
    "dataflow-p2c1-multi-worker": "dataflow:p2c1-multi-worker",
    "dataflow-p2c2-multi-worker": "dataflow:p2c2-multi-worker",
    "dataflow-p2c3-multi-worker": "dataflow:p2c3-multi-worker",
    "dataflow-p2c4-multi-worker": "dataflow:p2c4-multi-worker",
    "dataflow-p3c1-multi-worker": "dataflow:p3c1-multi-worker",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that these tests only read."""
    return copy_of_checkout(tmp_path_factory.mktemp("spellings") / "check out")


@pytest.fixture(autouse=True)
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-docker.sock")
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize(("target", "task"), TARGETS.items(), ids=TARGETS.keys())
def test_each_target_is_the_same_task_in_every_command(target: str, task: str) -> None:
    for command in COMMANDS:
        for word in (target, target.replace("-", "_")):
            chosen = words.choose(command, [word], TASKS, COMMANDS)
            assert chosen.words == ((task,) if task else ()), command
            assert bool(chosen.notes) is not bool(task)


def test_the_table_of_targets_leads_to_tasks_and_hides_none() -> None:
    assert {name for names in makefile.TARGETS.values() for name in names} <= set(NAMES)
    assert not {spellings.key(word) for word in (*makefile.TARGETS, *makefile.REPLACED)} & set(
        map(spellings.key, NAMES)
    )


def test_no_two_tasks_differ_in_hyphens_only() -> None:
    assert max(Counter(map(spellings.key, NAMES)).values()) == 1


@pytest.mark.parametrize("spell", [str.replace, lambda name, a, b: name.replace(b, a)], ids=["low", "high"])
def test_hyphen_or_underscore_never_matters(spell: object) -> None:
    other = [spell(name, "-", "_") for name in NAMES]  # type: ignore[operator]
    typed = [word for word in other if not word.startswith("-")]
    chosen = words.choose("info", typed, TASKS, COMMANDS)
    assert chosen.words == tuple(name for name, word in zip(NAMES, other, strict=True) if word in typed)


def test_in_a_pattern_it_does_not_matter_either() -> None:
    plain = words.choose("plan", ["dataflow:*-multi-worker"], TASKS, COMMANDS).words
    assert words.choose("plan", ["dataflow:*_multi_worker"], TASKS, COMMANDS).words == plain
    assert len(plain) > 1


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("info --no-status create-cluster-without-senario", "create_cluster_without_scenario: "),
        ("help dataflow_p1c1", "dataflow:p1c1  "),
        ("list put-sriov-ifs-to-worker2", "nics:kind-worker2 "),
        ("ignore install-metallb", "ignoring addon:metallb"),
        ("forget install-metallb", "forgetting addon:metallb"),
        ("run configure --help", "configure  "),
    ],
)
def test_a_command_shows_the_tasks_own_name(shared: Checkout, line: str, first: str) -> None:
    done = shared.doit(*line.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(first)


def test_two_spellings_of_a_task_run_it_once(checkout: Checkout) -> None:
    done = checkout.doit("kind-values", "kind_config", "kind-config", env={"NODE_RUNTIME": "containerd"})
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("kind_config: done") == 1


def test_a_target_with_nothing_to_do_succeeds_and_runs_nothing(shared: Checkout) -> None:
    done = shared.doit("patch-kind", "build-dir")
    assert (done.returncode, done.stdout) == (0, "")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["patch-kind", "build-dir"]


def test_the_list_has_the_one_name_only(shared: Checkout) -> None:
    listed = shared.doit("list", "--all", "--quiet").stdout.split()
    assert not set(listed) & {*makefile.TARGETS, *makefile.REPLACED}
    assert {name for name in NAMES if not name.startswith("_")} == set(listed)
