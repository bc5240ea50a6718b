"""Names of repositories and images, as a Docker client reads them (github.com/distribution/reference).

The client takes the part before the first slash for a registry only if it has a dot or a port, or is `localhost`.
Anything else is a name on Docker Hub, which must not get the credentials of a registry.
"""

from __future__ import annotations

import re

_HOST = re.compile(r"[a-z0-9]+(-+[a-z0-9]+)*(\.[a-z0-9]+(-+[a-z0-9]+)*)*")
_PART = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HIGHEST_PORT = 65535
_LONGEST = 255
# Docker Hub knows names such as `ubuntu` and `user/ubuntu`, and none with more parts.
_PARTS_ON_HUB = 2


def repository(text: str) -> str:
    """Return the text, if it is a registry and path.

    Raises:
        ValueError: It is not; the message is the reason.
    """
    _check_form(text)
    host, slash, path = text.partition("/")
    if not is_registry(host):
        raise ValueError(f"{host!r} is not a registry: a registry has a dot or a port, or is localhost")
    if not slash:
        raise ValueError("the path is missing")
    _check_host(host)
    _check_path(path)
    return text


def image(text: str) -> str:
    """Return the text, if it is an image: a name, a registry unless it is on Docker Hub, and a tag or a digest.

    Raises:
        ValueError: It is not; the message is the reason.
    """
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise ValueError("the digest is not sha256: and 64 hexadecimal digits")
    before, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is not a tag")
    path = f"{before}{slash}{last}"
    _check_form(path)
    host, slash, rest = path.partition("/")
    if slash and is_registry(host):
        _check_host(host)
        path = rest
    elif path.count("/") >= _PARTS_ON_HUB:
        raise ValueError(f"{host!r} is not a registry: a registry has a dot or a port, or is localhost")
    _check_path(path)
    return text


def is_registry(host: str) -> bool:
    """Return whether a Docker client takes the first part of a name for a registry."""
    return "." in host or ":" in host or host == "localhost"


def _check_form(text: str) -> None:
    """Raise the errors that say more than that a part is wrong."""
    if "://" in text:
        raise ValueError("it begins with a scheme")
    if text.endswith("/"):
        raise ValueError("it ends with a slash")
    if text.startswith("["):
        raise ValueError("an IPv6 address; give the registry a name or an IPv4 address")
    if text != text.lower():
        raise ValueError(f"it has capital letters; try {text.lower()}")
    if len(text) > _LONGEST:
        raise ValueError(f"it has more than {_LONGEST} characters")


def _check_host(host: str) -> None:
    name, colon, port = host.partition(":")
    if not _HOST.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a host")
    if colon and not (re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) <= _HIGHEST_PORT):
        raise ValueError(f"{port!r} is not a port")


def _check_path(path: str) -> None:
    for part in path.split("/"):
        if not _PART.fullmatch(part):
            reason = "a tag or digest does not belong there" if ":" in part or "@" in part else "not a part of a path"
            raise ValueError(f"{part!r}: {reason}")
