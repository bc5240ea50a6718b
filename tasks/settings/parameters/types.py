"""What a parameter may look like: each type turns the text of the table into a value, or says why it cannot."""

from __future__ import annotations

import json
import math
import os
import re
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from tasks.settings import emulation, references
from tasks.settings.addons import CHOSEN_BY_NAME
from tasks.settings.checks import CHECKS
from tasks.settings.controller import CONTROLLERS, HARDWARE
from tasks.settings.target import PLACES
from tasks.similar import meant

if TYPE_CHECKING:
    from collections.abc import Callable

# Decimal numbers that Python and Go's strconv.ParseFloat read alike.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _matching(pattern: str, meant: str) -> AfterValidator:
    """Return the check that the whole text matches `pattern`; `meant` says what it should be, as in "is not ..."."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {meant}")
        return text

    return AfterValidator(check)


def _parsed(parse: Callable[[str], Any], meant: str) -> BeforeValidator:
    """Return the conversion by `parse`; if that refuses the text, its error becomes part of the reason."""

    def convert(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as reason:
            raise ValueError(f"{text!r} is not {meant}: {reason}") from None

    return BeforeValidator(convert)


def _with_prefix(text: str) -> IPv4Interface:
    if "/" not in text:
        raise ValueError("the prefix length is missing")
    return IPv4Interface(text)


def _network(text: str) -> IPv4Network:
    _with_prefix(text)
    return IPv4Network(text)


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]+", text):
        raise ValueError("only digits are allowed")
    return int(text)


def _between(low: int, high: int) -> AfterValidator:
    """Return the check that a number lies between two others, both of them allowed."""

    def check(number: int) -> int:
        if not low <= number <= high:
            raise ValueError(f"{number} is not between {low} and {high}")
        return number

    return AfterValidator(check)


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as reason:
        raise ValueError(f"{text!r} is not a regular expression: {reason}") from None
    if not text:
        raise ValueError("is empty")
    return text


def _flag(text: str) -> bool:
    if text not in {"", "1"}:
        raise ValueError(f"{text!r} is neither empty nor 1")
    return text == "1"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _numbers(text: str) -> tuple[str, ...]:
    """Return the words of a list of numbers; calcapp's client gets them as they are."""
    words = tuple(text.split())
    for word in words:
        if not _NUMBER.fullmatch(word):
            raise ValueError(f"{word!r} is not a number such as 2, -0.5 or 1e3; blanks separate numbers")
        if not math.isfinite(float(word)):
            raise ValueError(f"{word} is too large for a number of 64 bits")
    return words


def _words_of(known: tuple[str, ...]) -> BeforeValidator:
    """Return the conversion of a list whose words must all be known."""

    def convert(text: str) -> tuple[str, ...]:
        words = _words(text)
        for word in words:
            if word not in known:
                raise ValueError(f"{word!r} is not one of {', '.join(known)}")
        return words

    return BeforeValidator(convert)


def _check_names(text: str) -> tuple[str, ...]:
    names = _words(text)
    known = [check.name for check in CHECKS]
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is not a check{meant(name, known) or ' of ./doit doctor'}")
    return names


def _folder(text: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path has to be ignored (XDG Base Directory Specification).
    base = base if os.path.isabs(base) else "~/.cache"  # noqa: PTH117 - a path as text
    path = Path(text or f"{base}/openkasugai-all-in-one").expanduser()
    if not path.is_absolute():
        raise ValueError(f"{text!r} is not an absolute path")
    return path


def _controller(text: str) -> str:
    """Return one of the words as it is, and a folder as an absolute path."""
    if text in CONTROLLERS:
        return text
    folder = os.path.expanduser(text)  # noqa: PTH111 - leaves a user that does not exist as it is
    if not os.path.isabs(folder):  # noqa: PTH117
        raise ValueError(f"{text!r} is not {', '.join(CONTROLLERS)}, or an absolute path such as ~/controller")
    return os.path.normpath(folder)


def _addon_names(text: str) -> tuple[str, ...]:
    names = _words(text)
    for name in names:
        if name not in CHOSEN_BY_NAME:
            instead = meant(name, CHOSEN_BY_NAME) or f"; there are {', '.join(CHOSEN_BY_NAME)}"
            raise ValueError(f"{name!r} is not an add-on{instead}")
    return names


def _file(text: str) -> Path | None:
    """Return an absolute path; None if the text is empty."""
    if not text:
        return None
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise ValueError(f"{text!r} is not an absolute path")
    return path


def _ipam(text: str) -> str:
    try:
        found = json.loads(text or '{"type": ""}')
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from error
    is_ipam = isinstance(found, dict) and isinstance(found.get("type"), str)
    if not is_ipam:
        raise ValueError('is not the ipam of a CNI configuration, such as {"type": "nv-ipam", "poolName": "pool1"}')
    return text


def _places(text: str) -> tuple[tuple[str, str], ...]:
    """Return each place that patterns name with its node, the first place first."""
    found: dict[str, str] = {}
    for word in _words(text):
        place, colon, node = word.partition(":")
        if place not in PLACES or not colon or not node:
            raise ValueError(f"{word!r} is not {' or '.join(f'{place}:<node>' for place in PLACES)}")
        if place in found:
            raise ValueError(f"{place} is named twice")
        if node in found.values():
            raise ValueError(f"{node} is named twice")
        found[place] = node
    return tuple((place, found[place]) for place in PLACES if place in found)


def _pool(text: str) -> str:
    if text != "auto":
        pool_range(text)
    return text


def pool_range(text: str) -> tuple[IPv4Address, IPv4Address]:
    """Return the first and last address of `first-last` or a CIDR."""
    try:
        if "-" not in text:
            return ends(_network(text))
        first, last = (IPv4Address(part.strip()) for part in text.split("-"))
    except ValueError as reason:
        raise ValueError(f"{text!r} is neither auto, first-last nor a CIDR: {reason}") from None
    if first > last:
        raise ValueError(f"{text!r}: the first address comes after the last")
    return first, last


def ends(network: IPv4Network) -> tuple[IPv4Address, IPv4Address]:
    """Return the first and last address of a network."""
    return network.network_address, network.broadcast_address


Version = Annotated[str, _matching(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", "a version such as v1.2.3")]
# Since Go 1.21, the first release of a line has a third number too.
GoVersion = Annotated[str, _matching(r"\d+\.\d+\.\d+", "a release of Go such as 1.23.0")]
MinorVersion = Annotated[str, _matching(r"v\d+\.\d+", "a version such as v1.2")]
PackageVersion = Annotated[str, _matching(r"\d+\.\d+\.\d+-[0-9A-Za-z.~+-]+", "a package version such as 1.2.3-1.1")]
AnyPackageVersion = Annotated[
    str, _matching(r"(\d+:)?\d[0-9A-Za-z.~+-]*", "a package version such as 1.2.3-1 or 1:1.2.3")
]
OptionalFileName = Annotated[str, _matching(r"([^/\s][^/]*)?", "a file name without folders")]
FileName = Annotated[str, _matching(r"[^/\s][^/]*", "a file name without folders")]
Word = Annotated[str, _matching(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "a word of letters, digits, '_', '.', '-'")]
OptionalWord = Annotated[str, _matching(r"([A-Za-z0-9][A-Za-z0-9_.-]*)?", "a word of letters, digits, '_', '.', '-'")]
OptionalUid = Annotated[
    str,
    _matching(r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?", "a UID such as 01234567-89ab-cdef-0123-456789abcdef"),
]
OptionalFile = Annotated[Path | None, BeforeValidator(_file)]
NodeNames = Annotated[tuple[str, ...], BeforeValidator(_words)]
Places = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_places)]
ResourceName = Annotated[
    str,
    _matching(
        r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
        "a resource such as openshift.io/cards",
    ),
]
OptionalIpam = Annotated[str, AfterValidator(_ipam)]
Interface = Annotated[str, _matching(r"[^/\s:]{1,15}", "an interface name of at most 15 characters")]
Regex = Annotated[str, AfterValidator(_regex)]
Repository = Annotated[
    str,
    _parsed(references.repository, "a repository such as host.domain/path or host:5000/path, without scheme or tag"),
]
Image = Annotated[str, _parsed(references.image, "an image such as name:tag")]
ImageTag = Annotated[
    str, _matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "an image tag of letters, digits, '_', '.', '-'")
]
Url = Annotated[str, _matching(r"https?://[A-Za-z0-9.-]+(:\d+)?/\S+", "an address such as http://host/path")]
UrlOrAuto = Annotated[
    str, _matching(r"auto|https?://[A-Za-z0-9.-]+(:\d+)?/\S+", "auto, or an address such as http://host/path")
]
Site = Annotated[str, _matching(r"https?://[A-Za-z0-9.-]+(:\d+)?/(\S+/)?", "an address such as http://host/path/")]
OptionalUrl = Annotated[
    str, _matching(r"(https?://[A-Za-z0-9.-]+(:\d+)?/[^\s|]*)?", "an address such as http://host/path")
]
GoProxies = Annotated[
    str,
    _matching(
        r"https?://[A-Za-z0-9.-]+(:\d+)?(/[^\s,|]*)?([,|](direct|off|https?://[^\s,|]+))*",
        "a list of Go module proxies such as http://host,direct",
    ),
]
Fingerprint = Annotated[
    str,
    BeforeValidator(lambda text: text.replace(":", "").lower()),
    _matching(r"([0-9a-f]{64})?", "a SHA-256 of 64 hexadecimal digits"),
]
ClusterName = Annotated[
    str, _matching(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", "a name of lower-case letters, digits and '-'")
]
Address = Annotated[IPv4Address, _parsed(IPv4Address, "an address such as 192.0.2.1")]
AddressWithPrefix = Annotated[
    IPv4Interface, _parsed(_with_prefix, "an address with its prefix length such as 192.0.2.1/24")
]
Subnet = Annotated[IPv4Network, _parsed(_network, "a subnet such as 192.0.2.0/24")]
AddonNames = Annotated[tuple[str, ...], BeforeValidator(_addon_names)]
Count = Annotated[int, _parsed(_whole, "a whole number")]
Port = Annotated[int, _parsed(_whole, "a port number"), _between(1, 65535)]
Seconds = Annotated[int, _parsed(_whole, "a number of seconds"), _between(1, 86400)]
Flag = Annotated[bool, BeforeValidator(_flag)]
ControllerSource = Annotated[str, BeforeValidator(_controller)]
CacheFolder = Annotated[Path, BeforeValidator(_folder)]
Pool = Annotated[str, AfterValidator(_pool)]
Numbers = Annotated[tuple[str, ...], BeforeValidator(_numbers)]
Hardware = Annotated[tuple[str, ...], _words_of(HARDWARE)]
Emulated = Annotated[tuple[str, ...], _words_of(emulation.KINDS)]
CheckNames = Annotated[tuple[str, ...], BeforeValidator(_check_names)]
VfCount = Annotated[Count, _between(1, 256)]
BlockSize = Annotated[Count, _between(1, 65536)]
