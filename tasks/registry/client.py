"""The registry as images get into it: where to push, and whether an image is there already."""

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

from tasks.engines.docker import images
from tasks.problems import Problem
from tasks.settings import credentials, parameters, paths, registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_TIMEOUT = 10.0
_OK = 200
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json,"
    " application/vnd.oci.image.index.v1+json"
)
_PING = "/v2/"


@dataclass(frozen=True)
class _Answer:
    """What a server answered: its status, how it wants to be authorized, and the content."""

    status: int
    challenge: str
    content: bytes


def pull_address() -> str:
    """Return the registry and path under which the cluster pulls images: `host[:port]/path`."""
    return parameters.current().dci_registry_addr_alt


def push_address() -> str:
    """Return the registry and path under which this machine's engine pushes the same images: `host[:port]/path`.

    The embedded registry is pushed to through the loopback address, which Docker trusts without a CA; its own name
    means nothing to the host.
    """
    chosen = parameters.current()
    if chosen.registry != "embedded":
        return chosen.dci_registry_addr_alt
    path = chosen.dci_registry_addr_alt.partition("/")[2]
    return f"127.0.0.1:{chosen.registry_port}/{path}"


def holds(reference: str) -> bool:
    """Return whether the registry has an image.

    Args:
        reference: Its full name, as the cluster pulls it: `host[:port]/path/name:tag`.
    """
    try:
        return _manifest(reference) == _OK
    except Problem:
        return False


def require(references: Iterable[str]) -> None:
    """Stop where the registry lacks images.

    Args:
        references: Full names; those of other registries are not looked at.

    Raises:
        Problem: One line an image that is not there, or the registry does not answer.
    """
    ours = [reference for reference in dict.fromkeys(references) if reference.startswith(f"{pull_address()}/")]
    missing = [f"image {reference}: {reason}" for reference in ours for reason in _refusal(reference)]
    if missing:
        raise Problem("\n".join(missing), hint=f"docker push it there, with {_secret_hint()} where asked for")


def push(local_tag: str, reference: str) -> None:
    """Push an image of the engine.

    Args:
        local_tag: Its name in the engine.
        reference: Its full name, as the cluster pulls it.

    Raises:
        Problem: The registry refused or did not answer.
    """
    # Our own registry asks nobody who he is: a program that keeps credentials need not be there.
    images.push(local_tag, _pushed(reference), anonymous=parameters.current().registry == "embedded")


def prove(ca: bytes) -> None:
    """Ask the registry for an answer with a certificate of a CA, and to accept the credentials where there are any.

    Args:
        ca: The CA, as PEM text.

    Raises:
        Problem: It does not answer, its certificate is of another CA or for another name, or it refuses.
    """
    host = push_address().partition("/")[0]
    status = _authorized("GET", host, _PING, context=_context_of(ca.decode("ascii")))
    if status == _UNAUTHORIZED and credentials.current():
        raise Problem(f"https://{host}{_PING}: the registry refuses the credentials", hint=_secret_hint())
    if status not in {_OK, _UNAUTHORIZED}:
        raise Problem(
            f"https://{host}{_PING}: status {status}, which is no registry's", hint=f"curl -v https://{host}{_PING}"
        )


def answers() -> bool:
    """Return whether the embedded registry answers at its loopback port, with a certificate of its own CA."""
    host = f"127.0.0.1:{parameters.current().registry_port}"
    try:
        return _ask("GET", host, _PING, {}, _context(ca_certificate())).status == _OK
    except Problem:
        return False


def ca_answers() -> bool:
    """Return whether the CA of the embedded registry is offered at its loopback port."""
    connection = http.client.HTTPConnection("127.0.0.1", parameters.current().ca_port, timeout=_TIMEOUT)
    try:
        connection.request("GET", registry.CA_PATH)
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def home() -> Path:
    """Return the folder of the embedded registry: its CA, certificate and images."""
    return parameters.current().cache_dir / "registry"


def ca_certificate() -> Path:
    """Return the embedded registry's own CA certificate."""
    return home() / "public" / "ca.crt"


def _secret_hint() -> str:
    return f"{credentials.USER} and {credentials.PASSWORD} in the environment"


def _refusal(reference: str) -> Iterator[str]:
    """Yield why an image cannot be pulled; nothing where it can."""
    status = _manifest(reference)
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        yield f"the registry refuses it (status {status})"
    elif status == _NOT_FOUND:
        yield "not in the registry"
    elif status != _OK:
        yield f"the registry answers with status {status}"


def _manifest(reference: str) -> int:
    host, _, path = _pushed(reference).partition("/")
    repository, _, tag = path.rpartition(":")
    return _authorized("HEAD", host, f"/v2/{repository}/manifests/{tag}", context=_context(paths.REGISTRY_CA))


def _authorized(method: str, host: str, path: str, *, context: ssl.SSLContext) -> int:
    """Return the status of a request, made again with a token where the registry wants one, as harbor does."""
    answer = _ask(method, host, path, _basic(), context)
    if answer.status != _UNAUTHORIZED or not answer.challenge.lower().startswith("bearer "):
        return answer.status
    token = _token(answer.challenge, context)
    return _ask(method, host, path, {"Authorization": f"Bearer {token}"}, context).status if token else answer.status


def _basic() -> dict[str, str]:
    chosen = credentials.current()
    return {"Authorization": f"Basic {chosen.basic}"} if chosen else {}


def _token(challenge: str, context: ssl.SSLContext) -> str:
    """Return the token that a challenge asks for, or nothing where it is refused.

    The form is that of https://distribution.github.io/distribution/spec/auth/token/.
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
    answer = _ask("GET", realm.netloc, f"{realm.path}?{urlencode(wanted)}", _basic(), context)
    if answer.status != _OK:
        return ""
    try:
        given = json.loads(answer.content)
        return str(given.get("token") or given.get("access_token") or "")
    except (ValueError, AttributeError):
        raise Problem(f"{address}: no token in the registry's answer", hint=f"curl -v {address}") from None


def _ask(method: str, host: str, path: str, headers: Mapping[str, str], context: ssl.SSLContext) -> _Answer:
    try:
        with contextlib.closing(http.client.HTTPSConnection(host, timeout=_TIMEOUT, context=context)) as connection:
            connection.request(method, path, headers={"Accept": _MANIFESTS, **headers})
            answer = connection.getresponse()
            return _Answer(answer.status, answer.headers.get("WWW-Authenticate", ""), answer.read())
    # A UnicodeError is what a label becomes that no name may have.
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
        raise Problem(f"https://{host}{path}: {reason}", hint=f"curl -v https://{host}{_PING}") from error


def _pushed(reference: str) -> str:
    return reference.replace(f"{pull_address()}/", f"{push_address()}/", 1)


def _context(ca: Path) -> ssl.SSLContext:
    """Return a context that trusts the registry's CA alone, or where there is none yet what the machine trusts."""
    try:
        return _context_of(ca.read_text(encoding="ascii") if ca.exists() else None)
    except (ssl.SSLError, UnicodeError):
        raise Problem(f"{ca}: holds no certificates", hint=f"rm {ca}; ./doit registry_ca") from None


@functools.lru_cache(maxsize=2)
def _context_of(ca: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca)
    # An intermediate CA may stand alone, as it may for Docker and for the nodes' runtimes.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
