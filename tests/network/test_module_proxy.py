"""tasks.engines.go.proxy with the real go command and a module proxy on loopback."""

from __future__ import annotations

import hashlib
import http.server
import io
import threading
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import command, modules, toolchain
from tasks.engines.go import proxy as go_proxy
from tasks.problems import Problem
from tasks.settings import artifacts, parameters, paths
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE, VERSION = "example.test/thing", "v1.2.3"
GO_MOD = f"module {MODULE}\n\ngo 1.21\n"
FILES = {"go.mod": GO_MOD, "cmd/thing/main.go": "package main\n\nfunc main() {}\n"}
ARTIFACT = artifacts.GoArtifact(
    name="thing",
    folder="kind/go/thing",
    programs=(artifacts.Program(f"{MODULE}/cmd/thing", "thing"),),
    module=MODULE,
    parameter="CNI_PLUGINS_VERSION",
)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves the module, or refuses it."""

    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        name = self.path.rpartition("/@v/")[2]
        body = self.server.files.get(name, b"This module version is not available.\n")
        known = name in self.server.files and not self.server.status
        self.send_response(200 if known else self.server.status or 404)
        # go shows a message only if it is plain text.
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(body if known else b"This module version is not available.\n")

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """A module proxy with one module; if `status` is set, it is the answer to every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests = 0
        self.status = 0
        self.files = {f"{VERSION}.info": f'{{"Version":"{VERSION}"}}'.encode(), f"{VERSION}.mod": GO_MOD.encode()}
        self.files[f"{VERSION}.zip"] = _archive()


def _archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        for name, text in FILES.items():
            bundle.writestr(f"{MODULE}@{VERSION}/{name}", text)
    return packed.getvalue()


def _h1(files: dict[str, str]) -> str:
    """Return Go's checksum of named files: https://go.dev/ref/mod#go-sum-files."""
    lines = [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(files.items())]
    return f"h1:{b64encode(hashlib.sha256(''.join(lines).encode()).digest()).decode()}"


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A module proxy, with a checkout that holds one artifact and a cache of its own."""
    folder = tmp_path / ARTIFACT.folder
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text(f"module t\n\ngo 1.21\n\nrequire {MODULE} {VERSION}\n", encoding="utf-8")
    whole = _h1({f"{MODULE}@{VERSION}/{name}": text for name, text in FILES.items()})
    sums = f"{MODULE} {VERSION} {whole}\n{MODULE} {VERSION}/go.mod {_h1({'go.mod': GO_MOD})}\n"
    (folder / "go.sum").write_text(sums, encoding="utf-8")
    # The toolchain in use, without a request to the proxy.
    root = Path(command.run(folder, parameters.current(), "env", "GOROOT").strip())
    monkeypatch.setattr(toolchain, "choose", lambda _settings: (root / "bin/go", "local"))
    values = {"PROFILE": "lab", "CACHE_DIR": str(tmp_path / "cache"), "CNI_PLUGINS_VERSION": VERSION}
    chosen = parameters.validated(layers.read(paths.ROOT, values))
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("GOPROXY", f"http://127.0.0.1:{server.server_address[1]}")
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refused_module_is_told_in_the_words_of_the_proxy_and_asked_for_once(proxy: Server, status: int) -> None:
    proxy.status = status
    said = go_proxy.refusal(ARTIFACT, parameters.current())
    assert said.startswith(f"{MODULE}@{VERSION}: {status} ")
    assert said.endswith(": This module version is not available.")
    asked = proxy.requests
    assert go_proxy.refusal(ARTIFACT, parameters.current()) == said
    assert proxy.requests == asked


def test_a_module_that_is_served_is_had_and_compiles(proxy: Server) -> None:
    assert go_proxy.refusal(ARTIFACT, parameters.current()) == ""
    assert modules.program(ARTIFACT, "thing", parameters.current()).is_file()
    proxy.status = 403
    assert go_proxy.refusal(ARTIFACT, parameters.current()) == ""


def test_what_the_users_go_is_set_to_changes_no_build_and_the_user_can_delete_the_modules(
    proxy: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "go.env"
    own.write_text("GOARCH=arm64\nGOFLAGS=-tags=mine\nGOPRIVATE=*.mine.example\nGOAMD64=v3\n", encoding="utf-8")
    before = modules.definition(ARTIFACT, parameters.current())
    monkeypatch.setenv("GOENV", str(own))
    for name, value in {"GOOS": "windows", "GOEXPERIMENT": "rangefunc", "CGO_ENABLED": "1", "GOROOT": "/none"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GONOSUMDB", "sums.example")
    toolchain._settings.cache_clear()
    names = ("GOOS", "GOARCH", "GOAMD64", "CGO_ENABLED", "GOEXPERIMENT", "GOPRIVATE", "GONOSUMDB")
    said = command.run(tmp_path / ARTIFACT.folder, parameters.current(), "env", *names).split("\n")[:-1]
    toolchain._settings.cache_clear()
    assert said == ["linux", "amd64", "v1", "0", "", "*.mine.example", "sums.example"]
    assert modules.definition(ARTIFACT, parameters.current()) == before
    folder = modules.module_folder(ARTIFACT, MODULE, parameters.current())
    assert all(path.stat().st_mode & 0o200 for path in (folder, *folder.rglob("*")) if path.is_dir())
    assert proxy.requests


def test_a_proxy_that_fails_is_an_error(proxy: Server) -> None:
    proxy.status = 503
    with pytest.raises(Problem, match="gave no answer") as caught:
        go_proxy.refusal(ARTIFACT, parameters.current())
    assert "503" in caught.value.details


def test_a_proxy_that_is_not_there_is_an_error(proxy: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")
    with pytest.raises(Problem, match="gave no answer"):
        go_proxy.refusal(ARTIFACT, parameters.current())
    assert proxy.requests == 0
