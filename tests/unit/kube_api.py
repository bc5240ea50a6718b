"""A Kubernetes API for unit tests: it answers at a loopback port, as the real one does, from a table of objects."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tasks.settings import paths
from tests.exec_server import kubeconfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.engines.kube.manifests import Kind, Object

# Kinds that are in no namespace.
_CLUSTER_WIDE = {"Node", "Namespace"}


@dataclass
class KubeApi:
    """What the API serves; a test fills it.

    Attributes:
        port: Its loopback port.
        objects: The objects, by kind. Other kinds are not served.
        refusals: Errors that it answers instead: status and message, by the name of a kind.
    """

    port: int = 0
    objects: dict[Kind, list[Object]] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)

    def lead_to(self, cluster_name: str) -> None:
        """Make the tool's own kubeconfig of a cluster point to this server."""
        folder = paths.cluster_dir(cluster_name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kubeconfig").write_text(json.dumps(kubeconfig(self.port)), encoding="utf-8")

    def answer(self, path: str) -> tuple[int, Any]:
        """Return the status and the answer to a request."""
        for kind, objects in self.objects.items():
            if path == _root(kind):
                return 200, {"resources": [_resource(one) for one in self.objects if _root(one) == path]}
            if path.startswith(f"{_root(kind)}/") and f"/{_plural(kind)}" in path:
                return self._listed(kind, objects, path.partition(f"/{_plural(kind)}")[2].lstrip("/"))
        return 404, {"message": f"nothing is served at {path}"}

    def _listed(self, kind: Kind, objects: list[Object], name: str) -> tuple[int, Any]:
        if kind.name in self.refusals:
            status, message = self.refusals[kind.name]
            return status, {"message": message}
        if not name:
            return 200, {"items": objects}
        found = [one for one in objects if one["metadata"]["name"] == name]
        whole = [{"apiVersion": kind.api_version, "kind": kind.name, **one} for one in found]
        return (200, whole[0]) if whole else (404, {"message": f"{kind.name} {name}: not there"})


def _root(kind: Kind) -> str:
    return f"/apis/{kind.api_version}" if "/" in kind.api_version else f"/api/{kind.api_version}"


def _plural(kind: Kind) -> str:
    return f"{kind.name.lower()}s"


def _resource(kind: Kind) -> dict[str, Any]:
    return {"kind": kind.name, "name": _plural(kind), "namespaced": kind.name not in _CLUSTER_WIDE}


def _handler(answer: Callable[[str], tuple[int, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, said = answer(self.path.partition("?")[0])
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def kube_api() -> Iterator[KubeApi]:
    """An API that serves nothing yet."""
    api = KubeApi()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(api.answer)) as server:
        server.daemon_threads = True
        api.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield api
        server.shutdown()
