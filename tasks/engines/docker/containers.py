"""The containers of the engine, and files in them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tasks.engines.docker import client as docker_client
from tasks.engines.docker import connection as docker_connection
from tasks.engines.docker import images
from tasks.engines.programs import shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


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
        mounts: The host's folders that are mounted into it, by their path in the container.
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


def find(name: str) -> ContainerFacts | None:
    """Return the facts of a container, running or not, or None if there is no container of that name."""
    from docker.errors import NotFound

    try:
        return _container_facts(docker_client.client().api.inspect_container(name))
    except NotFound:
        return None


def main_process(container_name: str) -> int:
    """Return the host's process id of a container's first process, or 0 if the container is absent or not running."""
    from docker.errors import NotFound

    try:
        return int(docker_client.client().api.inspect_container(container_name)["State"]["Pid"])
    except NotFound:
        return 0


def labelled(label: str) -> list[ContainerFacts]:
    """Return the containers with a label (`key` or `key=value`), running or not, sorted by name."""
    listed = docker_client.client().api.containers(all=True, filters={"label": label})
    found = [find(entry["Id"]) for entry in listed]
    return sorted((facts for facts in found if facts is not None), key=lambda facts: facts.name)


def tenants(url: str) -> list[str]:
    """Return the names of all containers, running or not, of the engine at `url`; none if no engine answers."""
    engine = docker_connection.connect(url)
    if engine is None:
        return []
    with contextlib.closing(engine):
        listed = engine.api.containers(all=True)
    return sorted(entry["Names"][0].lstrip("/") for entry in listed)


def start(container_name: str) -> None:
    """Start a stopped container.

    Raises:
        Problem: The engine refuses it.
    """
    _set_going(container_name, "start")


def unpause(container_name: str) -> None:
    """Resume a container that `docker pause` froze; the engine refuses to start such a container.

    Raises:
        Problem: The engine refuses it.
    """
    _set_going(container_name, "unpause")


def _set_going(container_name: str, verb: str) -> None:
    from docker.errors import APIError

    try:
        getattr(docker_client.client().api, verb)(container_name)
    except APIError as error:
        raise Problem(
            f"container {container_name}: cannot be set going: {error.explanation}",
            hint=f"DOCKER_HOST={docker_client.socket()} docker {verb} {container_name}",
        ) from error


def remove(name: str) -> bool:
    """Remove a container with its anonymous volumes, running or not.

    Returns:
        Whether there was one.
    """
    from docker.errors import NotFound

    try:
        docker_client.client().api.remove_container(name, v=True, force=True)
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
    command = [docker_client.cli()[0], "exec", *interactive, container_name, *argv]
    completed = shell.Command(command, docker_client.variables(), stdin=stdin).run(check=False)
    if check and completed.returncode != 0:
        raise _failed(f"{container_name}: {argv[0]}", completed.returncode, completed.stderr, completed.stdout)
    return completed.stdout


def said_in(container_name: str, argv: Sequence[str]) -> str:
    """Return the standard output of a program in a running container that ends within some seconds.

    Unlike `exec_in`, it asks the engine itself, which takes half the time.

    Raises:
        Problem: It failed.
    """
    from docker.errors import APIError

    api = docker_client.client().api
    try:
        made = api.exec_create(container_name, list(argv))["Id"]
        output, errors = ((part or b"").decode(errors="replace") for part in api.exec_start(made, demux=True))
        code = api.exec_inspect(made)["ExitCode"]
    except APIError as error:
        raise Problem(f"{container_name}: {argv[0]} cannot be run: {error.explanation}") from error
    if code != 0:
        raise _failed(f"{container_name}: {argv[0]}", code, errors, output)
    return str(output)


@dataclass(frozen=True)
class Surroundings:
    """What a program in a new container gets from this machine.

    Attributes:
        user: User and group that it runs as, by number.
        mounts: Folders of this machine, each with its path in the container, plus `:ro` if it is only read.
        variables: Variables of its environment besides those of the image.
    """

    user: str
    mounts: Mapping[Path, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> list[str]:
        """Return the options of `docker run` for it."""
        binds = [word for folder, place in self.mounts.items() for word in ("--volume", f"{folder}:{place}")]
        env = [word for name, value in self.variables.items() for word in ("--env", f"{name}={value}")]
        return ["--user", self.user, *binds, *env]


def run(image_tag: str, argv: Sequence[str], surroundings: Surroundings) -> None:
    """Run a program in a new container without a network, then remove the container.

    Args:
        image_tag: Image whose entrypoint is run.
        argv: Its arguments.
        surroundings: What it gets from this machine.

    Raises:
        Problem: It failed; the details carry its last lines.
    """
    options = ["--rm", "--network", "none", *surroundings.options()]
    command = [docker_client.cli()[0], "run", *options, image_tag, *argv]
    completed = shell.run(command, env=docker_client.variables(), live=True, check=False)
    if completed.returncode != 0:
        raise _failed(f"{image_tag}: {' '.join(argv)}", completed.returncode, completed.stderr, completed.stdout)


def _failed(what: str, code: int, errors: str, output: str) -> Problem:
    """Return that a program failed, with its last lines."""
    lines = (errors.strip() or output.strip()).splitlines()
    return Problem(f"{what} failed with exit code {code}", details="\n".join(lines[-images.ERROR_LINES :]))


@dataclass(frozen=True)
class Rights:
    """The permissions and the owner of a file.

    Attributes:
        mode: The permission bits.
        owner: The user and group that own it, by number.
    """

    mode: int = 0o644
    owner: int = 0


_READABLE = Rights()


def copy_into(container_name: str, path: str, data: bytes, rights: Rights = _READABLE) -> None:
    """Write a file in a container; create missing folders.

    Its modification time is derived from the content, so that `holds` does not have to read it.

    Args:
        container_name: Name of a container.
        path: Absolute path in it; not on a tmpfs, which the engine's archive call does not see.
        data: The content.
        rights: Its permissions and owner.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(path.lstrip("/"))
        member.size, member.mode, member.mtime = len(data), rights.mode, _time_of(data)
        member.uid = member.gid = rights.owner
        tar.addfile(member, io.BytesIO(data))
    docker_client.client().api.put_archive(container_name, "/", archive.getvalue())


def holds(container_name: str, path: str, data: bytes) -> bool:
    """Return whether a container, running or not, has a file exactly as `copy_into` wrote it.

    Only size and time are compared: any later change alters the time. Asking for them takes 2 ms, reading a file 50 ms.
    """
    api = docker_client.client().api
    url = f"{api.base_url}/v{api.api_version}/containers/{container_name}/archive"
    answer = api.head(url, params={"path": path}, timeout=docker_client.CALL_SECONDS)
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
        chunks, _ = docker_client.client().api.get_archive(container_name, path)
    except NotFound:
        return None
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        extracted = tar.extractfile(tar.next() or tarfile.TarInfo())
        return extracted.read() if extracted else None


def _time_of(data: bytes) -> int:
    """Return a time between 2001 and 2009, in seconds, that is derived from the content."""
    return 10**9 + int(hashlib.sha256(data).hexdigest()[:7], 16)


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
