"""Which versions the sites of a run offer, asked without fetching anything."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from http import HTTPStatus
from http.client import responses
from typing import TYPE_CHECKING

from tasks.engines.files import releases
from tasks.engines.go import toolchain
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.doctor.server import Server
    from tasks.engines.go.settings import GoSettings
    from tasks.engines.host.facts import Answer

# These mean that the version is not there; any other failure means nothing about it.
_NOT_THERE = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_LONGEST_LINE = 160
# How many versions of the same line, and of all lines, are named instead of a version that is not there.
_OF_ITS_LINE, _OF_ALL = 3, 3


@dataclass(frozen=True)
class Offer:
    """What a site says about a version.

    Attributes:
        has: Whether it has the version; None if it did not say.
        said: Its words if it does not have it, or why it did not say.
        versions: Versions that it has instead.
    """

    has: bool | None
    said: str = ""
    versions: tuple[str, ...] = ()


def module(host: Server, path: str, version: str, settings: GoSettings) -> Offer:
    """Ask the module proxies for a version of a module, in their order, as go does.

    Args:
        host: The machine that asks.
        path: Module path.
        version: The version.
        settings: The proxies.
    """
    if private := _is_private(path):
        return Offer(None, f"{path} is private ({private}), so no proxy is asked")
    proxies = toolchain.proxies(settings)
    chosen = [choice for choice in re.split(r"[,|]", proxies) if choice.startswith(("http:", "https:"))]
    answer = Offer(None, f"GOPROXY={proxies} is no address that can be asked")
    for address in chosen:
        answer = _of_proxy(host, f"{address.rstrip('/')}/{_escaped(path)}/@v", version)
        if answer.has is not False:
            return answer
    # A proxy that knows no version of the module leaves it to its repository, which go then asks directly.
    if answer.has is False and "direct" in proxies and not answer.versions and "403" not in answer.said:
        return Offer(None, f"{answer.said}, and its repository is not asked beforehand")
    return replace(answer, said=f"{path}@{version}: {answer.said}") if answer.said else answer


def go(host: Server, version: str, settings: GoSettings) -> Offer:
    """Ask the module proxies for a release of Go.

    Args:
        host: The machine that asks.
        version: Such as 1.23.4.
        settings: The proxies.
    """
    start, end = "v0.0.1-go", ".linux-amd64"
    answer = module(host, "golang.org/toolchain", f"{start}{version}{end}", settings)
    here = (name for name in answer.versions if name.startswith(start) and name.endswith(end))
    return replace(answer, versions=tuple(name.removeprefix(start).removesuffix(end) for name in here))


def release(host: Server, site: str, version: str) -> Offer:
    """Ask the site of Kubernetes' releases for a version.

    Args:
        host: The machine that asks.
        site: Address below which the versions are.
        version: Such as v1.31.0.
    """
    line = version.rpartition(".")[0].removeprefix("v")
    stable = [f"{site.rstrip('/')}/{name}.txt" for name in (f"stable-{line}", "stable")]
    answer, *newest = _get(host, releases.checksum_address(site, version, "kubectl"), *stable)
    texts = [_text(one).strip() for one in newest if _is_there(one)]
    return _judged(answer, tuple(text for text in texts if _VERSION.match(text)))


def manifest(host: Server, url: str, repository: str) -> Offer:
    """Ask for a manifest that is published with each version.

    Args:
        host: The machine that asks.
        url: Where the version's manifest is.
        repository: Address of the git repository whose tags are the versions.
    """
    with ThreadPoolExecutor() as pool:
        tags = pool.submit(_tags, host, repository)
        (answer,) = _get(host, url)
    return _judged(answer, tags.result().versions)


def tag(host: Server, repository: str, version: str) -> Offer:
    """Ask a git repository for the tag of a version.

    Args:
        host: The machine that asks.
        repository: Its address.
        version: The tag.
    """
    found = _tags(host, repository)
    if found.has is None:
        return found
    has = version in found.versions
    return replace(found, has=has, said="" if has else f"{repository} has no such tag")


def nearest(version: str, versions: Iterable[str]) -> list[str]:
    """Return the newest versions of the same line and of all lines, oldest first; no pre-releases.

    Args:
        version: The version that is not there.
        versions: All that are there.
    """
    ordered = sorted({one for one in versions if _VERSION.fullmatch(one)}, key=_key)
    same = [one for one in ordered if _key(one)[:2] == _key(version)[:2]]
    return sorted({*same[-_OF_ITS_LINE:], *ordered[-_OF_ALL:]}, key=_key)


def _of_proxy(host: Server, place: str, version: str) -> Offer:
    """Ask one proxy: https://go.dev/ref/mod#goproxy-protocol."""
    info, listed = _get(host, f"{place}/{version}.info", f"{place}/list")
    return _judged(info, tuple(_text(listed).split()) if _is_there(listed) else ())


def _judged(answer: Answer | Problem, versions: tuple[str, ...]) -> Offer:
    if isinstance(answer, Problem):
        return Offer(None, answer.message)
    if answer.status == HTTPStatus.OK:
        return Offer(has=True)
    words = _text(answer).strip().partition("\n")[0][:_LONGEST_LINE]
    # A page of a web server says no more than its status.
    status = f"{answer.status} {responses.get(answer.status, '')}".rstrip()
    said = status if "<" in words or not words else f"{status}: {words}"
    return Offer(False if answer.status in _NOT_THERE else None, said, versions)


def _get(host: Server, *urls: str) -> list[Answer | Problem]:
    """Ask for all at the same time."""

    def ask(url: str) -> Answer | Problem:
        try:
            return host.get(url)
        except Problem as problem:
            return problem

    with ThreadPoolExecutor() as pool:
        return list(pool.map(ask, urls))


def _tags(host: Server, repository: str) -> Offer:
    try:
        return Offer(has=True, versions=tuple(host.tags(repository)))
    except Problem as problem:
        return Offer(None, problem.message)


def _is_there(answer: Answer | Problem) -> bool:
    return not isinstance(answer, Problem) and answer.status == HTTPStatus.OK


def _text(answer: Answer | Problem) -> str:
    return "" if isinstance(answer, Problem) else answer.content.decode("utf-8", "replace")


def _escaped(path: str) -> str:
    """Return a module path as proxies are asked for it: https://go.dev/ref/mod#goproxy-protocol."""
    return re.sub(r"[A-Z]", lambda found: f"!{found[0].lower()}", path)


def _is_private(path: str) -> str:
    """Return the variable and its value if the user's Go never asks a proxy for a module, else an empty string."""
    said = toolchain.sources()
    name = "GONOPROXY" if said.get("GONOPROXY") else "GOPRIVATE"
    for pattern in filter(None, said.get(name, "").split(",")):
        start = "/".join(path.split("/")[: pattern.count("/") + 1])
        if fnmatchcase(start, pattern):
            return f"{name}={said[name]}"
    return ""


def _key(version: str) -> tuple[int, ...]:
    found = _VERSION.match(version)
    return tuple(map(int, found.groups())) if found else ()
