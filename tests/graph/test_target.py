"""The graph on a cluster that exists already: its own first step, and nothing of kind, engine, cards or GPU."""

from __future__ import annotations

import io
import json
import socket
import tarfile
import tempfile
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from doit.loader import load_tasks

import dodo
from tasks.settings import controller, paths, stages, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Checkout

TASKS = {task.name: task for task in load_tasks(vars(dodo))}
# No engine answers there, and all images come from the registry.
ELSEWHERE = {
    "TARGET": "existing",
    "TARGET_KUBECONFIG": "/nowhere/kubeconfig",
    "TARGET_CONTEXT": "elsewhere",
    "TARGET_UID": "01234567-89ab-cdef-0123-456789abcdef",
    "DOCKER_HOST": "unix:///nowhere/docker.sock",
    "REGISTRY": "harbor",
    "EMULATE": "",
    "CONTROLLER_IMAGES": "registry",
    "FUNCTION_IMAGES": "registry",
    "INVENTORY": "host",
    "COLUMNS": "200",
}
OF_KIND = {
    *("engine", "kind_config", "_kind", "_ready", "_registry_hosting", "nics", "gpu_lease", "images"),
    *("_gpu_in_inventory", "_virtual_functions", "addon:calico", "addon:bridge-cni"),
}


@pytest.mark.parametrize("kind", list(stages.STAGES))
def test_every_stage_names_tasks_that_there_are_and_none_that_are_refused(kind: str) -> None:
    named = {name for names in stages.STAGES[kind].values() for name in names}
    assert named <= set(TASKS)
    refused = stages.REFUSED[kind]
    # Without an embedded registry, its task has nothing to do, and stands for whoever serves it.
    assert not {name for name in named if name in refused or name.partition(":")[0] in refused}
    assert stages.STAGES[kind].keys() == stages.STAGES[target.KIND].keys()


def test_what_is_refused_is_a_task_or_is_still_to_come() -> None:
    of_existing = set(stages.REFUSED[target.EXISTING])
    assert of_existing <= set(TASKS)


@pytest.mark.parametrize("name", ["create_cluster_with_all", "dataflow:calcapp-basic", "dataflow:p1c1"])
def test_a_plan_begins_with_attach_and_has_nothing_of_kind(checkout: Checkout, name: str) -> None:
    planned = json.loads(checkout.doit("plan", "--json", name, env={**ELSEWHERE, "CONTROLLER": "sample"}).stdout)
    assert planned["target"] == "existing cluster elsewhere"
    names = [one["name"] for one in planned["tasks"]]
    moving = {one["name"] for one in planned["tasks"] if one["state"] != "up to date"}
    assert "attach" in moving
    assert not {one for one in names if one.startswith(("node:", "image:dci", "nics:"))}
    assert not moving & (OF_KIND - {"engine"})
    assert names.index("attach") < names.index("controller:definitions") < names.index("cpufunc_namespaces")


def test_a_plan_for_one_worker_stops_at_a_twin_alone(checkout: Checkout) -> None:
    env = {**ELSEWHERE, "CONTROLLER": "sample", "TARGET_WORKERS": "alone"}
    twin = "dataflow:calcapp-basic-multi-worker"
    words = "needs two workers, but TARGET_WORKERS has 1: alone"
    assert words in checkout.doit("plan", twin, env=env).stdout
    assert words not in checkout.doit("plan", "dataflow:calcapp-basic", env=env).stdout


def test_a_plan_and_the_overview_name_the_cluster(checkout: Checkout) -> None:
    assert checkout.doit("plan", "controller", env=ELSEWHERE).stdout.startswith("On the existing cluster elsewhere:\n")
    page = checkout.doit(env=ELSEWHERE).stdout
    assert "cluster     existing cluster elsewhere: not attached\n" in page
    assert "./doit doctor --for attach" in page
    assert "engine" not in page
    status = checkout.doit("status", env=ELSEWHERE).stdout
    assert status.splitlines()[0].split() == ["target", "existing", "cluster", "elsewhere"]
    assert "Docker" not in status


@pytest.mark.parametrize(
    ("word", "way"),
    [
        ("images", "./doit attach"),
        ("image:base", "./doit attach"),
        ("node", "./doit attach"),
        ("kind_config", "./doit attach"),
        ("engine", "./doit attach"),
        ("registry", "./doit registry_ca"),
        ("nics", "SRIOV=given with"),
        ("nics:kind-worker", "SRIOV=given with"),
        ("nics_restore", "SRIOV=given with"),
        ("gpu_lease", "./doit doctor --for attach"),
        ("gpu_return", "./doit doctor --for attach"),
        ("addon:calico", "./doit attach"),
        ("delete_cluster", "./doit detach"),
    ],
)
def test_what_is_of_kind_is_refused_in_one_line(checkout: Checkout, word: str, way: str) -> None:
    done = checkout.doit(word, env=ELSEWHERE)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{word}: TARGET=existing: ")
    assert way in line
    assert not (checkout.root / "build" / "cluster-kind").exists()


def test_a_pattern_of_words_is_refused_as_its_tasks_are(checkout: Checkout) -> None:
    done = checkout.doit("nics*", env=ELSEWHERE)
    assert done.returncode == 3
    assert "nics:kind-worker: TARGET=existing: " in done.stderr


def test_attach_is_refused_on_a_cluster_of_kind(checkout: Checkout) -> None:
    done = checkout.doit("attach", env={"TARGET": "kind"})
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "attach: TARGET=kind: is for a cluster that exists already. Try: ./doit create_cluster, or TARGET=existing"
    ]


@pytest.mark.parametrize("sriov", ["given", "policy"])
def test_functions_are_made_before_it_is_looked_whether_nodes_offer_them(checkout: Checkout, sriov: str) -> None:
    env = {**ELSEWHERE, "CONTROLLER": "sample", "SRIOV": sriov, "ADDONS": ""}
    planned = json.loads(checkout.doit("plan", "--json", "dataflow:calcapp-sriov", env=env).stdout)
    names = [one["name"] for one in planned["tasks"]]
    assert names.index("attach") < names.index("_policies") < names.index("_offered:nics") < names.index("_networks")


def test_nothing_is_lent_to_an_existing_cluster(checkout: Checkout) -> None:
    done = checkout.doit("_loans", "_early_lease", env=ELSEWHERE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no card is lent" not in done.stdout
    assert "GPU" not in done.stdout


@pytest.fixture
def listening() -> Iterator[tuple[str, list[float]]]:
    """The address of an engine that hangs up, and the times at which somebody asked it."""
    asked: list[float] = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/docker.sock")
        server.listen()

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    server.accept()[0].close()
                    asked.append(time.monotonic())

        threading.Thread(target=hang_up, daemon=True).start()
        yield f"unix://{folder}/docker.sock", asked
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "words",
    [
        *(["plan", "--json", name] for name in ("create_cluster_with_all", "dataflow:calcapp-basic", "dataflow:p1c1")),
        *(["_loans", "_early_lease", "_runnable"], ["_in_source:calcapp-basic"], ["registry_ca"], ["status"], []),
    ],
    ids=lambda words: " ".join(words) or "overview",
)
def test_no_engine_is_asked_where_all_images_come_from_the_registry(
    checkout: Checkout, listening: tuple[str, list[float]], words: list[str]
) -> None:
    address, asked = listening
    write_archive(checkout)
    env = {**ELSEWHERE, "DOCKER_HOST": address, "DCI_REGISTRY_CERT_URL": "https://127.0.0.1:9/ca.crt"}
    assert checkout.doit("controller_source", env=env).returncode == 0
    done = checkout.doit(*words, env=env)
    assert done.returncode in {0, 1, 2}
    assert asked == [], done.stdout + done.stderr
    if words[:1] == ["plan"]:
        names = {one["name"] for one in json.loads(done.stdout)["tasks"]}
        assert "attach" in names
        assert not names & OF_KIND


def write_archive(checkout: Checkout) -> None:
    """Pack the sample controller as if it were the one that its makers publish."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(paths.SAMPLE, controller.TOP)
    (checkout.root / "src" / "controller.tar.gz").write_bytes(packed.getvalue())


def test_doctor_asks_of_this_machine_only_what_the_cluster_needs_of_it(
    checkout: Checkout, listening: tuple[str, list[float]]
) -> None:
    address, asked = listening
    env = {**ELSEWHERE, "DOCKER_HOST": address}
    found = checkout.doit("doctor", "--json", "--for", "dataflow:p1c1", env=env).stdout
    assert {one["name"] for one in json.loads(found)} == {"archive", "videos", "patterns"}
    assert asked == []
