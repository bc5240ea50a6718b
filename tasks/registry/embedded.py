"""The embedded registry: two small containers with a certificate authority of their own."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import http.client
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.engines.docker import client, containers, networks
from tasks.engines.docker import images as docker_images
from tasks.engines.files import atomic
from tasks.engines.files.lock import alone
from tasks.engines.programs.waiting import Condition
from tasks.problems import Problem
from tasks.registry import client as registry_client
from tasks.registry import pki
from tasks.registry.server import OK, PING, TIMEOUT, Server, trusting
from tasks.settings import cluster, images, parameters
from tasks.settings import registry as table

if TYPE_CHECKING:
    from tasks.engines.docker.containers import ContainerFacts
    from tasks.lack import Lack
    from tasks.registry.pki import Pair
    from tasks.settings.parameters.model import Parameters
    from tasks.settings.registry import Service

_CA_NAME = "OpenKasugai all-in-one lab registry CA"
_DEADLINE = 60.0
_CERTIFICATES = ("ca/ca.crt", "server/server.crt")
_RENEW_AT = "openkasugai.renew-at"


def image() -> dict[str, list[str]]:
    """Return the task of the embedded registry's image if that registry is wanted, as doit's dependencies."""
    return {"task_dep": [f"image:{images.REGISTRY.name}"] if _is_wanted(parameters.current()) else []}


def lack() -> Lack:
    """Return what keeps the embedded registry from running as it should; nothing if it is not wanted."""
    p = parameters.current()
    services = table.SERVICES if _is_wanted(p) else ()
    return next((found for service in services if (found := _lack(service, p))), lacks.NOTHING)


def ensure() -> None:
    """Start the embedded registry, if it is wanted, with its certificates and network; wait until it answers."""
    p = parameters.current()
    if not _is_wanted(p):
        return
    networks.ensure(cluster.NETWORK)
    with alone(home(p)):
        _ensure_certificates(p)
        for service in table.SERVICES:
            if _lack(service, p):
                _start(service, p)
    hint = "docker logs openkasugai-registry"
    Condition("embedded registry: answering", lambda: answers(p), bool).wait(_DEADLINE, explain=_logs, hint=hint)
    Condition("CA of the embedded registry: offered", lambda: ca_answers(p), bool).wait(_DEADLINE, explain=_logs)
    registry = registry_client.of(p)
    progress.line(f"Registry {registry.pull_address}: push to {registry.push_address}")


def remove(p: Parameters) -> None:
    """Remove the registry's containers, if they belong to this CACHE_DIR; its images and CA stay there."""
    for service in table.SERVICES:
        stranger = objection(service, p)
        if stranger is not None:
            progress.line(f"Left {stranger.message}.")
        elif containers.remove(service.name):
            progress.line(f"Removed {service.name}.")


def answers(p: Parameters) -> bool:
    """Return whether the registry answers at its loopback port, with a certificate of its own CA."""
    server = Server(f"127.0.0.1:{p.registry_port}", trusting(ca_certificate(p)))
    try:
        return server.ask("GET", PING).status == OK
    except Problem:
        return False


def ca_answers(p: Parameters) -> bool:
    """Return whether the registry's CA is offered at its loopback port."""
    connection = http.client.HTTPConnection("127.0.0.1", p.ca_port, timeout=TIMEOUT)
    try:
        connection.request("GET", table.CA_PATH)
        return connection.getresponse().status == OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def home(p: Parameters) -> Path:
    """Return the registry's folder: its CA, certificate and images."""
    return table.home(p.cache_dir)


def ca_certificate(p: Parameters) -> Path:
    """Return the file with the registry's own CA."""
    return home(p) / "public" / "ca.crt"


def objection(service: Service, p: Parameters) -> Problem | None:
    """Return why a container must be left alone and what to do instead; None if it is this CACHE_DIR's or missing.

    Args:
        service: Its row in the table.
        p: The parameters of the run.

    Raises:
        Problem: No engine answers.
    """
    return _objection(service, containers.find(service.name), home(p))


def _objection(service: Service, found: ContainerFacts | None, ours: Path) -> Problem | None:
    """Return the same for a found container; checkouts with one CACHE_DIR share the one that mounts its folders."""
    if found is None:
        return None
    source, target = service.mounts[0]
    place = target.partition(":")[0]
    held = found.mounts.get(place, "")
    if held and Path(held).resolve() == (ours / source).resolve():
        return None
    folder = Path(held).parent
    if client.OURS in found.labels and folder.name == ours.name:
        return Problem(
            f"container {service.name}: belongs to the checkouts with CACHE_DIR={folder.parent}",
            hint=f"CACHE_DIR={folder.parent} with the same command, or ./doit clean in those",
        )
    docker_command = f"DOCKER_HOST={client.socket()} docker"
    return Problem(
        f"container {service.name}: not made by this tool",
        hint=f"{docker_command} rename {service.name} <another name>, or {docker_command} rm --force {service.name}",
    )


def _is_wanted(p: Parameters) -> bool:
    return p.registry == "embedded"


def _host(p: Parameters) -> str:
    """Return the name under which the cluster knows the registry."""
    return p.dci_registry_addr_alt.partition("/")[0].partition(":")[0]


def _ensure_certificates(p: Parameters) -> None:
    """Ensure that the CA and the server certificate are valid for another month."""
    # Programs of other users only see `public` and `server`; the CA's key stays here.
    ca = pki.ensure_ca(home(p) / "ca", _CA_NAME)
    pki.ensure_server(home(p) / "server", ca, [_host(p), "localhost", "127.0.0.1"])
    _publish(ca, ca_certificate(p))
    table.store(p.cache_dir).mkdir(exist_ok=True)


def _publish(ca: Pair, public: Path) -> None:
    content = ca.certificate.read_bytes()
    if not (public.exists() and public.read_bytes() == content):
        atomic.write(public, content)


def _lack(service: Service, p: Parameters) -> Lack:
    """Return what keeps a container from running as it should."""
    found = containers.find(service.name)
    stranger = _objection(service, found, home(p))
    if stranger is not None:
        return lacks.obstacle(stranger.message)
    if found is None or not found.running:
        return lacks.of(f"container {service.name}: does not run")
    same = found.labels.get(images.INPUTS_LABEL) == _inputs(service, p)
    # Parsing certificates takes longer than all other checks here, so a label of the container has the date.
    lasts = found.labels.get(_RENEW_AT, "") > _now().isoformat()
    if not same:
        return lacks.of(f"container {service.name}: was started from something else")
    return lacks.unless(lasts, f"container {service.name}: its certificate runs out")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


def _inputs(service: Service, p: Parameters) -> str:
    """Return the digest of what a container is started from."""
    certificate = home(p) / "server" / "server.crt"
    parts = {
        # Not its id: checkouts that share an engine build the same content under different ids.
        "image": docker_images.require(_image(p)).labels.get(images.INPUTS_LABEL),
        "command": service.command,
        "port": [service.port, getattr(p, service.published)],
        "mounts": [service.mounts, str(home(p))],
        "host": _host(p),
        "certificate": certificate.read_text(encoding="ascii") if service.certificate else "",
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _image(p: Parameters) -> str:
    return images.tag(images.REGISTRY.name, p)


def _start(service: Service, p: Parameters) -> None:
    """Replace a container with a new one; its data is in its mounts."""
    stranger = objection(service, p)
    if stranger is not None:
        raise stranger
    progress.step(f"starting {service.name}")
    containers.remove(service.name)
    api = client.client().api
    volumes = [f"{home(p) / source}:{target}" for source, target in service.mounts]
    published: dict[int | str, Any] = {
        service.port: ("127.0.0.1", getattr(p, service.published)),
    }
    aliases = [_host(p)] if service.certificate else []
    network: Any = {cluster.NETWORK: api.create_endpoint_config(aliases=aliases)}
    created = api.create_container(
        _image(p),
        list(service.command),
        name=service.name,
        # The files that it writes in CACHE_DIR belong to the user who runs this.
        user=f"{os.getuid()}:{os.getgid()}",
        ports=[service.port],
        labels={client.OURS: "1", images.INPUTS_LABEL: _inputs(service, p), _RENEW_AT: _renew_at(home(p))},
        environment={"OTEL_TRACES_EXPORTER": "none"},
        host_config=api.create_host_config(
            binds=volumes,
            port_bindings=published,
            network_mode=cluster.NETWORK,
            restart_policy={"Name": "unless-stopped"},
        ),
        networking_config=api.create_networking_config(network),
    )
    api.start(created["Id"])


def _renew_at(folder: Path) -> str:
    """Return the time from which one of the certificates has to be renewed, in ISO 8601 and UTC."""
    return min(pki.renew_at(folder / certificate) for certificate in _CERTIFICATES).isoformat()


def _logs() -> str:
    """Return the last log lines of the containers."""
    from docker.errors import NotFound

    words = []
    for service in table.SERVICES:
        with contextlib.suppress(NotFound):
            words.append(client.client().api.logs(service.name, tail=10).decode(errors="replace"))
    return "\n".join(words)
