"""Loopback is reached directly, whatever proxies the environment sets: here every proxy is a port without a server."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import download
from tasks.engines.host.facts import Host
from tasks.engines.kube.api import Kube
from tasks.engines.kube.pod_exec import Container
from tasks.engines.programs import proxies
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NOBODY = "http://user:secret@127.0.0.1:1"
ENVIRONMENTS = {
    "no exceptions": {"HTTPS_PROXY": NOBODY, "HTTP_PROXY": NOBODY},
    "lower case": {"https_proxy": NOBODY, "http_proxy": NOBODY},
    "for all": {"ALL_PROXY": NOBODY},
    "a blank": {"HTTPS_PROXY": NOBODY, "HTTP_PROXY": NOBODY, "NO_PROXY": "localhost, 127.0.0.1"},
    "blanks alone": {"HTTPS_PROXY": NOBODY, "HTTP_PROXY": NOBODY, "NO_PROXY": "localhost 127.0.0.1"},
    "others only": {"HTTPS_PROXY": NOBODY, "HTTP_PROXY": NOBODY, "NO_PROXY": "corp.example"},
    "empty": {"HTTPS_PROXY": NOBODY, "HTTP_PROXY": NOBODY, "NO_PROXY": ""},
    "no scheme": {"HTTPS_PROXY": "127.0.0.1:1", "HTTP_PROXY": "127.0.0.1:1"},
    "no port": {"HTTPS_PROXY": "http://proxy.example:none", "HTTP_PROXY": "http://proxy.example:none"},
}


@pytest.fixture(params=ENVIRONMENTS, autouse=True)
def _environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    _proxied(monkeypatch, ENVIRONMENTS[request.param])


def _proxied(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def page() -> Iterator[str]:
    """The address of a web server on loopback with one page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"content")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_api_server_is_asked_directly(kubeconfig: Path) -> None:
    assert Kube(kubeconfig).identity()


def test_an_exec_goes_to_the_api_server_directly(kubeconfig: Path) -> None:
    with pytest.raises(Problem, match='cannot be started: pods "none" not found'):
        Kube(kubeconfig).exec(Container("none", "default", "none"), ["true"])


def test_doctor_and_downloads_ask_loopback_directly(page: str) -> None:
    assert Host().get(page).content == b"content"
    assert download.read(page, limit=100, attempts=1) == b"content"


def test_programs_are_told_the_exceptions_without_blanks() -> None:
    told = proxies.excepting("registry.example")
    assert set(told) == {"NO_PROXY", "no_proxy"}
    for exceptions in told.values():
        assert " " not in exceptions
        assert exceptions.split(",")[-1] == "registry.example"
        assert all(exceptions.split(","))
