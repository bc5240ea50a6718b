"""The embedded registry, which takes the place of the harbor on the manual's server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CA_PATH = "/harbor/ca.crt"
PORT = 443
CA_PORT = 80
# Where every Docker engine looks for the CA of a registry: a folder per host[:port].
DOCKER_TRUST = Path("/etc/docker/certs.d")
# Prefix of the names of this tool's files there, before the checkout's digest, and the beginning of their text.
TRUST_PREFIX = "openkasugai-"
TRUST_MARK = "# Written by openkasugai-all-in-one"
# Everything that earlier versions put before the certificate, in a file called ca.crt.
EARLIER_TRUST_MARK = "# Written by openkasugai-all-in-one; ./doit clean removes it.\n"


# Below CACHE_DIR: the registry's folder, and its images in that.
_HOME, _IMAGES = "registry", "data"


def home(cache_dir: Path) -> Path:
    """Return the registry's folder in a cache: its CA, certificate and images."""
    return cache_dir / _HOME


def store(cache_dir: Path) -> Path:
    """Return the folder in a cache in which the registry keeps its images."""
    return home(cache_dir) / _IMAGES


@dataclass(frozen=True)
class Service:
    """A container of the registry.

    Attributes:
        name: Name of the container.
        command: Program with arguments.
        port: Port it listens on.
        published: Parameter with the loopback port of the host that leads there.
        mounts: Folders below CACHE_DIR/registry and where it sees them; `:ro` if it only reads them.
        certificate: Whether it has to restart when the server certificate changes.
    """

    name: str
    command: tuple[str, ...]
    port: int
    published: str
    mounts: tuple[tuple[str, str], ...]
    certificate: bool = False


SERVICES = (
    Service(
        name="openkasugai-registry",
        command=("/bin/registry", "serve", "/etc/registry/config.yml"),
        port=PORT,
        published="registry_port",
        mounts=((_IMAGES, "/var/lib/registry"), ("server", "/tls:ro")),
        certificate=True,
    ),
    Service(
        name="openkasugai-registry-ca",
        command=("/bin/ca-server", f":{CA_PORT}", CA_PATH, "/ca/ca.crt"),
        port=CA_PORT,
        published="ca_port",
        mounts=(("public", "/ca:ro"),),
    ),
)
