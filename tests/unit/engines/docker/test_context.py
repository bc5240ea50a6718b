"""docker.context: the engine that the docker command would choose, and the errors if it cannot be used."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.docker import client as docker_client
from tasks.engines.docker import connection, context
from tasks.engines.docker import settings as docker_settings
from tasks.problems import Problem
from tests.threads import running
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLES = ("HOST", "CONTEXT", "CONFIG", "TLS", "TLS_VERIFY", "CERT_PATH")
TCP = "tcp://127.0.0.1:2376"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The docker command's folder in an empty home."""
    for name in VARIABLES:
        monkeypatch.delenv(f"DOCKER_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    made = tmp_path / ".docker"
    made.mkdir()
    return made


@pytest.fixture
def engine(tmp_path: Path) -> None:
    """A machine on which the tool's own engine does not run, with DOCKER set as for most users."""
    chosen = lab(CACHE_DIR=str(tmp_path / "cache"))
    docker_settings.provide(lambda: chosen)
    docker_client.forget()


def set_config(folder: Path, **settings: Any) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(settings))
    return file


def make_context(folder: Path, name: str, certificates: tuple[str, ...] = (), **endpoint: Any) -> Path:
    """Write a context as `docker context create` does."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / digest
    meta.mkdir(parents=True)
    facts = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (meta / "meta.json").write_text(json.dumps(facts))
    tls = folder / "contexts" / "tls" / digest / "docker"
    for file in certificates:
        tls.mkdir(parents=True, exist_ok=True)
        (tls / file).write_text("PEM")
    return tls


def test_without_anything_it_is_the_machines_own_socket() -> None:
    assert context.chosen() == context.Endpoint(context.LOCAL_URL, "context default")
    assert not context.is_forced()


def test_the_order_is_host_then_variable_then_config(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_context(folder, "of config", Host="unix:///run/config.sock")
    make_context(folder, "of variable", Host="unix:///run/variable.sock")
    set_config(folder, currentContext="of config")
    assert docker_client.host_url() == "unix:///run/config.sock"
    monkeypatch.setenv("DOCKER_CONTEXT", "of variable")
    assert docker_client.host_url() == "unix:///run/variable.sock"
    assert context.is_forced()
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/host.sock")
    assert docker_client.host_url() == "unix:///run/host.sock"


def test_the_variable_can_ask_for_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_config(folder, currentContext="gone")
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert docker_client.host_url() == context.LOCAL_URL


def test_the_folder_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_context(other, "c", Host="unix:///run/c.sock")
    set_config(other, currentContext="c")
    monkeypatch.setenv("DOCKER_CONFIG", str(other))
    assert docker_client.host_url() == "unix:///run/c.sock"


@pytest.mark.parametrize(
    ("variables", "folder_of", "verified"),
    [
        ({"TLS_VERIFY": "1", "CERT_PATH": "/certs"}, "/certs", True),
        ({"TLS_VERIFY": "1"}, "~/.docker", True),
        ({"TLS": "1", "CERT_PATH": "/certs"}, "/certs", False),
        ({"TLS_VERIFY": "", "CERT_PATH": "/certs"}, None, False),
    ],
)
def test_certificates_of_the_environment(
    variables: dict[str, str], folder_of: str | None, verified: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", TCP)
    for name, value in variables.items():
        monkeypatch.setenv(f"DOCKER_{name}", value)
    found = context.chosen()
    assert found.certificates == (Path(folder_of).expanduser() if folder_of else None)
    passed = context.variables(found)
    assert passed["DOCKER_HOST"] == TCP
    assert bool(passed["DOCKER_TLS_VERIFY"]) is verified
    assert bool(passed["DOCKER_TLS"]) is bool(folder_of)
    assert passed["DOCKER_CERT_PATH"] == str(found.certificates or "")


def test_certificates_of_a_context_go_to_every_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = make_context(folder, "c", ("ca.pem", "cert.pem", "key.pem"), Host=TCP, SkipTLSVerify=False)
    monkeypatch.setenv("DOCKER_CONTEXT", "c")
    # The certificates of the environment belong to DOCKER_HOST.
    monkeypatch.setenv("DOCKER_CERT_PATH", "/others")
    found = context.chosen()
    assert found == context.Endpoint(TCP, "context c", tls, verified=True)
    assert context.variables(found) == {
        "DOCKER_HOST": TCP,
        "DOCKER_CONTEXT": "",
        "DOCKER_CERT_PATH": str(tls),
        "DOCKER_TLS": "1",
        "DOCKER_TLS_VERIFY": "1",
    }
    client = context.tls(found)
    assert client is not None
    assert (client.cert, client.ca_cert, client.verify) == (
        (str(tls / "cert.pem"), str(tls / "key.pem")),
        str(tls / "ca.pem"),
        True,
    )


def test_a_context_may_skip_the_check_of_the_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_context(folder, "c", ("ca.pem",), Host=TCP, SkipTLSVerify=True)
    monkeypatch.setenv("DOCKER_CONTEXT", "c")
    found = context.chosen()
    client = context.tls(found)
    assert client is not None
    assert (client.cert, client.verify) == (None, False)
    assert context.variables(found)["DOCKER_TLS_VERIFY"] == ""


def test_variables_of_tls_do_not_reach_programs_that_talk_to_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", "/certs")
    passed = context.variables(context.chosen())
    assert passed["DOCKER_TLS_VERIFY"] == passed["DOCKER_TLS"] == passed["DOCKER_CERT_PATH"] == ""


@pytest.mark.parametrize("lacking", ["ca.pem", "cert.pem", "key.pem"])
def test_a_certificate_that_is_not_there_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    tls = make_context(folder, "c", ("ca.pem", "cert.pem", "key.pem"), Host=TCP)
    (tls / lacking).unlink()
    monkeypatch.setenv("DOCKER_CONTEXT", "c")
    with pytest.raises(Problem, match=rf"^context c: {tls}/{lacking} is not there"):
        context.tls(context.chosen())


@pytest.mark.usefixtures("engine")
def test_a_context_that_is_gone_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = set_config(folder, currentContext="desktop-linux")
    with pytest.raises(Problem, match=rf"^docker context desktop-linux: not there, though {file} names it\n") as caught:
        docker_client.client()
    assert "docker context use default" in caught.value.hint
    # This is not like a machine without an engine, where the embedded one is started instead.
    assert not isinstance(caught.value, connection.NoEngine)
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    with pytest.raises(Problem, match=r"^docker context other: not there, though DOCKER_CONTEXT names it\n") as caught:
        docker_client.client()
    assert "unset DOCKER_CONTEXT" in caught.value.hint


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    "content",
    [
        '{"auths": {',
        "[]",
        '"text"',
        '{"currentContext": 1}',
        '{"credHelpers": "pass"}',
        '{"proxies": []}',
        '{"auths": {"a.example": 1}}',
        '{"auths": {"a.example": {"auth": ""}}}',
        '{"auths": {"a.example": {"auth": "!"}}}',
        '{"auths": {"a.example": {"auth": null}}}',
    ],
)
def test_a_damaged_config_is_named(folder: Path, content: str) -> None:
    file = folder / "config.json"
    file.write_text(content)
    with pytest.raises(Problem, match=rf"^{file}: ") as caught:
        docker_client.client()
    assert str(file) in caught.value.hint
    assert len(caught.value.message.splitlines()) == 1


@pytest.mark.usefixtures("engine")
def test_a_config_that_cannot_be_read_is_named(folder: Path) -> None:
    file = folder / "config.json"
    file.mkdir()
    with pytest.raises(Problem, match=rf"^{file}: Is a directory"):
        docker_client.client()
    file.rmdir()
    file.symlink_to(folder / "gone")
    with pytest.raises(Problem, match=rf"^{file}: No such file"):
        docker_client.client()


def test_an_empty_config_is_none(folder: Path) -> None:
    (folder / "config.json").touch()
    assert context.config() == {}


@pytest.mark.parametrize("content", ["{", "[]", '{"Endpoints": []}', '{"Endpoints": {"docker": null}}', "{}"])
def test_a_damaged_context_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    make_context(folder, "c", Host=TCP)
    file = next(folder.glob("contexts/meta/*/meta.json"))
    file.write_text(content)
    monkeypatch.setenv("DOCKER_CONTEXT", "c")
    with pytest.raises(Problem, match=rf"^{file}: "):
        context.chosen()


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("tcp://192.0.2.1:2376", "runs on another machine"),
        ("tcp://engine.invalid:2376", "runs on another machine"),
        ("http://[2001:db8::1]:2375", "runs on another machine"),
        ("ssh://user@engine.example", "reached by ssh"),
        ("ssh://localhost", "reached by ssh"),
        ("/var/run/docker.sock", "no address of a Docker engine"),
        ("unix://", "no address of a Docker engine"),
        ("tcp://", "no address of a Docker engine"),
        ("tcp://127.0.0.1:port", "no address of a Docker engine"),
        ("npipe:////./pipe/docker_engine", "no address of a Docker engine"),
        ("localhost:2375", "no address of a Docker engine"),
    ],
)
def test_an_engine_that_cannot_be_used_is_one_line(monkeypatch: pytest.MonkeyPatch, url: str, says: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", url)
    with pytest.raises(Problem, match=says) as caught:
        docker_client.client()
    assert "DOCKER_HOST" in caught.value.message
    assert url in caught.value.message
    assert "unix:///var/run/docker.sock" in caught.value.hint


@pytest.mark.usefixtures("engine")
def test_a_context_on_another_machine_is_one_line(folder: Path) -> None:
    make_context(folder, "far", Host="tcp://192.0.2.1:2376")
    set_config(folder, currentContext="far")
    with pytest.raises(Problem, match=r"^Docker at tcp://192\.0\.2\.1:2376 \(context far\): runs on another machine"):
        docker_client.client()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "0.0.0.0", "[::1]"])  # noqa: S104
def test_addresses_of_this_machine_are_its_own(host: str) -> None:
    context.require_usable(context.Endpoint(f"tcp://{host}:2375", "DOCKER_HOST"))


@contextmanager
def answering(kernel: str) -> Iterator[str]:
    """Yield the address of a server that answers like an engine on a given kernel."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"ApiVersion": "1.41", "KernelVersion": kernel}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with running(server):
        yield f"tcp://127.0.0.1:{server.server_port}"
        docker_client.forget()


@pytest.mark.usefixtures("engine")
def test_an_engine_at_the_end_of_a_tunnel_is_on_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    # The engine is not reached through a proxy either.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with answering("5.15.0-other") as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        with pytest.raises(Problem, match=rf"^Docker at {url} \(DOCKER_HOST\): runs on another machine"):
            docker_client.client()
    with answering(os.uname().release) as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        assert docker_client.socket() == url


@pytest.mark.usefixtures("engine")
def test_an_engine_that_is_silent_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(connection.NoEngine, match=r"tcp://127\.0\.0\.1:1 \(DOCKER_HOST\): .*refused\n"):
        docker_client.client()


@pytest.mark.parametrize(
    ("settings", "registry", "setting"),
    [
        ({"credsStore": "nowhere"}, "harbor.example", "credsStore"),
        ({"credHelpers": {"harbor.example:443": "nowhere"}}, "harbor.example:443", "credHelpers"),
        ({"credHelpers": {"https://index.docker.io/v1/": "nowhere"}}, "docker.io", "credHelpers"),
        ({"credHelpers": {"other.example": "nowhere"}}, "harbor.example", ""),
        ({"credHelpers": {"other.example": "nowhere"}, "credsStore": ""}, "harbor.example", ""),
        ({}, "harbor.example", ""),
    ],
)
def test_a_program_that_keeps_credentials_and_is_not_there_is_named(
    folder: Path, settings: dict[str, Any], registry: str, setting: str
) -> None:
    file = set_config(folder, **settings)
    if not setting:
        context.require_credentials_program(registry)
        return
    with pytest.raises(Problem, match=rf"^{file}: {setting} .*{registry}.*docker-credential-nowhere.*not installed\n"):
        context.require_credentials_program(registry)


def test_a_program_that_keeps_credentials_and_is_there_is_asked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "docker-credential-here"
    shutil.copy("/bin/true", program)
    monkeypatch.setenv("PATH", str(tmp_path))
    set_config(folder, credsStore="here")
    context.require_credentials_program("harbor.example")
