"""The engine of the user's docker command: contexts, certificates, builders, credentials, secrets."""

from __future__ import annotations

import contextlib
import http.server
import json
import shutil
import subprocess
import threading
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.docker_engine import service
from tasks.engines.docker import client, connection, containers, images
from tasks.engines.go import modules
from tasks.engines.kube import kind
from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.settings import artifacts, parameters
from tests.docker import buildx, tls_front

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD = "secret-of-the-proxy"
VARIABLES = ("HOST", "CONTEXT", "TLS", "TLS_VERIFY", "CERT_PATH")
CONTEXT = "behind-tls"
BUILDER = "elsewhere"


@dataclass(frozen=True)
class Front:
    """The TLS address of the tests' own engine, and the client's certificates for it."""

    url: str
    certificates: Path


@dataclass(frozen=True)
class Recipe:
    """A build context with one small program, and the name of its image."""

    folder: Path
    tag: str

    def build(self, **arguments: str) -> images.ImageFacts:
        return images.build(self.folder, self.tag, build_args=arguments)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    service.ensure()
    certificates = tls_front.make_certificates(tmp_path_factory.mktemp("certificates"))
    with tls_front.serving(certificates, client.socket()) as url:
        yield Front(url, certificates)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new settings folder of the docker command."""
    for name in VARIABLES:
        monkeypatch.delenv(f"DOCKER_{name}", raising=False)
    made = tmp_path / "docker config"
    made.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(made))
    client.forget()
    yield made
    client.forget()


@pytest.fixture
def context(config: Path, front: Front) -> str:
    """A context with certificates, made by the docker command itself."""
    files = ",".join(f"{name}={front.certificates / name}.pem" for name in ("ca", "cert", "key"))
    shell.run(["docker", "context", "create", CONTEXT, "--docker", f"host={front.url},{files}"])
    return CONTEXT


@pytest.fixture
def recipe(tmp_path: Path) -> Iterator[Recipe]:
    folder = tmp_path / "context"
    folder.mkdir()
    shutil.copy(modules.program(artifacts.CA_SERVER, "ca-server", parameters.current()), folder)
    (folder / "Dockerfile").write_text(
        'FROM scratch\nARG WORD\nLABEL word="$WORD"\nCOPY ca-server /\nENTRYPOINT ["/ca-server"]\n', "utf-8"
    )
    made = Recipe(folder, f"docker-context-test:{uuid.uuid4().hex[:8]}")
    yield made
    images.remove(made.tag)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments of every program that is started from now on."""
    real, seen = subprocess.Popen, []

    def start(words: list[str], **options: Any) -> Any:
        seen.append([str(word) for word in words])
        return real(words, **options)

    monkeypatch.setattr(subprocess, "Popen", start)
    return seen


def use_the_hosts_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = parameters.current().model_copy(update={"docker": "host"})
    monkeypatch.setattr(parameters, "current", lambda: chosen)


def everything_reaches(url: str, recipe: Recipe) -> None:
    """Check that the client and every program reach an engine at this address."""
    assert client.socket() == url
    assert recipe.build(WORD="a word").labels == {"word": "a word"}
    with pytest.raises(Problem, match=f"{recipe.tag}: a failed with exit code"):
        containers.run(recipe.tag, ["a"], containers.Surroundings("0:0"))
    program = modules.program(artifacts.KIND, "kind", parameters.current())
    assert shell.run([program, "get", "clusters"], env=client.environment())
    assert kind.nodes("none-of-this-name") == []
    client.forget()


def test_a_context_of_the_environment_is_used_by_all(
    context: str, front: Front, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", context)
    everything_reaches(front.url, recipe)
    monkeypatch.delenv("DOCKER_CONTEXT")
    assert images.find(recipe.tag) is not None, "another engine built it"


def test_the_current_context_is_used(
    context: str, front: Front, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run(["docker", "context", "use", context])
    use_the_hosts_engine(monkeypatch)
    everything_reaches(front.url, recipe)


@pytest.mark.usefixtures("config")
def test_an_address_with_certificates_is_used(front: Front, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", front.url)
    monkeypatch.setenv("DOCKER_CERT_PATH", str(front.certificates))
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    # The engine is on this machine, so no proxy is used.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    everything_reaches(front.url, recipe)


@pytest.mark.usefixtures("config")
def test_certificates_for_others_do_not_disturb_the_tools_own_engine(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", "/none")
    service.ensure()
    everything_reaches(client.socket(), recipe)


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder that holds the certificates of another authority."""
    monkeypatch.chdir(tmp_path)
    tls_front.make_certificates(tmp_path / "stranger")


@pytest.mark.usefixtures("config", "stranger")
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"TLS_VERIFY": "1", "CERT_PATH": "none"}, r"DOCKER_HOST: .*none/ca\.pem is not there"),
        ({"TLS_VERIFY": "1", "CERT_PATH": "stranger"}, r"no engine answers at tcp://.*certificate verify failed"),
        ({}, r"no engine answers at tcp://"),
    ],
)
def test_a_tls_that_fails_is_told(
    front: Front, settings: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", front.url)
    for name, value in settings.items():
        monkeypatch.setenv(f"DOCKER_{name}", value)
    with pytest.raises(Problem, match=says) as caught:
        client.client()
    assert len(caught.value.message.splitlines()) == 1


@pytest.fixture
def builder(front: Front, config: Path, tmp_path: Path) -> None:
    """A chosen builder with another driver that was never started."""
    work = tmp_path / "buildx"
    work.mkdir()
    buildx.provide(config, work)
    create = ["docker", "buildx", "create", "--name", BUILDER, "--driver", "docker-container", "--use"]
    shell.run(create, env=client.environment())
    chosen = shell.run(["docker", "buildx", "inspect"], env=client.environment()).stdout
    assert BUILDER in chosen
    assert "inactive" in chosen


@pytest.mark.usefixtures("builder")
def test_a_builder_that_is_chosen_elsewhere_builds_nothing_of_ours(
    context: str, front: Front, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.ensure()
    assert client.cli()[1]
    assert recipe.build(WORD="own").labels == {"word": "own"}
    monkeypatch.setenv("BUILDX_BUILDER", BUILDER)
    assert recipe.build(WORD="variable").labels == {"word": "variable"}
    # `default` is the engine of DOCKER_HOST, not the engine of the current context.
    monkeypatch.setenv("DOCKER_CONTEXT", context)
    client.forget()
    assert client.socket() == front.url
    assert recipe.build(WORD="context").labels == {"word": "context"}


@pytest.mark.usefixtures("config")
def test_no_argument_of_a_build_holds_a_password(
    recipe: Recipe, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    service.ensure()
    proxy = f"http://user:{PASSWORD}@127.0.0.1:1"
    for name in ("http_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy)
    # An empty argument is an argument too.
    (recipe.folder / "Dockerfile").write_text(
        'FROM scratch\nARG WORD\nARG NONE=x\nARG http_proxy\nLABEL word="$WORD" none="$NONE" proxy="$http_proxy"\n'
        "COPY ca-server /\n",
        encoding="utf-8",
    )
    mirror = f"http://user:{PASSWORD}@mirror"
    assert recipe.build(WORD=mirror, NONE="").labels == {"word": mirror, "none": "", "proxy": proxy}
    assert [words for words in started if "build" in words]
    assert PASSWORD not in json.dumps(started)


def test_a_program_that_keeps_credentials_and_is_not_there_is_one_line(config: Path, recipe: Recipe) -> None:
    service.ensure()
    recipe.build()
    file, reference = config / "config.json", "127.0.0.1:1/nobody:1"
    file.write_text('{"credsStore": "nowhere"}')
    touches: tuple[Callable[[], object], ...] = (
        partial(images.push, recipe.tag, reference),
        partial(images.pull, reference),
    )
    for touch in touches:
        with pytest.raises(Problem, match=rf"^{file}: .*docker-credential-nowhere"):
            touch()
    with pytest.raises(Problem, match=r"push failed: .*connection refused"):
        images.push(recipe.tag, reference, anonymous=True)
    images.remove(reference)
    with asking_for_credentials() as registry:
        (recipe.folder / "Dockerfile").write_text(f"FROM {registry}/private:1\n", encoding="utf-8")
        with pytest.raises(Problem, match=rf"{file} names docker-credential-nowhere, which is not installed"):
            recipe.build()


@contextlib.contextmanager
def asking_for_credentials() -> Iterator[str]:
    """Yield the address of a registry on loopback that demands credentials."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", f'Bearer realm="http://{self.headers["Host"]}/token"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.usefixtures("config")
def test_the_folders_that_doctor_looks_at_are_the_engines_own() -> None:
    service.ensure()
    assert connection.data_folders(client.client())[0] == Path(client.client().info()["DockerRootDir"])
    if client.socket() == client.embedded().url:
        assert connection.data_folders(client.client()) == [client.embedded().data]
