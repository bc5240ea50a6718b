"""A registry that this tool did not start: containers with a CA of their own, which nodes have to be told of."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.docker import client, containers, networks
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.registry import pki
from tasks.registry.server import OK, PING, Server, trusting
from tasks.settings import cluster
from tasks.settings import registry as table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = "elsewhere-registry"
_SECONDS = 60.0
# Where its containers look for their files, and what they run: the image is that of the embedded registry.
_COMMANDS = {
    _NAME: ("/bin/registry", "serve", "/etc/registry/config.yml"),
    f"{_NAME}-ca": ("/bin/ca-server", f":{table.CA_PORT}", table.CA_PATH, "/ca/ca.crt"),
}
_PORTS = {_NAME: table.PORT, f"{_NAME}-ca": table.CA_PORT}


@dataclass(frozen=True)
class OutsideRegistry:
    """A registry with images.

    Attributes:
        host: Its address, `host:port`, for this machine and for the nodes alike.
        ca_url: Where its CA is offered.
        ca: File with its CA.
    """

    host: str
    ca_url: str
    ca: Path

    def tags(self) -> list[str]:
        """Return its images, as its data lists them."""
        found = self.ca.parent.parent.glob("data/docker/registry/v2/repositories/images/*/_manifests/tags/*")
        return [f"{self.host}/images/{tag.parents[2].name}:{tag.name}" for tag in found]


@contextmanager
def running(image: str, images: Path, folder: Path) -> Iterator[OutsideRegistry]:
    """Run a registry for the time of the block.

    Args:
        image: The image of the embedded registry.
        images: Data of a registry; it is copied, so what is pushed here does not reach the original.
        folder: An empty folder for its files.
    """
    networks.ensure(cluster.NETWORK)
    address = str(next(networks.subnet(cluster.NETWORK).hosts()))
    ca = pki.ensure_ca(folder / "ca", "registry of another team")
    pki.ensure_server(folder / "tls", ca, [address])
    shutil.copytree(images, folder / "data")
    mounts = {_NAME: {"data": "/var/lib/registry", "tls": "/tls:ro"}, f"{_NAME}-ca": {"ca": "/ca:ro"}}
    try:
        ports = {
            name: _start(name, image, address, {str(folder / own): place for own, place in mounts[name].items()})
            for name in _COMMANDS
        }
        made = OutsideRegistry(
            f"{address}:{ports[_NAME]}", f"http://{address}:{ports[f'{_NAME}-ca']}{table.CA_PATH}", ca.certificate
        )
        waiting.until("registry elsewhere: answering", lambda: _answers(made), bool, deadline=_SECONDS)
        yield made
    finally:
        remove()


def remove() -> None:
    """Remove its containers, running or not."""
    for name in _COMMANDS:
        containers.remove(name)


def _start(name: str, image: str, address: str, binds: dict[str, str]) -> str:
    """Start a container, and return its port at the address of the nodes' network."""
    api = client.client().api
    port = _PORTS[name]
    created = api.create_container(
        image,
        list(_COMMANDS[name]),
        name=name,
        # What it writes belongs to the user who runs the tests, and so can be removed by them.
        user=f"{os.getuid()}:{os.getgid()}",
        ports=[port],
        environment={"OTEL_TRACES_EXPORTER": "none"},
        host_config=api.create_host_config(
            binds=[f"{own}:{place}" for own, place in binds.items()],
            port_bindings={port: (address, None)},
            network_mode=cluster.NETWORK,
        ),
    )
    api.start(created["Id"])
    return str(api.port(created["Id"], port)[0]["HostPort"])


def _answers(made: OutsideRegistry) -> bool:
    try:
        return Server(made.host, trusting(made.ca)).ask("GET", PING).status == OK
    except Problem:
        return False
