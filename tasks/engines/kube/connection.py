"""The connection to an API server with the credentials of a kubeconfig, which may expire and are then renewed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from kubernetes.client import Configuration
    from urllib3 import PoolManager

# What the server answers if it does not know who asks, for example because a token has expired.
UNAUTHORIZED = 401
# What makes a cluster of kind that is not there.
CREATE = "./doit create_cluster"


@dataclass(frozen=True)
class Access:
    """What one request needs.

    Attributes:
        configuration: The client library's configuration.
        pool: The connections.
        headers: The credentials that are sent.
    """

    configuration: Configuration
    pool: PoolManager
    headers: Mapping[str, str]


class Connection:
    """One API server, accessed with the credentials of a kubeconfig. Safe to use from several threads."""

    def __init__(self, kubeconfig: Path, connections: int, hint: str) -> None:
        """Read the kubeconfig; nothing is sent yet, but its program for credentials is run if it names one.

        Args:
            kubeconfig: The server's address and the credentials.
            connections: How many may be open at the same time.
            hint: What to do if the server does not answer, or its kubeconfig cannot be read.
        """
        self.hint = hint
        self._kubeconfig = kubeconfig
        self._connections = connections
        self._alone = threading.Lock()
        self.access = self._read()

    @property
    def host(self) -> str:
        """The address of the server."""
        return str(self.access.configuration.host)

    def renew(self, refused: Access) -> Access:
        """Return access with credentials that were read anew, once for all threads that were refused with the same.

        Args:
            refused: What the server did not accept.

        Raises:
            Problem: The kubeconfig cannot be read any longer, or its program for credentials fails.
        """
        with self._alone:
            if self.access is refused:
                self.access = self._read()
            return self.access

    def _read(self) -> Access:
        from kubernetes import client, config
        from kubernetes.config import ConfigException

        configuration = client.Configuration()
        try:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                str(self._kubeconfig), client_configuration=configuration, persist_config=False
            )
        except ConfigException as error:
            raise Problem(f"{self._kubeconfig}: {error}", hint=self.hint) from error
        configuration.connection_pool_maxsize = self._connections
        _ask_no_proxy(configuration)
        settings: Iterable[Any] = configuration.auth_settings().values()
        headers = {auth["key"]: auth["value"] for auth in settings}
        return Access(configuration, client.ApiClient(configuration).rest_client.pool_manager, headers)


def _ask_no_proxy(configuration: Configuration) -> None:
    """Connect to the API directly, whatever proxies the environment names: kind serves it on loopback.

    The library's websockets read the environment themselves unless the configuration names both a proxy and an
    exception. So the server itself is named as the exception, and the proxy is never used.
    """
    configuration.proxy = configuration.host
    configuration.no_proxy = urlsplit(configuration.host).hostname
