"""The connection to an API server with the credentials of a kubeconfig, which may expire and are then renewed."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tasks.engines.kube import credentials
from tasks.problems import Problem

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from pathlib import Path

    from urllib3 import PoolManager

    from tasks.engines.kube.credentials import Credentials

# What the server answers if it does not know who asks, for example because a token has expired.
UNAUTHORIZED = 401
# What makes a cluster of kind that is not there.
CREATE = "./doit create_cluster"
# The longest time, in seconds, to connect.
_TIMEOUT = 5.0


@dataclass(frozen=True)
class Access:
    """What one request needs.

    Attributes:
        credentials: The server's address, and who asks it.
        tls: The TLS settings of connections to it; None if it is asked without TLS.
        pool: The connections.
    """

    credentials: Credentials
    tls: ssl.SSLContext | None
    pool: PoolManager

    @property
    def headers(self) -> Mapping[str, str]:
        """The credentials that are sent."""
        return self.credentials.headers

    def socket(self) -> socket.socket:
        """Return a new connection to the server, for what is no request, whatever proxies the environment names.

        Raises:
            OSError: It cannot be made.
        """
        server = urlsplit(self.credentials.host)
        host, port = server.hostname or "", server.port or (443 if self.tls else 80)
        made = socket.create_connection((host, port), _TIMEOUT)
        if self.tls is None:
            return made
        try:
            return self.tls.wrap_socket(made, server_hostname=self.credentials.name or host)
        except BaseException:
            made.close()
            raise


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
        return self.access.credentials.host

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
        from urllib3 import PoolManager

        try:
            found = credentials.read(self._kubeconfig)
            tls = found.tls() if urlsplit(found.host).scheme == "https" else None
        except Problem as problem:
            raise Problem(problem.message, hint=self.hint) from problem
        except OSError as error:
            raise Problem(f"{self._kubeconfig}: {error}", hint=self.hint) from error
        # A pool knows no proxy unless it is told of one: kind serves the API on loopback.
        pool = PoolManager(maxsize=self._connections, ssl_context=tls, server_hostname=found.name or None)
        return Access(found, tls, pool)
