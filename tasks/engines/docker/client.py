"""The Docker engine: which one answers, its images and its containers.

`docker` here is this module; the client library is imported inside functions, since it costs a tenth of a second.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.engines.docker import connection as docker_connection
from tasks.engines.docker import context as docker_context
from tasks.engines.docker import embedded as docker_embedded
from tasks.engines.docker import node_network
from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.settings import credentials, parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from docker import DockerClient
    from docker.tls import TLSConfig

    from tasks.engines.docker.context import Endpoint

_CALL_SECONDS = docker_connection.CALL_SECONDS
# The last client in which DOCKER_BUILDKIT=1 works without the buildx plugin.
_LAST_BUNDLED_BUILDKIT = 22
_ERROR_LINES = 15
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
# What programs say where the one that keeps the credentials is not installed.
_NO_CREDENTIALS_PROGRAM = re.compile(r'error getting credentials - err: (?:exec: ")?(docker-credential-[\w.-]+)')
# The containerd that a distribution's engine shares, and where it keeps images by default.
_CONTAINERD = "/run/containerd/containerd.sock"
_CONTAINERD_DATA = Path("/var/lib/containerd")
# On what this tool made and may remove.
OURS = "openkasugai.made"
# One at a time: two threads that look at once would make two connections and forget one.
_CHOOSING = threading.Lock()


@dataclass(frozen=True)
class ImageFacts:
    """What the engine knows of an image.

    Attributes:
        id: Its content address, `sha256:...`.
        labels: Its labels.
    """

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ContainerFacts:
    """What the engine knows of a container.

    Attributes:
        id: Its identifier.
        name: Its name.
        status: `created`, `running`, `exited`, ...
        image_id: Content address of the image it was made from.
        labels: Its labels.
        addresses: Its IPv4 address on each network it is attached to, by the network's name.
        started: When it was last started, in RFC 3339 and UTC.
        mounts: Folders of the host that it sees, by where it sees them.
    """

    id: str
    name: str
    status: str
    image_id: str
    labels: Mapping[str, str]
    addresses: Mapping[str, str]
    started: str = ""
    mounts: Mapping[str, str] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.status == "running"


def host_url() -> str:
    """Return the address of the machine's own engine, as the docker command finds it: DOCKER_HOST, context, default.

    Raises:
        Problem: The docker command's settings are damaged, or name a context that is not there.
    """
    return docker_context.chosen().url


def embedded() -> docker_embedded.Engine:
    """Return the tool's own engine, whether it runs or not."""
    return docker_embedded.engine(parameters.current().cache_dir)


def answers(url: str) -> bool:
    """Return whether an engine answers at `url`."""
    connection = _connect(url)
    if connection is None:
        return False
    connection.close()
    return True


def socket() -> str:
    """Return the address (DOCKER_HOST) of the engine that this run uses.

    Raises:
        docker_connection.NoEngine: None answers.
        Problem: It is not to be used, or the docker command's settings are damaged.
    """
    return _chosen()[0].url


def client() -> DockerClient:
    """Return the client of the engine that this run uses; connected once.

    Raises:
        docker_connection.NoEngine: None answers.
        Problem: It is not to be used, or the docker command's settings are damaged.
    """
    return _chosen()[1]


def forget() -> None:
    """Forget the connection, after an engine was started or stopped."""
    with _CHOOSING:
        if _first_that_answers.cache_info().currsize:
            _first_that_answers()[1].close()
        _first_that_answers.cache_clear()
    cli.cache_clear()


def environment() -> dict[str, str]:
    """Return the variables with which another program (kind, docker) reaches the same engine."""
    folder = str(Path(cli()[0]).parent)
    return {**_variables(), "PATH": os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])}


def proxies_of_containers() -> dict[str, str]:
    """Return the proxies that the docker command tells every container of, by the names of their variables."""
    return docker_context.proxies_of_containers(_chosen()[0])


def data_folders() -> list[Path]:
    """Return the folders of this machine in which the engine keeps images and containers.

    With the image store of containerd (`docker info`: `driver-type io.containerd.snapshotter.v1`) images are in that
    of containerd, unless the engine runs a containerd of its own below its data root.

    Raises:
        Problem: No engine answers.
    """
    facts = client().info()
    shared = facts.get("Containerd", {}).get("Address") == _CONTAINERD
    in_containerd = shared and any("io.containerd.snapshotter.v1" in row for row in facts.get("DriverStatus") or [])
    return [Path(facts["DockerRootDir"]), *([_CONTAINERD_DATA] if in_containerd else [])]


@functools.lru_cache(maxsize=1)
def cli() -> tuple[str, bool]:
    """Find a docker command that builds with BuildKit; several may be on PATH.

    Returns:
        Its path, and whether it does so by the buildx plugin rather than by itself.

    Raises:
        Problem: There is none.
    """
    candidates = _programs("docker")
    # Asked before there is an engine; with a context that is gone, or a certificate, they would not even tell this.
    env = docker_context.variables(docker_context.Endpoint(docker_context.LOCAL_URL, ""))
    for program in candidates:
        if shell.run([program, "buildx", "version"], env=env, check=False).returncode == 0:
            return program, True
    for program in candidates:
        version = re.search(r"(\d+)\.", shell.run([program, "--version"], env=env, check=False).stdout)
        if version and int(version.group(1)) <= _LAST_BUNDLED_BUILDKIT:
            return program, False
    raise Problem("docker: no command on PATH can build with BuildKit", hint="sudo apt-get install docker-buildx")


def build(  # noqa: PLR0913 - one argument for each thing a build depends on
    context: Path,
    tag: str,
    *,
    build_args: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    target: str | None = None,
    network: str | None = None,
) -> ImageFacts:
    """Build an image with BuildKit; each step is reported as progress.

    Args:
        context: Folder with a Dockerfile.
        tag: The name the image gets.
        build_args: Values of the Dockerfile's ARGs; the proxies of this process are added.
        labels: Labels of the image.
        target: Stage to stop at.
        network: Network of the RUN steps.

    Returns:
        The facts of the image.

    Raises:
        Problem: The build failed; the details carry its last lines.
    """
    program, buildx = cli()
    # A builder that the user chose keeps what it builds to itself; the default one is the engine of DOCKER_HOST.
    argv = [program, "buildx", "build", "--builder", "default", "--load"] if buildx else [program, "build"]
    argv += ["--progress=plain", "--tag", tag]
    # By name alone: every user of the machine sees a program's arguments, and proxies and mirrors may hold passwords.
    argv += [word for name in sorted({*_proxies(), *(build_args or {})}) for word in ("--build-arg", name)]
    argv += _options("--label", labels or {})
    argv += ["--target", target] if target else []
    argv += ["--network", network] if network else []
    # An attestation would make an index of what has to be a plain image.
    settings = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    env = {**(build_args or {}), **settings, **_variables()}
    completed = shell.run([*argv, context], env=env, live=True, check=False)
    if completed.returncode != 0:
        raise _build_problem(tag, completed.stderr or completed.stdout)
    return require_image(tag)


def import_rootfs(tar: Path, tag: str, *, labels: Mapping[str, str] | None = None) -> ImageFacts:
    """Make an image of one layer from the tar of a root filesystem.

    Args:
        tar: Plain or compressed tar archive.
        tag: The name the image gets.
        labels: Labels of the image.

    Returns:
        The facts of the image.
    """
    changes = [f"LABEL {json.dumps(key)}={json.dumps(value)}" for key, value in (labels or {}).items()]
    options = [word for change in changes for word in ("--change", change)]
    progress.step(f"importing {tar.name} as {tag}")
    shell.run([cli()[0], "import", *options, tar, tag], env=_variables())
    return require_image(tag)


def image(tag: str) -> ImageFacts | None:
    """Return the facts of an image of the engine, by tag or id, or None if it is not there."""
    from docker.errors import ImageNotFound

    try:
        found = client().images.get(tag).attrs
    except ImageNotFound:
        return None
    return ImageFacts(found["Id"], found["Config"].get("Labels") or {})


def require_image(tag: str) -> ImageFacts:
    """Return the facts of an image that has to be there.

    Raises:
        Problem: It is not there.
    """
    found = image(tag)
    if found is None:
        raise Problem(f"image {tag}: not in the Docker engine at {socket()}", hint="./doit images")
    return found


def image_tags() -> list[str]:
    """Return the names with tag of all images of the engine."""
    return [tag for found in client().images.list() for tag in found.tags]


def pull(reference: str) -> str:
    """Pull an image from its registry, and return its name, which it has in the engine too.

    Args:
        reference: Its name with registry, repository and tag.

    Raises:
        Problem: The registry does not answer, refuses, or has no such image.
    """
    from docker.errors import APIError, DockerException

    progress.step(f"pulling {reference}")
    docker_context.require_credentials_program(registry_of(reference))
    try:
        client().images.pull(reference)
    except (APIError, DockerException) as error:
        raise Problem(
            f"image {reference}: cannot be pulled: {str(error).splitlines()[0]}", hint="CONTROLLER_IMAGES=source"
        ) from error
    return reference


def remove_image(tag: str) -> None:
    """Remove a tag, and the image with its last tag; what is not there is no error."""
    from docker.errors import ImageNotFound

    try:
        client().api.remove_image(tag)
    except ImageNotFound:
        return


def registry_of(reference: str) -> str:
    """Return the registry of an image's full name, as Docker reads it: `docker.io` where it names none."""
    from docker.auth import resolve_repository_name

    return str(resolve_repository_name(reference)[0])


def push(local_tag: str, remote_tag: str, *, anonymous: bool = False) -> str:
    """Push an image under another name.

    Args:
        local_tag: Name in the engine.
        remote_tag: Name with registry, repository and tag.
        anonymous: The registry asks nobody who he is, so that credentials are not looked for.

    Returns:
        The digest of the manifest in the registry, `sha256:...`.

    Raises:
        Problem: The registry refused or did not answer, or the program that keeps its credentials is not installed.
    """
    from docker.errors import DockerException

    repository, _, tag = remote_tag.rpartition(":")
    require_image(local_tag)
    auth = {} if anonymous else _credentials_for(remote_tag)
    client().api.tag(local_tag, repository, tag)
    digest, error = "", ""
    try:
        # Read to its end even after an error: an answer that is left half read keeps its connection.
        for event in client().api.push(repository, tag=tag, stream=True, decode=True, auth_config=auth):
            error = error or event.get("error", "")
            digest = event.get("aux", {}).get("Digest", digest)
            progress.step(f"pushing {remote_tag} ({event.get('id', '')} {event.get('status', '')})")
    except DockerException as caught:
        error = str(caught).splitlines()[0]
    if error:
        raise Problem(f"image {remote_tag}: push failed: {error}", hint="./doit registry")
    return digest


def container(name: str) -> ContainerFacts | None:
    """Return the facts of a container, running or not, or None if there is none of that name."""
    from docker.errors import NotFound

    try:
        return _container_facts(client().api.inspect_container(name))
    except NotFound:
        return None


def main_process(container_name: str) -> int:
    """Return the process id, on the host, of a container's first process; 0 where it does not run or is not there."""
    from docker.errors import NotFound

    try:
        return int(client().api.inspect_container(container_name)["State"]["Pid"])
    except NotFound:
        return 0


def containers(label: str) -> list[ContainerFacts]:
    """Return the containers, running or not, with a label (`key` or `key=value`), by name."""
    listed = client().api.containers(all=True, filters={"label": label})
    found = [container(entry["Id"]) for entry in listed]
    return sorted((facts for facts in found if facts is not None), key=lambda facts: facts.name)


def tenants(url: str) -> list[str]:
    """Return the names of all containers, running or not, of the engine at `url`; none where none answers."""
    engine = _connect(url)
    if engine is None:
        return []
    with contextlib.closing(engine):
        listed = engine.api.containers(all=True)
    return sorted(entry["Names"][0].lstrip("/") for entry in listed)


def start(container_name: str) -> None:
    """Start a container that stands still.

    Raises:
        Problem: The engine refuses it.
    """
    _set_going(container_name, "start")


def unpause(container_name: str) -> None:
    """Let a container go on that `docker pause` froze; the engine starts no such one.

    Raises:
        Problem: The engine refuses it.
    """
    _set_going(container_name, "unpause")


def _set_going(container_name: str, verb: str) -> None:
    from docker.errors import APIError

    try:
        getattr(client().api, verb)(container_name)
    except APIError as error:
        raise Problem(
            f"container {container_name}: cannot be set going: {error.explanation}",
            hint=f"DOCKER_HOST={socket()} docker {verb} {container_name}",
        ) from error


def remove_container(name: str) -> bool:
    """Remove a container with its anonymous volumes, running or not.

    Returns:
        Whether there was one.
    """
    from docker.errors import NotFound

    try:
        client().api.remove_container(name, v=True, force=True)
    except NotFound:
        return False
    return True


def exec_in(container_name: str, argv: Sequence[str], *, stdin: str | None = None, check: bool = True) -> str:
    """Run a program in a container.

    Args:
        container_name: Name of a running container.
        argv: Program and arguments.
        stdin: Text for its standard input.
        check: Raise when the exit code is not 0.

    Returns:
        Its standard output.

    Raises:
        Problem: It failed; the details carry its last lines.
    """
    interactive = ["--interactive"] if stdin is not None else []
    command = [cli()[0], "exec", *interactive, container_name, *argv]
    completed = shell.run(command, stdin=stdin, env=_variables(), check=False)
    if check and completed.returncode != 0:
        output = completed.stderr.strip() or completed.stdout.strip()
        raise Problem(
            f"{container_name}: {argv[0]} failed with exit code {completed.returncode}",
            details="\n".join(output.splitlines()[-_ERROR_LINES:]),
        )
    return completed.stdout


def run(image_tag: str, argv: Sequence[str], *, mounts: Mapping[Path, str], user: str) -> None:
    """Run a program in a container of its own, without a network, and remove the container.

    Args:
        image_tag: Image whose entrypoint is run.
        argv: Its arguments.
        mounts: Folders of this machine and where they are in the container, with `:ro` for those it only reads.
        user: User and group that it runs as, by number.

    Raises:
        Problem: It failed; the details carry its last lines.
    """
    binds = [word for folder, place in mounts.items() for word in ("--volume", f"{folder}:{place}")]
    command = [cli()[0], "run", "--rm", "--network", "none", "--user", user, *binds, image_tag, *argv]
    completed = shell.run(command, env=_variables(), live=True, check=False)
    if completed.returncode != 0:
        output = completed.stderr.strip() or completed.stdout.strip()
        raise Problem(
            f"{image_tag}: {' '.join(argv)} failed with exit code {completed.returncode}",
            details="\n".join(output.splitlines()[-_ERROR_LINES:]),
        )


def copy_into(container_name: str, path: str, data: bytes, *, mode: int = 0o644, owner: int = 0) -> None:
    """Write a file in a container; folders that are missing are made.

    Its modification time is derived from the content, so that `holds` need not read it.

    Args:
        container_name: Name of a container.
        path: Absolute path in it; not on a tmpfs, which the engine's archive call does not see.
        data: The content.
        mode: The permission bits.
        owner: The user and the group it belongs to, by number.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(path.lstrip("/"))
        member.size, member.mode, member.mtime = len(data), mode, _time_of(data)
        member.uid = member.gid = owner
        tar.addfile(member, io.BytesIO(data))
    client().api.put_archive(container_name, "/", archive.getvalue())


def holds(container_name: str, path: str, data: bytes) -> bool:
    """Return whether a container has a file as `copy_into` wrote it, running or not.

    Reading a file takes the engine 50 ms, asking for its size and time 2 ms; any later change moves the time.
    """
    api = client().api
    url = f"{api.base_url}/v{api.api_version}/containers/{container_name}/archive"
    answer = api.head(url, params={"path": path}, timeout=_CALL_SECONDS)
    stat = answer.headers.get("X-Docker-Container-Path-Stat")
    if not answer.ok or stat is None:
        return False
    facts = json.loads(base64.b64decode(stat))
    moment = datetime.strptime(facts["mtime"][:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return bool(facts["size"] == len(data) and moment.timestamp() == _time_of(data))


def read_from(container_name: str, path: str) -> bytes | None:
    """Return the content of a file in a container, or None if there is none."""
    from docker.errors import NotFound

    try:
        chunks, _ = client().api.get_archive(container_name, path)
    except NotFound:
        return None
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        extracted = tar.extractfile(tar.next() or tarfile.TarInfo())
        return extracted.read() if extracted else None


def ensure_network(name: str) -> None:
    """Make a bridge network unless there is one of that name, which is used as it is; ours bears the tool's label.

    Raises:
        Problem: The engine refuses to make it.
    """
    if not client().api.networks(filters={"name": f"^{name}$"}):
        node_network.create(client().api, name, {OURS: "1"})


def subnet(name: str) -> IPv4Network:
    """Return the IPv4 subnet of a network.

    Raises:
        Problem: There is no such network, or it has none.
    """
    for entry in client().api.networks(filters={"name": f"^{name}$"}):
        for config in entry["IPAM"]["Config"]:
            network = ip_network(config["Subnet"])
            if isinstance(network, IPv4Network):
                return network
    raise Problem(f"docker network {name}: has no IPv4 subnet", hint=f"docker network inspect {name}")


def is_own_network(name: str) -> bool:
    """Return whether there is a network of that name, and this tool made it."""
    return bool(client().api.networks(filters={"name": f"^{name}$", "label": OURS}))


def network_users(name: str) -> list[str]:
    """Return the names of the containers that are in a network, running or not.

    The network itself lists those that run; one that stands still could not start again without it.
    """
    known = {name, *(entry["Id"] for entry in client().api.networks(filters={"name": f"^{name}$"}))}
    listed = client().api.containers(all=True)
    return sorted(entry["Names"][0].lstrip("/") for entry in listed if known & _networks_of(entry))


def _networks_of(entry: Mapping[str, Any]) -> set[str]:
    """Return the names and ids of the networks that a listed container is in, or will be in once it starts."""
    attached = entry["NetworkSettings"]["Networks"] or {}
    ids = {endpoint["NetworkID"] for endpoint in attached.values()}
    return {entry["HostConfig"]["NetworkMode"], *attached, *ids}


def remove_network(name: str) -> bool:
    """Remove a network that this tool made and no container needs any more, running or not.

    Returns:
        Whether it was removed.

    Raises:
        Problem: The engine refuses it, as something has come into it meanwhile.
    """
    from docker.errors import APIError

    own = client().api.networks(filters={"name": f"^{name}$", "label": OURS})
    if not own or network_users(name):
        return False
    try:
        client().api.remove_network(own[0]["Id"])
    except APIError as error:
        raise Problem(f"docker network {name}: {error.explanation}", hint=f"docker network inspect {name}") from error
    return True


def _chosen() -> tuple[Endpoint, DockerClient]:
    with _CHOOSING:
        return _first_that_answers()


@functools.lru_cache(maxsize=1)
def _first_that_answers() -> tuple[Endpoint, DockerClient]:
    docker_context.require_sound_config()
    for find in _candidates():
        endpoint = find()
        docker_context.require_usable(endpoint)
        found = _connect(endpoint.url, docker_context.tls(endpoint))
        if found is not None:
            docker_connection.require_here(endpoint, found)
            return endpoint, found
    raise docker_connection.no_engine(endpoint)


def _candidates() -> list[Callable[[], Endpoint]]:
    """Return the engines that DOCKER allows. The tool's own is preferred while it runs: it holds the tool's cluster."""
    choice = parameters.current().docker
    if os.environ.get("DOCKER_HOST") or (choice == "auto" and docker_context.is_forced()):
        return [docker_context.chosen]
    choices = {"host": [docker_context.chosen], "embedded": [_embedded], "auto": [_embedded, docker_context.chosen]}
    return choices[choice]


def _embedded() -> Endpoint:
    return docker_context.Endpoint(embedded().url, "DOCKER")


def _connect(url: str, tls: TLSConfig | None = None) -> DockerClient | None:
    return docker_connection.connect(url, tls)


def _variables() -> dict[str, str]:
    return docker_context.variables(_chosen()[0])


def _credentials_for(reference: str) -> dict[str, str] | None:
    """Return the credentials of this process; None leaves it to the client, which takes those of `docker login`."""
    found = credentials.current()
    if found:
        return {"username": found.user, "password": found.password}
    docker_context.require_credentials_program(registry_of(reference))
    return None


def _programs(name: str) -> list[str]:
    """Return every program of that name on PATH, each file once."""
    found = [shutil.which(name, path=folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    programs = {os.path.realpath(program): program for program in reversed(found) if program}
    return list(reversed(programs.values()))


def _options(option: str, values: Mapping[str, str]) -> list[str]:
    return [word for key, value in sorted(values.items()) for word in (option, f"{key}={value}")]


def _proxies() -> list[str]:
    """Return the names of this process's proxy variables: ARGs that BuildKit knows and leaves out of the image."""
    return [key for name in _PROXIES for key in (name, name.upper()) if os.environ.get(key)]


def _time_of(data: bytes) -> int:
    """Return a moment of the years 2001 to 2009, in seconds, that stands for the content."""
    return 10**9 + int(hashlib.sha256(data).hexdigest()[:7], 16)


def _build_problem(tag: str, output: str) -> Problem:
    """Return why a build failed."""
    missing = _NO_CREDENTIALS_PROGRAM.search(output)
    if missing and shutil.which(missing.group(1)) is None:
        file = docker_context.config_file()
        return Problem(
            f"image {tag}: the build failed: {file} names {missing.group(1)}, which is not installed",
            hint=f"install {missing.group(1)}, or take credsStore and credHelpers out of {file}",
        )
    return Problem(f"image {tag}: the build failed", details=_build_error(output))


def _build_error(output: str) -> str:
    """Return the part of BuildKit's plain output that tells what failed: from the first error line, else the tail."""
    lines = output.strip().splitlines()
    first = next((number for number, line in enumerate(lines) if "ERROR" in line), len(lines))
    return "\n".join(lines[max(0, min(first, len(lines)) - _ERROR_LINES) :][: 2 * _ERROR_LINES])


def _container_facts(found: dict[str, Any]) -> ContainerFacts:
    networks = found["NetworkSettings"]["Networks"] or {}
    return ContainerFacts(
        id=found["Id"],
        name=found["Name"].lstrip("/"),
        status=found["State"]["Status"],
        image_id=found["Image"],
        labels=found["Config"].get("Labels") or {},
        addresses={name: network["IPAddress"] for name, network in networks.items()},
        started=found["State"]["StartedAt"],
        mounts={mount["Destination"]: mount["Source"] for mount in found["Mounts"] if mount["Type"] == "bind"},
    )
