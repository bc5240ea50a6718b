"""How the sample controller starts, and how it tries again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import kopf
import pytest
from sample_operator import __main__ as operator
from sample_operator.api import ApiError
from sample_operator.context import LATER, SOON, Context

from tests.unit.sample_controller.sample_cluster import Cluster, FakeApi

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """A function that starts a role on a cluster and returns what it requests from kopf."""

    def started(api: FakeApi, role: str, node: str = "kind-worker") -> dict[str, Any]:
        asked: dict[str, Any] = {}
        monkeypatch.setattr(operator, "Api", lambda _login: api)
        monkeypatch.setattr(kopf, "run", lambda **options: asked.update(options))
        monkeypatch.setattr(sys, "argv", ["sample_operator", role])
        monkeypatch.setenv("K8S_NODENAME", node)
        operator.main()
        return asked

    return started


@pytest.mark.parametrize("role", operator.ROLES)
def test_every_role_starts_with_an_identity(start: Callable[..., dict[str, Any]], role: str) -> None:
    cluster = Cluster()
    cluster.inventory()
    asked = start(cluster.api, role)
    # Otherwise kopf asks for the user's name, and the image's user has none.
    assert asked["identity"] == role
    assert asked["liveness_endpoint"] == "http://0.0.0.0:8081/healthz"


@pytest.mark.parametrize(
    ("role", "missing"),
    [
        ("wbfunction", "functionkindmap"),
        ("wbconnection", "connectionkindmap"),
        ("deviceinfo", "infrastructureinfo"),
    ],
)
def test_start_without_its_configuration_is_one_line(
    start: Callable[..., dict[str, Any]], role: str, missing: str
) -> None:
    with pytest.raises(SystemExit, match=f"^{role}: ConfigMap default/{missing} is missing or empty$"):
        start(FakeApi(), role)


def test_books_of_a_node_survive_a_restart(start: Callable[..., dict[str, Any]]) -> None:
    cluster = Cluster()
    cluster.inventory()
    start(cluster.api, "deviceinfo")
    books = cluster.api.objects["computeresources", "default", "compute-kind-worker"]
    books["status"]["regions"][0]["currentFunctions"] = 5
    start(cluster.api, "deviceinfo")
    assert books["status"]["regions"][0]["currentFunctions"] == 5
    start(cluster.api, "deviceinfo", "kind-worker2")
    assert cluster.names("computeresources") == ["compute-kind-worker", "compute-kind-worker2"]


@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (ApiError(409, "conflict"), SOON),
        (ApiError(500, "broken"), LATER),
        (OSError("refused"), LATER),
        (KeyError(), LATER),
    ],
    ids=["overtaken", "server error", "unreachable", "bug"],
)
def test_whatever_goes_wrong_is_tried_again(error: Exception, delay: float) -> None:
    def reconcile(_context: Context, _namespace: str, _name: str) -> float | None:
        raise error

    assert operator.attempt(reconcile, Context(FakeApi()), "namespace", "name") == delay
