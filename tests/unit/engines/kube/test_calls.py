"""tasks.engines.kube.calls: how temporary failures of an API server are handled, inside and outside a wait."""

from __future__ import annotations

import json
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.kube import api as kube_api
from tasks.engines.kube import manifests
from tasks.engines.programs import waiting
from tasks.engines.programs.again import Patience
from tasks.problems import Problem
from tests.exec_server import kubeconfig
from tests.threads import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Mishap = Callable[["Handler"], None]

KINDS = {
    "resources": [
        {"kind": "ConfigMap", "name": "configmaps", "namespaced": True},
        {"kind": "Pod", "name": "pods", "namespaced": True},
    ]
}
OBJECT = {"metadata": {"name": "a"}}
ETCD = "etcdserver: request timed out"


class Handler(BaseHTTPRequestHandler):
    """A server that has the mishaps it was given, one for each request, and then answers."""

    protocol_version = "HTTP/1.1"
    mishaps: list[Mishap]
    requests: list[str]

    def answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def serve(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/api/v1":
            self.answer(200, KINDS)
            return
        self.requests.append(self.command)
        if self.mishaps:
            self.mishaps.pop()(self)
        else:
            self.answer(200, {"items": [OBJECT]} if self.path.endswith("s") else OBJECT)

    do_GET = do_PATCH = do_DELETE = serve  # noqa: N815

    def log_message(self, *_args: object) -> None:
        pass


def refuses(status: int, words: str = "a bad moment", **headers: str) -> Mishap:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.answer(status, {"message": words}, named)


def hangs_up(handler: Handler) -> None:
    handler.close_connection = True


def resets(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def stops_half_way(handler: Handler) -> None:
    handler.answer(200, OBJECT, {"Content-Length": "1000"})
    handler.close_connection = True


def stops_between_chunks(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'5\r\n{"met\r\n')
    handler.close_connection = True


def answers_no_json(handler: Handler) -> None:
    handler.answer(200, b"<html>proxy</html>")


MISHAPS = {
    "etcd": refuses(500, ETCD),
    "502": refuses(502),
    "503": refuses(503),
    "504": refuses(504),
    "429": refuses(429, Retry_After="0"),
    "a date": refuses(503, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"),
    "hangs up": hangs_up,
    "resets": resets,
    "half": stops_half_way,
    "chunks": stops_between_chunks,
    "no json": answers_no_json,
}
LASTING = 10_000


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    class Served(Handler):
        mishaps: list[Mishap] = []  # noqa: RUF012 - each test has its own class
        requests: list[str] = []  # noqa: RUF012

    served = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    with running(served):
        yield served


@pytest.fixture
def api(server: ThreadingHTTPServer) -> Any:
    return server.RequestHandlerClass


@pytest.fixture
def bearing(server: ThreadingHTTPServer, tmp_path: Path) -> Callable[[float], kube_api.Kube]:
    """Return a function that returns the API, with retries for a given number of seconds and short pauses."""
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(server.server_port)))
    return lambda longest: kube_api.Kube(tmp_path / "kubeconfig", Patience(longest, first_pause=0.001))


@pytest.fixture
def cluster(bearing: Callable[[float], kube_api.Kube]) -> kube_api.Kube:
    return bearing(0.5)


@pytest.mark.parametrize("mishap", MISHAPS.values(), ids=MISHAPS)
def test_a_read_is_repeated_until_it_is_answered(api: Any, cluster: kube_api.Kube, mishap: Mishap) -> None:
    api.mishaps[:] = [mishap] * 3
    assert cluster.get(manifests.CONFIG_MAP, "a", "default") == OBJECT
    assert api.requests == ["GET"] * 4


def test_a_read_that_is_never_answered_is_one_line(api: Any, bearing: Callable[[float], kube_api.Kube]) -> None:
    cluster = bearing(0.05)
    for mishap, words in ((MISHAPS["etcd"], ETCD), (hangs_up, "the API does not answer: .*closed connection")):
        api.mishaps[:] = [mishap] * LASTING
        with pytest.raises(Problem, match=words) as caught:
            cluster.get(manifests.CONFIG_MAP, "a", "default")
        assert "\n" not in caught.value.message


def test_a_server_that_stays_unwell_costs_its_patience_once(api: Any, cluster: kube_api.Kube) -> None:
    api.mishaps[:] = [MISHAPS["504"]] * LASTING
    for _ in range(2):
        asked = len(api.requests)
        with pytest.raises(Problem):
            cluster.get(manifests.CONFIG_MAP, "a", "default")
    assert len(api.requests) == asked + 1
    api.mishaps.clear()
    assert cluster.get(manifests.CONFIG_MAP, "a", "default") == OBJECT
    api.mishaps[:] = [MISHAPS["504"]]
    assert cluster.get(manifests.CONFIG_MAP, "a", "default") == OBJECT


@pytest.mark.parametrize("mishap", MISHAPS.values(), ids=MISHAPS)
def test_a_wait_goes_on_over_bad_moments_that_outlast_the_patience_of_a_read(
    api: Any, bearing: Callable[[float], kube_api.Kube], mishap: Mishap
) -> None:
    cluster = bearing(0.0)
    api.mishaps[:] = [mishap]
    seen = waiting.until("x", lambda: cluster.get(manifests.CONFIG_MAP, "a", "default"), bool, deadline=30)
    assert seen == OBJECT
    assert len(api.requests) > 1


def test_the_end_of_a_wait_names_its_condition_and_the_servers_words(api: Any, cluster: kube_api.Kube) -> None:
    api.mishaps[:] = [MISHAPS["etcd"]] * LASTING
    with pytest.raises(Problem, match=f"DataFlow df: Deployed: not so within 0 s; last seen: .*{ETCD}") as caught:
        waiting.Condition(
            "DataFlow df: Deployed", lambda: cluster.lists(manifests.CONFIG_MAP, manifests.POD), bool
        ).wait(0.1, explain=lambda: cluster.evidence("default"))
    assert ETCD in caught.value.details
    assert "\n" not in caught.value.message


def test_a_wait_goes_on_where_nobody_listens_yet(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(taken.getsockname()[1])))
        looks: list[int] = []

        def look() -> str:
            looks.append(1)
            return kube_api.Kube(tmp_path / "kubeconfig").identity()

        with pytest.raises(Problem, match=r"x: not so within 0 s; last seen: .*the API does not answer"):
            waiting.until("x", look, bool, deadline=0.2)
    assert len(looks) > 1


def test_the_server_says_how_long_it_is_to_be_left_alone(api: Any, bearing: Callable[[float], kube_api.Kube]) -> None:
    api.mishaps[:] = [refuses(429, Retry_After="1")]
    begin = time.monotonic()
    bearing(15.0).get(manifests.CONFIG_MAP, "a", "default")
    assert time.monotonic() - begin >= 1


def test_what_lasts_is_not_asked_again(api: Any, cluster: kube_api.Kube) -> None:
    api.mishaps[:] = [refuses(403)] * 2
    with pytest.raises(kube_api.Refused):
        cluster.get(manifests.CONFIG_MAP, "a", "default")
    assert api.requests == ["GET"]


@pytest.mark.parametrize("mishap", [MISHAPS["etcd"], hangs_up, MISHAPS["504"]])
def test_a_change_that_may_have_been_made_is_not_repeated(api: Any, cluster: kube_api.Kube, mishap: Mishap) -> None:
    api.mishaps[:] = [mishap] * 2
    with pytest.raises(Problem):
        cluster.patch(manifests.CONFIG_MAP, "a", "default", {"data": {}})
    assert api.requests == ["PATCH"]


def test_a_change_that_was_not_begun_is_repeated(api: Any, cluster: kube_api.Kube) -> None:
    api.mishaps[:] = [MISHAPS["503"], MISHAPS["429"]]
    cluster.delete(manifests.CONFIG_MAP, "a", "default")
    assert api.requests == ["DELETE"] * 3


def test_an_apply_says_the_same_twice_where_the_connection_broke(api: Any, cluster: kube_api.Kube) -> None:
    item = manifests.config_map("a", "default", {"x": "1"})
    api.mishaps[:] = [hangs_up, MISHAPS["etcd"], lambda handler: handler.answer(404, {"message": "not found"})]
    cluster.apply([item])
    assert api.requests == ["GET", *["PATCH"] * 3]
