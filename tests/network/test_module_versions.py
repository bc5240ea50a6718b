"""Versions that kind/go does not have: resolved by the real go command, with a module proxy on loopback."""

from __future__ import annotations

import http.server
import io
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks import progress
from tasks.engines.go import command, modules, sources, toolchain
from tasks.engines.go import proxy as go_proxy
from tasks.problems import Problem
from tasks.settings import artifacts, parameters, paths
from tasks.settings.parameters import layers
from tests.threads import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.settings.parameters.model import Parameters

MODULE, API = "example.test/thing", "example.test/api"
ARTIFACT = artifacts.GoArtifact(
    name="thing",
    folder="kind/go/thing",
    programs=(artifacts.Program(f"{MODULE}/cmd/thing", "thing"),),
    module=MODULE,
    parameter="CNI_PLUGINS_VERSION",
    stamps=("main.version={version}",),
)
MAIN = "package main\n\nvar version string\n\nfunc main() { println(version) }\n"
USES_API = 'package main\n\nimport "example.test/api"\n\nfunc main() { println(api.Name) }\n'
PINNED = f"module openkasugai.local/thing\n\ngo 1.21\n\nrequire {MODULE} v1.2.3\n"
TOOLS = f'//go:build tools\n\npackage tools\n\nimport _ "{MODULE}/cmd/thing"\n'
COMMIT_TIME = "2026-01-02T03:04:05Z"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves the modules, and nothing else; there is no checksum database behind it."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"no such version\n" if body is None else body)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """A module proxy."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    def add(self, module: str, version: str, go_mod: str, files: dict[str, str]) -> None:
        """Serve a version of a module."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as bundle:
            for name, text in {"go.mod": go_mod, **files}.items():
                bundle.writestr(f"{module}@{version}/{name}", text)
        info = json.dumps({"Version": version, "Time": COMMIT_TIME}).encode()
        for kind, content in {"info": info, "mod": go_mod.encode(), "zip": packed.getvalue()}.items():
            self.files[f"/{module}/@v/{version}.{kind}"] = content


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A module proxy that has v1.3.0 of the module."""
    with Server() as server, running(server):
        server.add(MODULE, "v1.3.0", f"module {MODULE}\n\ngo 1.21\n", {"cmd/thing/main.go": MAIN})
        monkeypatch.setenv("GOPROXY", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("GONOSUMDB", "example.test")
        yield server


@pytest.fixture
def choose(tmp_path: Path, proxy: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Parameters]:
    """A function that asks for a version, in a checkout that has one artifact, pinned at another."""
    del proxy
    folder = tmp_path / ARTIFACT.folder
    folder.mkdir(parents=True)
    for name, text in {"go.mod": PINNED, "tools.go": TOOLS}.items():
        (folder / name).write_text(text, encoding="utf-8")
    root = Path(command.run(folder, parameters.current(), "env", "GOROOT").strip())
    # What the compiler needs of the standard library is compiled already.
    compiled = tmp_path / "cache/go/build"
    compiled.parent.mkdir(parents=True)
    compiled.symlink_to(parameters.current().cache_dir / "go/build")
    monkeypatch.setattr(toolchain, "choose", lambda _settings: (root / "bin/go", "local"))
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")

    def choose(version: str) -> Parameters:
        values = {"PROFILE": "lab", "CACHE_DIR": str(tmp_path / "cache"), "CNI_PLUGINS_VERSION": version}
        return parameters.validated(layers.read(_ROOT, values))

    return choose


_ROOT = paths.ROOT


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What users are told."""
    kept: list[str] = []

    class Listener:
        def step(self, text: str) -> None:
            pass

        def line(self, text: str) -> None:
            kept.append(text)

    restore = progress.listen(Listener())
    yield kept
    restore()


def test_another_version_is_resolved_into_build_once_said_and_compiled(
    choose: Callable[[str], Parameters], proxy: Server, tmp_path: Path, lines: list[str]
) -> None:
    chosen = choose("v1.3.0")
    before = {path: path.read_bytes() for path in (tmp_path / "kind").rglob("*") if path.is_file()}
    assert modules.definition(ARTIFACT, chosen) == "v1.3.0, whose modules are not resolved yet"
    assert not proxy.asked
    made = modules.program(ARTIFACT, "thing", chosen)
    assert subprocess.run([made], capture_output=True, text=True, check=True).stderr == "v1.3.0\n"
    folder = tmp_path / "build/go/thing-v1.3.0"
    assert f"require {MODULE} v1.3.0" in (folder / "go.mod").read_text(encoding="utf-8")
    assert f"{MODULE} v1.3.0 h1:" in (folder / "go.sum").read_text(encoding="utf-8")
    told = "CNI_PLUGINS_VERSION v1.3.0: its modules are resolved in build/go/thing-v1.3.0, checked by sum.golang.org"
    assert lines == [told]
    assert {path: path.read_bytes() for path in before} == before
    asked = len(proxy.asked)
    digest = modules.definition(ARTIFACT, chosen)
    assert modules.program(ARTIFACT, "thing", chosen) == made
    assert len(proxy.asked) == asked
    shutil.rmtree(tmp_path / "build")
    sources.resolve(ARTIFACT, chosen)
    assert modules.definition(ARTIFACT, chosen) == digest


def test_a_new_program_of_an_artifact_resolves_its_modules_again(
    choose: Callable[[str], Parameters], proxy: Server, tmp_path: Path
) -> None:
    chosen = choose("v1.3.0")
    sources.resolve(ARTIFACT, chosen)
    (tmp_path / ARTIFACT.folder / "tools.go").write_text(f"{TOOLS}\n// One more.\n", encoding="utf-8")
    assert not sources.is_resolved(ARTIFACT, chosen)
    sources.resolve(ARTIFACT, chosen)
    assert sources.is_resolved(ARTIFACT, chosen)
    assert proxy.asked


def test_a_version_that_the_proxy_does_not_have_is_told_in_its_words(
    choose: Callable[[str], Parameters], tmp_path: Path
) -> None:
    chosen = choose("v9.9.9")
    words = f"{MODULE}@v9.9.9: 404 Not Found: no such version"
    with pytest.raises(Problem, match=r"^CNI_PLUGINS_VERSION v9\.9\.9: ") as said:
        modules.build(ARTIFACT, chosen)
    assert said.value.message.endswith(words)
    assert go_proxy.refusal(ARTIFACT, chosen) == words
    assert go_proxy.known(ARTIFACT, chosen) == words
    assert not sources.is_resolved(ARTIFACT, chosen)
    assert not (tmp_path / "build/go/thing-v9.9.9").exists()


def test_a_version_that_can_be_had_is_resolved_by_asking_for_it(choose: Callable[[str], Parameters]) -> None:
    chosen = choose("v1.3.0")
    assert go_proxy.known(ARTIFACT, chosen) is None
    assert go_proxy.refusal(ARTIFACT, chosen) == ""
    assert go_proxy.known(ARTIFACT, chosen) == ""
    shutil.rmtree(sources.folder(ARTIFACT, chosen))
    assert go_proxy.known(ARTIFACT, chosen) is None


def test_a_version_for_a_newer_go_names_it(choose: Callable[[str], Parameters], proxy: Server) -> None:
    proxy.add(MODULE, "v1.4.0", f"module {MODULE}\n\ngo 1.99\n", {"cmd/thing/main.go": MAIN})
    chosen = choose("v1.4.0")
    with pytest.raises(Problem) as said:
        sources.resolve(ARTIFACT, chosen)
    assert said.value.message == f"CNI_PLUGINS_VERSION v1.4.0 needs Go 1.99.0, and GO_VERSION is {chosen.go_version}"
    assert said.value.hint == "GO_VERSION=1.99.0 with the same command"


def test_modules_of_a_staging_area_and_replacements_follow_the_version(
    choose: Callable[[str], Parameters], proxy: Server
) -> None:
    own = f"""module {MODULE}

go 1.21

require {API} v0.0.0

require example.test/old v1.0.0

replace {API} => ./staging/api

replace example.test/old => example.test/new v1.1.0
"""
    proxy.add(MODULE, "v1.5.2", own, {"cmd/thing/main.go": USES_API})
    proxy.add(API, "v0.5.2", f"module {API}\n\ngo 1.21\n", {"api.go": 'package api\n\nconst Name = "of v0.5.2"\n'})
    proxy.add("example.test/new", "v1.1.0", "module example.test/new\n\ngo 1.21\n", {"new.go": "package old\n"})
    staged, chosen = replace(ARTIFACT, staging="v0", stamps=()), choose("v1.5.2")
    program = modules.program(staged, "thing", chosen)
    assert subprocess.run([program], capture_output=True, text=True, check=True).stderr == "of v0.5.2\n"
    resolved = (sources.folder(staged, chosen) / "go.mod").read_text(encoding="utf-8")
    assert f"replace {API} => {API} v0.5.2" in resolved
    assert "replace example.test/old => example.test/new v1.1.0" in resolved


def test_a_tag_that_go_does_not_accept_is_had_by_its_commit(
    choose: Callable[[str], Parameters], proxy: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    git = ("git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.test")
    repository.mkdir()
    for words in (
        ("init", "--quiet"),
        ("commit", "--quiet", "--allow-empty", "-m", "one"),
        ("tag", "-a", "v2.9.0", "-m", "two"),
    ):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    for name, value in {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://{MODULE}",
    }.items():
        monkeypatch.setenv(name, value)
    version = f"v0.0.0-20260102030405-{commit[:12]}"
    proxy.add(MODULE, version, f"module {MODULE}\n\ngo 1.21\n", {"cmd/thing/main.go": MAIN})
    proxy.files[f"/{MODULE}/@v/{commit}.info"] = proxy.files[f"/{MODULE}/@v/{version}.info"]
    chosen = choose("v2.9.0")
    (tmp_path / ARTIFACT.folder / "go.mod").write_text(
        f"module t\n\ngo 1.21\n\nrequire {MODULE} v0.0.0-20240101000000-aaaaaaaaaaaa // v2.8.1\n", encoding="utf-8"
    )
    assert sources.is_by_commit(ARTIFACT)
    program = modules.program(ARTIFACT, "thing", chosen)
    assert subprocess.run([program], capture_output=True, text=True, check=True).stderr == "v2.9.0\n"
    assert f"require {MODULE} {version}" in (sources.folder(ARTIFACT, chosen) / "go.mod").read_text(encoding="utf-8")
    with pytest.raises(Problem, match=f"^CNI_PLUGINS_VERSION v2.9.1: https://{MODULE} has no such tag"):
        sources.resolve(ARTIFACT, choose("v2.9.1"))


def test_modules_that_the_checksum_database_does_not_know_are_refused(
    choose: Callable[[str], Parameters], proxy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GONOSUMDB")
    proxy.files["/sumdb/sum.golang.org/supported"] = b""
    chosen = choose("v1.3.0")
    with pytest.raises(
        Problem, match=r"^CNI_PLUGINS_VERSION v1\.3\.0: its modules are not what the checksum database says"
    ) as said:
        sources.resolve(ARTIFACT, chosen)
    assert f"verifying go.mod: {MODULE}@v1.3.0" in said.value.details
    assert not sources.is_resolved(ARTIFACT, chosen)
    assert f"/sumdb/sum.golang.org/lookup/{MODULE}@v1.3.0" in proxy.asked


def test_a_real_version_is_resolved_and_checked_by_the_real_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    chosen = parameters.validated(layers.read(_ROOT, {"PROFILE": "lab", "CNI_PLUGINS_VERSION": "v1.6.0"}))
    folder = sources.resolve(artifacts.CNI_PLUGINS, chosen)
    sums = (folder / "go.sum").read_text(encoding="utf-8")
    assert "github.com/containernetworking/plugins v1.6.0 h1:" in sums
    assert lines[-1].startswith("CNI_PLUGINS_VERSION v1.6.0: its modules are resolved in build/go/cni-plugins-v1.6.0")
