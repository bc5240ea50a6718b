"""Requests to an image registry over HTTPS: which certificates are trusted, and how a request is authorized."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import json
import re
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode, urlsplit

from tasks.engines.programs import proxies
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from urllib.parse import SplitResult

    from tasks.settings.credentials import Credentials

TIMEOUT = 10.0
OK = 200
UNAUTHORIZED = 401
PING = "/v2/"
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json,"
    " application/vnd.oci.image.index.v1+json"
)
_NOBODY: Mapping[str, str] = {}


@dataclass(frozen=True)
class Answer:
    """A server's answer: its status, the authorization that it asks for, and the content."""

    status: int
    challenge: str
    content: bytes


@dataclass(frozen=True)
class Server:
    """An image registry, or the server of its tokens.

    Attributes:
        host: Its address: `host[:port]`.
        context: Decides which certificates are trusted.
        login: Who asks; None for anybody.
        is_far: Whether it is outside the site, so that the proxies of the environment lead there.
    """

    host: str
    context: ssl.SSLContext
    login: Credentials | None = None
    is_far: bool = False

    def ask(self, method: str, path: str, headers: Mapping[str, str] = _NOBODY) -> Answer:
        """Return the answer to one request.

        Raises:
            Problem: It does not answer, or its certificate is of another CA or for another name.
        """
        try:
            with contextlib.closing(self._connection()) as connection:
                connection.request(method, path, headers={"Accept": _MANIFESTS, **headers})
                answer = connection.getresponse()
                return Answer(answer.status, answer.headers.get("WWW-Authenticate", ""), answer.read())
        # A host name with an invalid label raises a UnicodeError, a proxy with an invalid port a ValueError.
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
            raise Problem(f"https://{self.host}{path}: {reason}", hint=f"curl -v https://{self.host}{PING}") from error

    def status(self, method: str, path: str) -> int:
        """Return the status of a request, retried with a token if the server requires one, as harbor does.

        Raises:
            Problem: It does not answer, or its challenge cannot be followed.
        """
        return self.answer(method, path).status

    def answer(self, method: str, path: str) -> Answer:
        """Return the answer to a request, retried with a token if the server requires one, as harbor does.

        Raises:
            Problem: It does not answer, or its challenge cannot be followed.
        """
        answer = self.ask(method, path, self._basic())
        if answer.status != UNAUTHORIZED or not answer.challenge.lower().startswith("bearer "):
            return answer
        token = self.token(answer.challenge)
        return self.ask(method, path, {"Authorization": f"Bearer {token}"}) if token else answer

    def token(self, challenge: str) -> str:
        """Return the token that a challenge asks for, or an empty string if it is refused.

        The protocol: https://distribution.github.io/distribution/spec/auth/token/.

        Args:
            challenge: The header WWW-Authenticate.

        Raises:
            Problem: It names no https address, or the answer from there has no token.
        """
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        address = wanted.pop("realm", "")
        try:
            realm = urlsplit(address)
        except ValueError:
            raise Problem(f"{address}: not an address, though the registry names it for tokens") from None
        # Credentials are sent only to a server that proves its identity.
        if realm.scheme != "https":
            raise Problem(f"{realm.geturl() or 'no address'}: the registry names it for tokens, but https is needed")
        giver = replace(self, host=realm.netloc)
        answer = giver.ask("GET", f"{realm.path}?{urlencode(wanted)}", self._basic())
        if answer.status != OK:
            return ""
        try:
            given = json.loads(answer.content)
            return str(given.get("token") or given.get("access_token") or "")
        except (ValueError, AttributeError):
            raise Problem(f"{address}: no token in the registry's answer", hint=f"curl -v {address}") from None

    def _basic(self) -> dict[str, str]:
        return {"Authorization": f"Basic {self.login.basic}"} if self.login else {}

    def _connection(self) -> http.client.HTTPSConnection:
        proxy = proxies.towards(f"https://{self.host}") if self.is_far else None
        if proxy is None:
            return http.client.HTTPSConnection(self.host, timeout=TIMEOUT, context=self.context)
        connection = http.client.HTTPSConnection(
            proxy.hostname or "", proxy.port, timeout=TIMEOUT, context=self.context
        )
        connection.set_tunnel(self.host, headers=_proxy_login(proxy))
        return connection


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(words.encode()).decode()}"}


def trusting(file: Path) -> ssl.SSLContext:
    """Return a context that trusts only the CA in a file or, if there is no file yet, what the machine trusts.

    Raises:
        Problem: The file holds no certificates.
    """
    try:
        return trusting_only(file.read_text(encoding="ascii") if file.exists() else None)
    except (ssl.SSLError, UnicodeError):
        raise Problem(f"{file}: holds no certificates", hint=f"rm {file}; ./doit registry_ca") from None


@functools.lru_cache(maxsize=2)
def trusting_only(ca: str | None) -> ssl.SSLContext:
    """Return a context that trusts only a CA, or what the machine trusts.

    Args:
        ca: The CA's certificates, as PEM text; None for what the machine trusts.
    """
    context = ssl.create_default_context(cadata=ca)
    # An intermediate CA is accepted without its root, as in Docker and in the nodes' runtimes.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
