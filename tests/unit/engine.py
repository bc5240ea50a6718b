"""A Docker engine for unit tests: it answers at a UNIX socket, as the real one does, from tables that a test fills.

It runs nothing. Its answers follow the Docker Engine API 1.43, with the fields that the tool reads.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.docker import client
from tasks.settings import cluster, paths
from tests.unit.engine_server import API_VERSION, Archive, Stream, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_STATES = {"start": "running", "restart": "running", "unpause": "running", "stop": "exited", "pause": "paused"}


@dataclass
class Image:
    """An image of the engine.

    Attributes:
        labels: Its labels.
        id: Its content address.
        layers: Digests of what its layers hold.
        config: What it says of the process that runs in it.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    id: str = f"sha256:{'0' * 64}"
    layers: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Container:
    """A container of the engine.

    Attributes:
        state: Its state, as the engine reports it: `running`, `paused`, `exited`.
        labels: Its labels.
        mounts: The host's folders that are mounted into it, by their path in the container.
        image: Content address of its image.
        ports: Ports of the host, by ports of the container.
        addresses: Its IP addresses, by network.
        files: The files that were written into it, by path.
        id: Its identifier; if empty, its name is used.
        process: The process id of its first program.
    """

    state: str = "running"
    labels: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    image: str = "sha256:0"
    ports: Mapping[int, int] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    files: dict[str, Archive] = field(default_factory=dict)
    id: str = ""
    process: int = 1


def node(cluster_name: str, **values: Any) -> Container:
    """Return a container as kind creates it for a cluster, with the mounts of a node of this checkout."""
    return Container(**{"labels": {cluster.CLUSTER_LABEL: cluster_name}, "mounts": ours(), **values})


def ours() -> dict[str, str]:
    """Return the mounts of a node that this checkout creates."""
    return {cluster.CONTROLLER: str(paths.CONTROLLER), cluster.WORK: str(paths.WORK)}


@dataclass
class Engine:
    """The content of the engine; a test fills it, and reads it afterwards.

    Attributes:
        url: Its address, as in DOCKER_HOST.
        version: Its version.
        images: By tag.
        containers: By name.
        networks: Labels by name.
        subnets: IPv4 subnets, by the name of the network.
        info: What else `docker info` reports.
        refusals: Errors that the engine answers instead: status and message by request, as in `requests`.
        requests: Requests that changed something, in order: `POST /containers/a/start`, `DELETE /networks/kind`.
        reads: Requests that only read, in order: `GET /containers/json`.
        connections: The open connections.
    """

    url: str
    version: str = "28.5.2"
    images: dict[str, Image] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    networks: dict[str, dict[str, str]] = field(default_factory=dict)
    subnets: dict[str, str] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes = b"") -> tuple[int, Any]:
        """Return the status and the answer to a request: None, a text, an archive, or a JSON value."""
        request = f"{method} {path}"
        (self.reads if method in {"GET", "HEAD"} else self.requests).append(request)
        if request in self.refusals:
            status, message = self.refusals[request]
            return status, {"message": message}
        written = re.fullmatch("PUT /containers/([^/]+)/archive", request)
        if written:
            return self._write(written[1], Archive(body))
        networked = re.fullmatch("POST /networks/([^/]+)(?:/([a-z]+))?", request)
        if networked:
            return self._change_network(networked[1], networked[2], json.loads(body))
        for pattern, reply in _ROUTES:
            found = re.fullmatch(pattern, request)
            if found:
                return reply(self, query, *found.groups())
        return 404, {"message": f"the engine of unit tests does not know {request}"}

    def _versions(self, _query: Mapping[str, str]) -> tuple[int, Any]:
        return 200, {"Version": self.version, "ApiVersion": API_VERSION, "KernelVersion": os.uname().release}

    def _info(self, _query: Mapping[str, str]) -> tuple[int, Any]:
        return 200, {"DockerRootDir": "/var/lib/docker", "DriverStatus": [], **self.info}

    def _listed_containers(self, query: Mapping[str, str]) -> tuple[int, Any]:
        filters = json.loads(query.get("filters", "{}"))
        everyone = query.get("all") in {"1", "true", "True"}
        found = {name: one for name, one in self.containers.items() if everyone or one.state == "running"}
        return 200, [_listed(name, one) for name, one in found.items() if _passes(f"/{name}", one.labels, filters)]

    def _inspected_container(self, _query: Mapping[str, str], name: str) -> tuple[int, Any]:
        found = self.containers.get(name)
        return (200, _inspected(name, found)) if found else _missing("container", name)

    def _set_state(self, _query: Mapping[str, str], name: str, verb: str) -> tuple[int, Any]:
        if name not in self.containers:
            return _missing("container", name)
        self.containers[name].state = _STATES[verb]
        return 204, None

    def _write(self, name: str, archive: Archive) -> tuple[int, Any]:
        if name not in self.containers:
            return _missing("container", name)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            self.containers[name].files[f"/{tar.getnames()[0]}"] = archive
        return 200, None

    def _read(self, query: Mapping[str, str], name: str) -> tuple[int, Any]:
        found = self.containers[name].files.get(query["path"]) if name in self.containers else None
        return (200, found) if found else _missing("file", f"{name}:{query['path']}")

    def _remove_container(self, _query: Mapping[str, str], name: str) -> tuple[int, Any]:
        return (204, None) if self.containers.pop(name, None) else _missing("container", name)

    def _listed_images(self, _query: Mapping[str, str]) -> tuple[int, Any]:
        return 200, [_image(tag, image) for tag, image in self.images.items()]

    def _inspected_image(self, _query: Mapping[str, str], name: str) -> tuple[int, Any]:
        found = {**{image.id: (tag, image) for tag, image in self.images.items()}, **_by_tag(self.images)}.get(name)
        return (200, _image(*found)) if found else _missing("image", name)

    def _create_image(self, query: Mapping[str, str]) -> tuple[int, Any]:
        """Import an image with the labels from its changes, or pull one."""
        if "fromSrc" in query:
            words = re.findall(r'("(?:[^"\\]|\\.)*")=("(?:[^"\\]|\\.)*")', query.get("changes", ""))
            made = hashlib.sha256(json.dumps(query).encode()).hexdigest()
            labels = {json.loads(key): json.loads(value) for key, value in words}
            self.images[f"{query['repo']}:{query['tag']}"] = Image(labels, f"sha256:{made}")
            return 200, {"status": made}
        self.images.setdefault(f"{query['fromImage']}:{query['tag']}", Image())
        return 200, Stream([{"status": "Pull complete"}])

    def _tag(self, query: Mapping[str, str], name: str) -> tuple[int, Any]:
        self.images[f"{query['repo']}:{query['tag']}"] = self.images[name]
        return 201, None

    def _push(self, query: Mapping[str, str], name: str) -> tuple[int, Any]:
        digest = hashlib.sha256(f"{name}:{query['tag']}".encode()).hexdigest()
        return 200, Stream([{"status": "Pushed"}, {"aux": {"Tag": query["tag"], "Digest": f"sha256:{digest}"}}])

    def _remove_image(self, _query: Mapping[str, str], name: str) -> tuple[int, Any]:
        return (200, [{"Untagged": name}]) if self.images.pop(name, None) else _missing("image", name)

    def _listed_networks(self, query: Mapping[str, str]) -> tuple[int, Any]:
        filters = json.loads(query.get("filters", "{}"))
        networks = {name: labels for name, labels in self.networks.items() if _passes(name, labels, filters)}
        return 200, [
            {"Id": name, "Name": name, "Labels": labels, "IPAM": {"Config": self._subnet(name)}}
            for name, labels in networks.items()
        ]

    def _subnet(self, network: str) -> list[dict[str, str]]:
        return [{"Subnet": self.subnets[network]}] if network in self.subnets else []

    def _change_network(self, name: str, verb: str | None, asked: Mapping[str, Any]) -> tuple[int, Any]:
        """Create a network, or put a container into one or take it out."""
        if verb is None:
            self.networks[asked["Name"]] = asked["Labels"]
            self.subnets[asked["Name"]] = asked["IPAM"]["Config"][0]["Subnet"]
            return 201, {"Id": asked["Name"]}
        container = self.containers[asked["Container"]]
        addresses = {network: address for network, address in container.addresses.items() if network != name}
        if verb == "connect":
            addresses[name] = asked["EndpointConfig"]["IPAMConfig"]["IPv4Address"]
        container.addresses = addresses
        return 200, None

    def _remove_network(self, _query: Mapping[str, str], name: str) -> tuple[int, Any]:
        found = self.networks.pop(name, None)
        return _missing("network", name) if found is None else (204, None)


_ROUTES: tuple[tuple[str, Callable[..., tuple[int, Any]]], ...] = (
    ("(?:GET|HEAD) /_ping", lambda *_: (200, "OK")),
    ("GET /version", Engine._versions),
    ("GET /info", Engine._info),
    ("GET /containers/json", Engine._listed_containers),
    ("GET /containers/([^/]+)/json", Engine._inspected_container),
    (f"POST /containers/([^/]+)/({'|'.join(_STATES)})", Engine._set_state),
    ("(?:GET|HEAD) /containers/([^/]+)/archive", Engine._read),
    ("DELETE /containers/([^/]+)", Engine._remove_container),
    ("GET /images/json", Engine._listed_images),
    ("GET /images/(.+)/json", Engine._inspected_image),
    ("POST /images/create", Engine._create_image),
    ("POST /images/(.+)/tag", Engine._tag),
    ("POST /images/(.+)/push", Engine._push),
    ("DELETE /images/(.+)", Engine._remove_image),
    ("GET /networks", Engine._listed_networks),
    ("DELETE /networks/([^/]+)", Engine._remove_network),
)


def _listed(name: str, container: Container) -> dict[str, Any]:
    return {
        "Id": container.id or name,
        "Names": [f"/{name}"],
        "State": container.state,
        "ImageID": container.image,
        "Ports": _ports(container),
        "Mounts": _mounts(container),
        "Labels": dict(container.labels),
        "HostConfig": {"NetworkMode": next(iter(container.addresses), "bridge")},
        "NetworkSettings": {"Networks": _networks(container)},
    }


def _inspected(name: str, container: Container) -> dict[str, Any]:
    return {
        "Id": container.id or name,
        "Name": f"/{name}",
        "State": {"Status": container.state, "Pid": container.process, "StartedAt": "2026-01-01T00:00:00Z"},
        "Image": container.image,
        "Config": {"Labels": dict(container.labels)},
        "Mounts": _mounts(container),
        "NetworkSettings": {"Networks": _networks(container)},
    }


def _ports(container: Container) -> list[dict[str, int]]:
    """Return the ports as the engine lists them: a container that is stopped has none."""
    ports = {} if container.state == "exited" else container.ports
    return [{"PrivatePort": inside, "PublicPort": outside} for inside, outside in ports.items()]


def _mounts(container: Container) -> list[dict[str, str]]:
    bound = [{"Type": "bind", "Source": folder, "Destination": place} for place, folder in container.mounts.items()]
    return [*bound, {"Type": "volume", "Source": "", "Destination": "/var"}]


def _networks(container: Container) -> dict[str, dict[str, str]]:
    return {network: {"IPAddress": address, "NetworkID": network} for network, address in container.addresses.items()}


def _image(tag: str, image: Image) -> dict[str, Any]:
    return {
        "Id": image.id,
        "RepoTags": [tag],
        "Config": {"Labels": dict(image.labels), **image.config},
        "RootFS": {"Type": "layers", "Layers": list(image.layers)},
    }


def _by_tag(images: Mapping[str, Image]) -> dict[str, tuple[str, Image]]:
    return {tag: (tag, image) for tag, image in images.items()}


def _missing(what: str, name: str) -> tuple[int, Any]:
    return 404, {"message": f"No such {what}: {name}"}


def _passes(name: str, labels: Mapping[str, str], filters: Mapping[str, list[str]]) -> bool:
    """Return whether something passes the engine's filters: any of the names, and all of the labels."""
    names = filters.get("name", [])
    wanted = [label.partition("=") for label in filters.get("label", [])]
    named = not names or any(re.search(pattern, name) for pattern in names)
    return named and all(key in labels and value in {"", labels[key]} for key, _, value in wanted)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An empty engine, which DOCKER_HOST names."""
    # A short path, since the kernel allows at most 107 bytes for the path of a socket.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    held = Engine(f"unix://{folder}/docker.sock")
    monkeypatch.setenv("DOCKER_HOST", held.url)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    with serving(held, folder / "docker.sock"):
        client.forget()
        yield held
        client.forget()
    shutil.rmtree(folder)
