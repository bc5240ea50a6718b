"""Compares `doit plan` on a real cluster with what the next run does."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.docker import client
from tasks.engines.kube import manifests
from tasks.settings import artifacts, controller, images, paths
from tests.cluster.lab import BASIC, NAME, started
from tests.conftest import copy_of_checkout
from tests.docker.apt_site import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.lab import Lab

WHOLE = ("create_cluster_without_scenario", "scenario:calcapp-basic")
OTHER = "10.245.0.0/16"
# What may stay unknown before a run.
MOST_UNKNOWN = 3
# A program of the source that one dataflow runs, and what follows from its change.
EDITED = "sample-functions/functions/for_all_in_one/calc-func/cpufunc_calcapp/operators.go"
FOLLOWS = {"controller_source", "function_image:cpufunc_calcapp", "scenario:calcapp-basic", BASIC}
# Versions that a cluster of this tier does not have.
OTHER_KUBERNETES, OTHER_CRIO = "v1.31.9", "1.31.9-1.1"
# The images that hold Kubernetes, and what starts from them.
OF_KUBERNETES = ("kind-ubuntu-node", "kind-control-plane", "kind-ubuntu-node-containerd", images.NODE_IMAGE)
KUBEADM = "#!/bin/sh\necho registry.k8s.io/pause:3.10\n"


def planned(lab: Lab, **env: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code, and the tasks that are not up to date, by name."""
    done = lab.checkout.doit("plan", "--json", *WHOLE, env={**lab.env, **env})
    assert done.stderr == ""
    tasks = json.loads(done.stdout)["tasks"]
    return done.returncode, {task["name"]: task for task in tasks if task["state"] != "up to date"}


def holds_true(moving: dict[str, Any], output: str) -> None:
    """Check that everything that the plan promised ran, and nothing that it left out."""
    ran = set(started(output))
    promised = {name: task["reasons"] for name, task in moving.items() if task["state"] == "run"}
    assert {name: why for name, why in promised.items() if name not in ran} == {}
    assert ran <= set(moving)


def held_together(lab: Lab, *words: str, fails: bool = False, **env: str) -> dict[str, str]:
    """Plan and run; check that what was said to run is what ran, nothing else. Return the states of the plan."""
    before = lab.checkout.doit("plan", "--json", *words, env={**lab.env, **env})
    states = {task["name"]: task["state"] for task in json.loads(before.stdout)["tasks"]}
    unknown = {name for name, state in states.items() if state == "unknown"}
    assert len(unknown) <= MOST_UNKNOWN
    ran = set(started(lab.fail(*words, **env) if fails else lab.run(*words, **env)))
    promised = {name for name, state in states.items() if state in {"run", "stop"}}
    assert promised <= ran <= promised | unknown
    return states


def moving(states: dict[str, str]) -> set[str]:
    """Return the tasks of a plan that are not up to date."""
    return {name for name, state in states.items() if state != "up to date"}


@pytest.fixture
def source(verified: Lab, tmp_path: Path) -> Iterator[Path]:
    """A copy of the controller's source; afterwards, the lab has the sample again."""
    verified.run(BASIC)
    yield shutil.copytree(paths.SAMPLE, tmp_path / controller.TOP, symlinks=True)
    verified.run(BASIC)


def edit(source: Path) -> None:
    """Change a program as no run before has, so that there is no image of it yet."""
    with (source / EDITED).open("a", encoding="utf-8") as file:
        file.write(f"// {uuid.uuid4()}\n")


def test_one_changed_go_file_of_a_controller_folder_is_followed_to_its_end(verified: Lab, source: Path) -> None:
    verified.run(BASIC, CONTROLLER=str(source))
    edit(source)
    assert moving(held_together(verified, BASIC, CONTROLLER=str(source))) == FOLLOWS


def test_a_new_archive_is_unpacked_to_see_what_follows_from_it(verified: Lab, source: Path) -> None:
    edit(source)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(source, controller.TOP)
    archive = verified.checkout.root / "src" / "controller.tar.gz"
    archive.write_bytes(packed.getvalue())
    try:
        assert moving(held_together(verified, BASIC)) == FOLLOWS
    finally:
        archive.unlink()


def test_another_version_of_what_the_nodes_do_not_run_changes_nothing(verified: Lab) -> None:
    verified.run(BASIC)
    assert moving(held_together(verified, BASIC, CRIO_PKG_VERSION=OTHER_CRIO)) == {BASIC}


@pytest.fixture
def release(tmp_path: Path) -> Iterator[str]:
    """The address of a site with a release of Kubernetes whose programs do nothing."""
    folder = tmp_path / "www" / OTHER_KUBERNETES / "bin/linux/amd64"
    folder.mkdir(parents=True)
    for program in artifacts.KUBERNETES.programs:
        (folder / program.name).write_text(KUBEADM, encoding="utf-8")
        (folder / f"{program.name}.sha256").write_text(hashlib.sha256(KUBEADM.encode()).hexdigest(), encoding="utf-8")
    with served(tmp_path, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.server_address[1]}/www"


def test_another_kubernetes_is_followed_to_the_cluster_that_needs_consent(verified: Lab, release: str) -> None:
    verified.run(BASIC)
    asked = {"K8S_VERSION": OTHER_KUBERNETES, "KUBERNETES_FROM": "release", "K8S_RELEASE_URL": release}
    states = held_together(verified, BASIC, fails=True, **asked)
    made = {name for name in moving(states) if name.startswith("image:")}
    assert made == {f"image:{name}" for name in OF_KUBERNETES}
    assert (states["_kind"], states[BASIC]) == ("stop", "blocked")
    verified.run(BASIC)


def test_a_fresh_checkout_beside_the_cluster_has_its_images(verified: Lab, tmp_path: Path) -> None:
    verified.run(BASIC)
    fresh = type(verified)(copy_of_checkout(tmp_path / "fresh"), verified.user_kubeconfig)
    words = ("images", "controller_image:wbfunction", "function_image:cpufunc_calcapp")
    found = moving(held_together(fresh, *words))
    assert not [name for name in found if name.startswith(("image:", "controller_image:", "function_image:"))]
    assert {"controller_source", "registry_ca"} <= found


def test_a_whole_cluster_has_nothing_to_do(verified: Lab) -> None:
    verified.run(*WHOLE)
    assert planned(verified) == (0, {})


def test_an_object_that_a_hand_deleted_is_named(verified: Lab) -> None:
    verified.run(*WHOLE)
    verified.api.delete(manifests.CONFIG_MAP, "functionkindmap", "default")
    verified.api.wait_gone(manifests.CONFIG_MAP, "functionkindmap", "default", deadline=60)
    code, moving = planned(verified)
    assert code == 2
    assert "functionkindmap: not there" in " ".join(moving["controller:configuration"]["reasons"])
    holds_true(moving, verified.run(*WHOLE))
    assert planned(verified) == (0, {})


def test_a_node_that_was_stopped_is_named(verified: Lab) -> None:
    verified.run(*WHOLE)
    client.client().api.kill(f"{NAME}-worker")
    code, moving = planned(verified)
    assert code == 2
    assert f"node {NAME}-worker: stopped" in moving["_kind"]["reasons"]
    holds_true(moving, verified.run(*WHOLE))


def test_a_parameter_that_the_cluster_was_not_made_with_stops_a_run_unless_there_is_consent(verified: Lab) -> None:
    verified.run(*WHOLE)
    code, moving = planned(verified, POD_SUBNET=OTHER)
    assert code == 2
    assert moving["_kind"]["state"] == "stop"
    assert f"POD_SUBNET 10.244.0.0/16 -> {OTHER}" in moving["_kind"]["reasons"]
    assert not moving["_kind"]["disrupts"]
    _, moving = planned(verified, POD_SUBNET=OTHER, RECREATE="1")
    assert moving["_kind"]["state"] == "run"
    assert moving["_kind"]["disrupts"] == [f"cluster {NAME} with its running dataflows: it is made again"]
    assert moving["controller:managers"]["state"] != "up to date"
