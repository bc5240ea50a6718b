"""The address and the credentials in a kubeconfig.

One with only certificates or a token is read here, as those of kind and of this tool are: importing the client library
takes longer than all requests of a run with nothing to do. It reads every other one, such as those whose program or
file gives the credentials.
"""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.problems import Problem

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

    from kubernetes.client import Configuration

# The fields that are understood here; a kubeconfig with any other one is left to the library.
_OF_CLUSTER = frozenset({"server", "certificate-authority", "certificate-authority-data"})
_OF_USER = frozenset({"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token"})


@dataclass(frozen=True)
class Credentials:
    """How an API server is accessed.

    Attributes:
        host: Its address.
        authority: The certificates that it is verified with, in PEM; empty for those that the machine trusts.
        certificate: The client's certificate and key, in PEM; empty if there is none.
        headers: The credentials that are sent.
        is_verified: Whether the server's certificate is verified.
        name: The name in the server's certificate; empty for that of the address.
    """

    host: str
    authority: bytes = b""
    certificate: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_verified: bool = True
    name: str = ""

    def tls(self) -> ssl.SSLContext:
        """Return the TLS settings of connections to the server.

        Raises:
            OSError: A certificate or the key is damaged.
        """
        from urllib3.util.ssl_ import create_urllib3_context

        # It sets what every connection of urllib3 has, such as the oldest version of TLS.
        context = create_urllib3_context()
        if not self.is_verified:
            context.check_hostname = False
            context.verify_mode = 0  # type: ignore[assignment]
        elif self.authority:
            with _file(self.authority) as file:
                context.load_verify_locations(file.name)
        else:
            context.load_default_certs()
        if self.certificate:
            with _file(self.certificate) as file:
                context.load_cert_chain(file.name)
        return context


def read(kubeconfig: Path) -> Credentials:
    """Return what a kubeconfig says; its program for credentials is run if it names one.

    Args:
        kubeconfig: The file.

    Raises:
        Problem: It cannot be read, or its program for credentials fails.
    """
    return _plain(kubeconfig) or _by_library(kubeconfig)


def _file(content: bytes) -> Any:
    """Return a file that only this user can read, until it is closed: OpenSSL takes keys from files only."""
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.flush()
    return file


def _plain(kubeconfig: Path) -> Credentials | None:
    """Return what a kubeconfig says, or None if the library has to read it, or to say what is wrong with it."""
    import yaml

    try:
        config = yaml.load(kubeconfig.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        if not (_OF_CLUSTER.issuperset(cluster) and _OF_USER.issuperset(user)):
            return None
        server = cluster["server"].rstrip("/")
        parts = [_content(user, name, kubeconfig.parent) for name in ("client-certificate", "client-key")]
        authority = _content(cluster, "certificate-authority", kubeconfig.parent)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):
        return None
    headers = {"authorization": f"Bearer {user['token']}"} if user.get("token") else {}
    return Credentials(server, authority, b"\n".join(filter(None, parts)), headers)


def _named(entries: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """Return the entry with a name.

    Raises:
        ValueError: There is none, or more than one.
    """
    (entry,) = (entry for entry in entries if entry["name"] == name)
    return entry


def _content(entry: Mapping[str, Any], name: str, folder: Path) -> bytes:
    """Return what a field holds, or what is in the file that it names; nothing if there is no such field."""
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"])
    return (folder / entry[name]).read_bytes() if name in entry else b""


def _by_library(kubeconfig: Path) -> Credentials:
    import yaml
    from kubernetes import client, config
    from kubernetes.config import ConfigException

    found = client.Configuration()
    try:
        config.load_kube_config(str(kubeconfig), client_configuration=found, persist_config=False)  # type: ignore[no-untyped-call]
        return _credentials(found)
    except (ConfigException, OSError, yaml.YAMLError) as error:
        raise Problem(f"{kubeconfig}: {error}") from error


def _credentials(found: Configuration) -> Credentials:
    settings: Iterable[Any] = found.auth_settings().values()
    return Credentials(
        host=str(found.host),
        authority=_together(found.ssl_ca_cert),
        certificate=_together(found.cert_file, found.key_file),
        headers={auth["key"]: auth["value"] for auth in settings},
        is_verified=bool(found.verify_ssl),
        name=found.tls_server_name or "",
    )


def _together(*files: str | None) -> bytes:
    return b"\n".join(Path(file).read_bytes() for file in files if file)
