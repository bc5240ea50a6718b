"""A server of images, asked over HTTPS: by whom it is trusted to be itself, and what it wants to know of us."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from tasks.problems import Problem
from tasks.settings import credentials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
    """What a server answered: its status, how it wants to be authorized, and the content."""

    status: int
    challenge: str
    content: bytes


@dataclass(frozen=True)
class Server:
    """A server of images.

    Attributes:
        host: Its address: `host[:port]`.
        context: Which certificate it has to have.
    """

    host: str
    context: ssl.SSLContext

    def ask(self, method: str, path: str, headers: Mapping[str, str] = _NOBODY) -> Answer:
        """Return the answer to one request.

        Raises:
            Problem: It does not answer, or with a certificate of another CA or for another name.
        """
        try:
            with contextlib.closing(self._connection()) as connection:
                connection.request(method, path, headers={"Accept": _MANIFESTS, **headers})
                answer = connection.getresponse()
                return Answer(answer.status, answer.headers.get("WWW-Authenticate", ""), answer.read())
        # A UnicodeError is what a label becomes that no name may have.
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
            raise Problem(f"https://{self.host}{path}: {reason}", hint=f"curl -v https://{self.host}{PING}") from error

    def status(self, method: str, path: str) -> int:
        """Return the status of a request, made again with a token where the server wants one, as harbor does.

        Raises:
            Problem: It does not answer, or says of tokens what cannot be followed.
        """
        answer = self.ask(method, path, _basic())
        if answer.status != UNAUTHORIZED or not answer.challenge.lower().startswith("bearer "):
            return answer.status
        token = self.token(answer.challenge)
        return self.ask(method, path, {"Authorization": f"Bearer {token}"}).status if token else answer.status

    def token(self, challenge: str) -> str:
        """Return the token that a challenge asks for, or nothing where it is refused.

        The form is that of https://distribution.github.io/distribution/spec/auth/token/.

        Args:
            challenge: The header WWW-Authenticate.

        Raises:
            Problem: It names no address of https, or what is there gives no token.
        """
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        address = wanted.pop("realm", "")
        try:
            realm = urlsplit(address)
        except ValueError:
            raise Problem(f"{address}: no address, though it is where the registry gives tokens") from None
        # The credentials go to nobody who could be anybody.
        if realm.scheme != "https":
            raise Problem(f"{realm.geturl() or 'no address'}: where the registry gives tokens; https is needed")
        giver = Server(realm.netloc, self.context)
        answer = giver.ask("GET", f"{realm.path}?{urlencode(wanted)}", _basic())
        if answer.status != OK:
            return ""
        try:
            given = json.loads(answer.content)
            return str(given.get("token") or given.get("access_token") or "")
        except (ValueError, AttributeError):
            raise Problem(f"{address}: no token in the registry's answer", hint=f"curl -v {address}") from None

    def _connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, timeout=TIMEOUT, context=self.context)


def trusting(file: Path) -> ssl.SSLContext:
    """Return a context that trusts the CA of a file alone, or where there is no file yet what the machine trusts.

    Raises:
        Problem: The file holds no certificates.
    """
    try:
        return trusting_only(file.read_text(encoding="ascii") if file.exists() else None)
    except (ssl.SSLError, UnicodeError):
        raise Problem(f"{file}: holds no certificates", hint=f"rm {file}; ./doit registry_ca") from None


@functools.lru_cache(maxsize=2)
def trusting_only(ca: str | None) -> ssl.SSLContext:
    """Return a context that trusts a CA alone, or what the machine trusts.

    Args:
        ca: The CA's certificates, as PEM text; None for what the machine trusts.
    """
    context = ssl.create_default_context(cadata=ca)
    # An intermediate CA may stand alone, as it may for Docker and for the nodes' runtimes.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _basic() -> dict[str, str]:
    chosen = credentials.current()
    return {"Authorization": f"Basic {chosen.basic}"} if chosen else {}
