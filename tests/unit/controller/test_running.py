"""tasks.controller.running: the dataflows that still run an earlier image are named, with the command that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.controller import running
from tasks.controller.kinds import DATA_FLOW
from tasks.engines.kube import manifests
from tasks.images import function_images, own_images
from tasks.patterns import known
from tasks.settings import parameters, paths
from tests.unit.kube_api import kube_api  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.kube_api import KubeApi

PATTERN = """\
namespace: {name}
dataflow: df-{name}
functions: [{{key: send, image: cpufunc_calcapp}}, {{key: square, image: square}}, {{key: rcv, image: cpufunc_calcapp}}]
multi_worker: [rcv]
verify: {{}}
"""
SYSTEM = {"metadata": {"name": "kube-system", "uid": "1"}}


@pytest.fixture(autouse=True)
def _own(tree: Path) -> Iterator[None]:
    """The patterns mine and other, both with a function of work/functions."""
    del tree
    for file, text in {
        paths.OWN_FUNCTIONS / "square/Dockerfile": "FROM scratch\n",
        paths.OWN_PATTERNS / "mine/pattern.yaml": PATTERN.format(name="mine"),
        paths.OWN_PATTERNS / "other/pattern.yaml": PATTERN.format(name="other"),
    }.items():
        file.parent.mkdir(parents=True)
        file.write_text(text)
    known.forget()
    yield
    known.forget()
    own_images.forget()


@pytest.fixture
def api(kube_api: KubeApi) -> KubeApi:  # noqa: F811
    """A cluster without dataflows."""
    kube_api.objects = {kind: [] for kind in (manifests.POD, DATA_FLOW, manifests.NAMESPACE)}
    kube_api.objects[manifests.NAMESPACE].append(SYSTEM)
    kube_api.lead_to(parameters.current().cluster_name)
    return kube_api


def deploy(api: KubeApi, name: str, image: str, **spec: Any) -> None:
    api.objects[DATA_FLOW].append({"metadata": {"name": f"df-{name}", "namespace": name}, "spec": spec})
    containers = [{"name": "a", "image": image}, {"name": "b", "image": "r/cpufunc_sidecar:1"}]
    pod = {"name": f"df-{name}-wbfunction-square-cpu-pod", "namespace": name}
    api.objects[manifests.POD].append({"metadata": pod, "spec": {"containers": containers}})


def test_a_dataflow_with_an_earlier_image_is_named_and_no_other(api: KubeApi, said: Lines) -> None:
    deploy(api, "mine", "r/square:earlier")
    deploy(api, "other", function_images.reference("square", parameters.current()))
    running.say_what_is_earlier("square")
    assert said.kept == ["df-mine still runs an earlier square: ./doit dataflow:mine"]


def test_the_twin_that_is_deployed_is_named(api: KubeApi, said: Lines) -> None:
    deploy(api, "mine", "r/square:earlier", userRequirement="user-requirement-mine-multi-worker")
    running.say_what_is_earlier("square")
    assert said.kept == ["df-mine still runs an earlier square: ./doit dataflow:mine-multi-worker"]


@pytest.mark.usefixtures("api")
def test_without_a_dataflow_nothing_is_said(said: Lines) -> None:
    running.say_what_is_earlier("square")
    assert said.kept == []


def test_without_a_cluster_nothing_is_said_and_one_that_breaks_off_is_no_failure(
    choose: Callable[..., None], api: KubeApi, said: Lines
) -> None:
    api.refusals[DATA_FLOW.name] = (500, "out of order")
    running.say_what_is_earlier("square")
    (line,) = said.kept
    assert line.startswith("square: which dataflows run it is not known: ")
    choose(CONTROLLER="auto", CLUSTER_NAME="none")
    running.say_what_is_earlier("square")
    assert said.kept == [line]
