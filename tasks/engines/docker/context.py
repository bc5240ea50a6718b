"""Which Docker engine the user's own docker command would use, and how: its variables, contexts and config.json.

The rules are those of the docker command (`resolveContextName` and `SetDefaultOptions` of github.com/docker/cli):
DOCKER_HOST takes precedence over DOCKER_CONTEXT, and DOCKER_CONTEXT over `currentContext`. DOCKER_TLS_VERIFY and
DOCKER_CERT_PATH apply to DOCKER_HOST and to the default context; every other context has its own certificates.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tasks.engines.programs import proxies
from tasks.problems import Problem

if TYPE_CHECKING:
    from docker.tls import TLSConfig

LOCAL_URL = "unix:///var/run/docker.sock"
_DEFAULT = "default"
_UNIX = "unix://"
_TCP = ("tcp", "http", "https")
_OWN_ENGINE = f"DOCKER_HOST={LOCAL_URL}, or docker context use {_DEFAULT}"
# The name of docker.io in config.json.
_DOCKER_HUB = "https://index.docker.io/v1/"
# The settings that this module or the client library reads, and their types.
_SETTINGS: dict[str, type] = {
    "currentContext": str,
    "credsStore": str,
    "credHelpers": dict,
    "auths": dict,
    "proxies": dict,
}


@dataclass(frozen=True)
class Endpoint:
    """A Docker engine, as the docker command's settings describe it.

    Attributes:
        url: Its address, in the form of DOCKER_HOST.
        origin: Where the address comes from: `DOCKER_HOST`, or a context.
        certificates: Folder with `ca.pem` and with the client's `cert.pem` and `key.pem`; None without TLS.
        verified: Whether the engine's certificate is checked.
    """

    url: str
    origin: str
    certificates: Path | None = None
    verified: bool = True

    @property
    def is_socket(self) -> bool:
        """Whether its address is a UNIX socket of this machine."""
        return self.url.startswith(_UNIX)


def is_forced() -> bool:
    """Return whether the environment names an engine, which then must be used."""
    return bool(os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT"))


def chosen() -> Endpoint:
    """Return the engine that the docker command would use.

    Raises:
        Problem: config.json or the context is damaged, or the context is missing.
    """
    host = os.environ.get("DOCKER_HOST", "")
    if host:
        return _of_environment(host, "DOCKER_HOST")
    variable = os.environ.get("DOCKER_CONTEXT", "")
    name = variable or str(config().get("currentContext", "")) or _DEFAULT
    if name == _DEFAULT:
        return _of_environment(LOCAL_URL, f"context {_DEFAULT}")
    return _of_context(name, "DOCKER_CONTEXT" if variable else str(config_file()))


def config_file() -> Path:
    """Return the file in which the docker command keeps its settings."""
    return _config_folder() / "config.json"


def config() -> dict[str, Any]:
    """Return the settings of the docker command; none if there is no config.json.

    Raises:
        Problem: It cannot be read, or the client library would fail on it.
    """
    file = config_file()
    settings = _json(file) if os.path.lexists(file) else {}
    for name, kind in _SETTINGS.items():
        if not isinstance(settings.get(name, kind()), kind):
            raise Problem(f"{file}: {name} is not {'a string' if kind is str else 'an object'}", hint=f"edit {file}")
    return settings


def require_sound_config() -> None:
    """Stop if the client library would fail on config.json with a traceback.

    Raises:
        Problem: It cannot be read, or `auths` holds an invalid entry.
    """
    from docker.auth import parse_auth
    from docker.errors import DockerException

    try:
        parse_auth(config().get("auths", {}), raise_on_error=True)
    except (DockerException, ValueError, TypeError) as error:
        file = config_file()
        raise Problem(f"{file}: auths: {error}", hint=f"docker login again, or edit {file}") from error


def require_usable(endpoint: Endpoint) -> None:
    """Stop if an engine cannot run clusters of this tool, which needs an engine on this machine.

    Raises:
        Problem: It is on another machine, is reached by ssh, or its address is invalid.
    """
    parts = _parts(endpoint)
    said = f"Docker at {endpoint.url} ({endpoint.origin})"
    if parts.scheme == "ssh":
        raise Problem(f"{said}: an engine that is reached by ssh cannot mount this machine's folders", hint=_OWN_ENGINE)
    if parts.scheme in _TCP and not _is_this_machine(parts.hostname or ""):
        raise elsewhere(endpoint)


def elsewhere(endpoint: Endpoint) -> Problem:
    """Return the error for an engine that runs on another machine or in a virtual machine."""
    return Problem(
        f"Docker at {endpoint.url} ({endpoint.origin}): runs on another machine, and the nodes need this machine's"
        " folders, cards and loopback",
        hint=_OWN_ENGINE,
    )


def variables(endpoint: Endpoint) -> dict[str, str]:
    """Return the variables with which a program reaches an engine; they override this process's own."""
    with_tls = endpoint.certificates is not None
    return {
        **({} if endpoint.is_socket else proxies.excepting(_parts(endpoint).hostname or "")),
        "DOCKER_HOST": endpoint.url,
        "DOCKER_CONTEXT": "",
        "DOCKER_CERT_PATH": str(endpoint.certificates or ""),
        "DOCKER_TLS": "1" if with_tls else "",
        "DOCKER_TLS_VERIFY": "1" if with_tls and endpoint.verified else "",
    }


def tls(endpoint: Endpoint) -> TLSConfig | None:
    """Return an engine's certificates in the form of the client library, or None without TLS.

    Raises:
        Problem: A certificate file is missing or cannot be read.
    """
    folder = endpoint.certificates
    if folder is None:
        return None
    from docker.tls import TLSConfig
    from urllib3 import disable_warnings
    from urllib3.exceptions import InsecureRequestWarning

    authority, certificate, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    wanted = [authority] + [key] * certificate.exists() + [certificate] * key.exists()
    for file in wanted:
        if not os.access(file, os.R_OK):
            raise Problem(f"{endpoint.origin}: {file} is not there or not readable", hint=f"ls -l {folder}")
    if not endpoint.verified:
        # The user turned the check off, and would get a warning at every request.
        disable_warnings(InsecureRequestWarning)
    pair = (str(certificate), str(key)) if certificate.exists() else None
    return TLSConfig(client_cert=pair, ca_cert=str(authority), verify=endpoint.verified)


def proxies_of_containers(endpoint: Endpoint) -> dict[str, str]:
    """Return the proxies that the docker command sets in every container, by variable name.

    config.json holds them (https://docs.docker.com/engine/cli/proxy/), for this engine or for all.
    """
    settings = config().get("proxies", {})
    chosen = settings.get(endpoint.url, settings.get(_DEFAULT)) or {}
    names = {"httpProxy": "HTTP_PROXY", "httpsProxy": "HTTPS_PROXY", "noProxy": "NO_PROXY"}
    return {names[key]: str(value) for key, value in chosen.items() if key in names}


def require_credentials_program(registry: str) -> None:
    """Stop if the program that keeps a registry's credentials, according to config.json, is not installed.

    Args:
        registry: `host[:port]`; `docker.io` for Docker Hub.

    Raises:
        Problem: The program is not installed.
    """
    settings, file = config(), config_file()
    helpers = settings.get("credHelpers", {})
    known = _DOCKER_HUB if registry == "docker.io" else registry
    setting, name = ("credHelpers", helpers[known]) if known in helpers else ("credsStore", settings.get("credsStore"))
    program = f"docker-credential-{name}"
    if name and shutil.which(program) is None:
        raise Problem(
            f"{file}: {setting} has the credentials of {registry} kept by {program}, which is not installed",
            hint=f"install {program}, or take {setting} out of {file}",
        )


def _of_environment(url: str, origin: str) -> Endpoint:
    verified = bool(os.environ.get("DOCKER_TLS_VERIFY"))
    endpoint = Endpoint(url, origin)
    if endpoint.is_socket or not (verified or os.environ.get("DOCKER_TLS")):
        return endpoint
    return Endpoint(url, origin, Path(os.environ.get("DOCKER_CERT_PATH") or _config_folder()), verified)


def _of_context(name: str, source: str) -> Endpoint:
    """Return the engine of a context, read from the files of `docker context create`."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    contexts = _config_folder() / "contexts"
    file = contexts / "meta" / digest / "meta.json"
    if not file.exists():
        raise Problem(
            f"docker context {name}: not there, though {source} names it",
            hint=f"docker context ls, then {_unchosen(source)}",
        )
    try:
        facts = _json(file)["Endpoints"]["docker"]
        url, skips = str(facts.get("Host") or LOCAL_URL), bool(facts.get("SkipTLSVerify"))
    except (KeyError, TypeError, AttributeError):
        raise Problem(f"{file}: names no Docker engine", hint=f"docker context rm {name}") from None
    endpoint, folder = Endpoint(url, f"context {name}"), contexts / "tls" / digest / "docker"
    if endpoint.is_socket or not (folder.is_dir() or skips):
        return endpoint
    return Endpoint(url, endpoint.origin, folder, not skips)


def _unchosen(source: str) -> str:
    """Return the command that deselects a context."""
    return "unset DOCKER_CONTEXT" if source == "DOCKER_CONTEXT" else f"docker context use {_DEFAULT}"


def _config_folder() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def _json(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file of the docker command, which takes an empty file for an empty object."""
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if text.strip() else {}
    except OSError as error:
        raise Problem(f"{file}: {error.strerror}", hint=f"sudo chown -R $USER {file.parent}") from error
    except ValueError as error:
        raise Problem(f"{file}: damaged: {error}", hint=f"edit it, or mv {file} {file}.damaged") from error
    if not isinstance(found, dict):
        raise Problem(f"{file}: damaged: it holds no object", hint=f"edit it, or mv {file} {file}.damaged")
    return found


def _parts(endpoint: Endpoint) -> Any:
    """Return the parts of an engine's address.

    Raises:
        Problem: The address is invalid.
    """
    try:
        parts = urlsplit(endpoint.url)
        good = parts.scheme in (*_TCP, "ssh") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not (good or (endpoint.is_socket and endpoint.url != _UNIX)):
        raise Problem(f"{endpoint.origin}: {endpoint.url!r} is no address of a Docker engine", hint=_OWN_ENGINE)
    return parts


def _is_this_machine(host: str) -> bool:
    """Return whether a name or address is one of this machine's own."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    return all(_is_own(family, address) for family, _, _, _, address in found)


def _is_own(family: int, address: Any) -> bool:
    number = ipaddress.ip_address(address[0].partition("%")[0])
    if number.is_loopback or number.is_unspecified:
        return True
    # Nothing is sent. The kernel only chooses a source address, which for one of its own addresses is that address.
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address[0], 1, *address[2:]))
        except OSError:
            return False
        return bool(probe.getsockname()[0] == address[0])
