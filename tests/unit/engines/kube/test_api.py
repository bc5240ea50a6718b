"""tasks.engines.kube.api with a minimal API server: what is sent, skipped, retried and reported."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

import pytest

from tasks.engines.kube import api as kube_api
from tasks.engines.kube import applying, manifests
from tasks.problems import Problem
from tests.exec_server import kubeconfig
from tests.threads import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = {"/api/v1": {"ConfigMap": ("configmaps", True), "Namespace": ("namespaces", False), "Pod": ("pods", True)}}


class FakeApi:
    """Objects by path, a log of requests, and answers to give instead."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.failures: list[int] = []

    def answer(self, method: str, url: str, body: str) -> tuple[int, Any]:
        path = urlparse(url).path
        self.requests.append((method, path))
        if path in KINDS:
            kinds = [{"kind": k, "name": n, "namespaced": s} for k, (n, s) in KINDS[path].items()]
            return 200, {"resources": kinds}
        if method == "PATCH":
            assert parse_qs(urlparse(url).query)["fieldManager"] == [applying.FIELD_MANAGER]
            if self.failures:
                status = self.failures.pop()
                return status, {"message": f"refused with {status}"}
            self.objects[path] = json.loads(body)
            return 200, self.objects[path]
        if path in self.objects:
            return 200, self.objects[path]
        if path.endswith("s"):
            return 200, {"items": [item for key, item in self.objects.items() if key.startswith(path)]}
        return 404, {"message": "not found"}


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def cluster(api: FakeApi, tmp_path: Path) -> Iterator[kube_api.Kube]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, document = api.answer(self.command, self.path, self.rfile.read(length).decode())
            self.send_response(status)
            data = json.dumps(document).encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(server.server_port)))
    with running(server):
        yield kube_api.Kube(tmp_path / "kubeconfig")


def patches(api: FakeApi) -> list[str]:
    return [path for method, path in api.requests if method == "PATCH"]


ITEMS = [manifests.config_map(name, "default", {"x": "1"}) for name in ("a", "b", "c", "d")]


def test_applies_what_is_absent_and_then_nothing(api: FakeApi, cluster: kube_api.Kube) -> None:
    assert cluster.lack(ITEMS)
    assert len(cluster.apply(ITEMS).changed) == 4
    api.requests.clear()
    assert cluster.apply(ITEMS) == kube_api.Applied((), 4)
    assert not cluster.lack(ITEMS)
    assert patches(api) == []


def test_reads_many_objects_of_a_kind_by_one_request(api: FakeApi, cluster: kube_api.Kube) -> None:
    cluster.apply(ITEMS)
    api.requests.clear()
    assert not cluster.lack(ITEMS)
    assert api.requests == [("GET", "/api/v1/namespaces/default/configmaps")]


def test_puts_back_what_was_deleted_or_changed_by_hand(api: FakeApi, cluster: kube_api.Kube) -> None:
    cluster.apply(ITEMS)
    del api.objects["/api/v1/namespaces/default/configmaps/a"]
    api.objects["/api/v1/namespaces/default/configmaps/b"]["data"]["x"] = "by hand"
    assert cluster.lack(ITEMS)
    assert set(cluster.apply(ITEMS).changed) == {"ConfigMap default/a", "ConfigMap default/b"}
    assert not cluster.lack(ITEMS)


def test_an_object_on_its_way_out_is_not_current(api: FakeApi, cluster: kube_api.Kube) -> None:
    cluster.apply(ITEMS)
    api.objects["/api/v1/namespaces/default/configmaps/a"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert cluster.lack(ITEMS)


def test_tries_again_what_passes_and_gives_up_on_what_does_not(api: FakeApi, cluster: kube_api.Kube) -> None:
    api.failures = [500, 409]
    cluster.apply(ITEMS[:1])
    assert len(patches(api)) == 3
    api.failures = [422]
    with pytest.raises(kube_api.Refused, match=r"ConfigMap default/b: .*refused with 422"):
        cluster.apply(ITEMS[1:2])


def test_gives_up_at_the_deadline_with_the_servers_words(api: FakeApi, cluster: kube_api.Kube) -> None:
    api.failures = [500] * 50
    with pytest.raises(kube_api.Refused, match="refused with 500"):
        cluster.apply(ITEMS[:1], deadline=0.1)


def test_a_kind_that_is_not_served_is_named(cluster: kube_api.Kube) -> None:
    with pytest.raises(Problem, match="does not serve this kind"):
        cluster.list(manifests.Kind("v1", "Unicorn"))


def test_no_server_is_one_line(tmp_path: Path, cluster: kube_api.Kube) -> None:
    text = (tmp_path / "kubeconfig").read_text()
    port = json.loads(text)["clusters"][0]["cluster"]["server"].rsplit(":", 1)[1]
    (tmp_path / "other").write_text(text.replace(f":{port}", ":1"))
    with pytest.raises(Problem, match="the API does not answer"):
        kube_api.Kube(tmp_path / "other").identity()
