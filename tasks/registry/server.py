"""Requests to an image registry over HTTPS: which certificates are trusted, and how a request is authorized."""

from __future__ import annotations

import base64
import functools
import json
import re
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit

from tasks.engines.programs import proxies
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from urllib.parse import SplitResult

    from urllib3 import PoolManager

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
# So many requests are sent side by side at most; each keeps its connection for those that follow.
_CONNECTIONS = 8


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
        from urllib3.exceptions import HTTPError

        try:
            answer = self._pool().request(
                method, f"https://{self.host}{path}", headers={"Accept": _MANIFESTS, **headers}, redirect=False
            )
        # A proxy with an invalid port raises a ValueError.
        except (HTTPError, OSError, ValueError) as error:
            cause = _cause(error)
            reason = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None) or str(cause)
            raise Problem(f"https://{self.host}{path}: {reason}", hint=f"curl -v https://{self.host}{PING}") from cause
        return Answer(answer.status, answer.headers.get("WWW-Authenticate", ""), answer.data)

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

    def _pool(self) -> PoolManager:
        proxy = proxies.towards(f"https://{self.host}") if self.is_far else None
        return _connections(self.context, proxy)


@functools.lru_cache(maxsize=4)
def _connections(context: ssl.SSLContext, proxy: SplitResult | None) -> PoolManager:
    """Return the connections that are kept, so that not each request has a handshake of its own."""
    from urllib3 import PoolManager, ProxyManager, Retry

    # Once more, because a server may have closed a connection that was kept.
    once_more = Retry(connect=0, read=1, redirect=0, status=0, other=0)
    options: dict[str, Any] = {
        "maxsize": _CONNECTIONS,
        "ssl_context": context,
        "timeout": TIMEOUT,
        "retries": once_more,
    }
    if proxy is None:
        return PoolManager(**options)
    return ProxyManager(f"http://{proxy.hostname}:{proxy.port}", proxy_headers=_proxy_login(proxy), **options)


def _cause(error: BaseException) -> BaseException:
    """Return the innermost of errors that urllib3 has wrapped."""
    wrapped = (getattr(error, "reason", None), *reversed(error.args), error.__cause__)
    return next((_cause(inner) for inner in wrapped if isinstance(inner, BaseException)), error)


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
