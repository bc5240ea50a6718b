"""The packages that node images take from apt repositories: whether each repository has exactly the chosen version."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from tasks.doctor.finding import Finding, judged
from tasks.engines.files import package_index
from tasks.images import packages
from tasks.problems import Problem
from tasks.settings.checks import FAILED, OK
from tasks.settings.packages import REPOSITORIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.doctor.finding import Look
    from tasks.doctor.server import Server
    from tasks.settings.packages import Repository
    from tasks.settings.parameters.model import Parameters

_LARGEST = 1 << 26
_SHOWN = 4


def _look(repository: Repository, host: Server, p: Parameters) -> Finding:
    if not packages.is_used(repository, p, host):
        return Finding(OK, "no node image takes them", "nothing then")
    version = str(getattr(p, repository.version.lower()))
    needed = f"{repository.names[0]} {version} ({repository.version}) in {repository.url(p)}"
    if _are_installed(repository, host, p):
        return Finding(OK, f"{version} is in the image already", needed)
    try:
        return _judged(repository, version, _index(host, repository.url(p)), needed)
    except Problem as problem:
        cure = f"curl -fLO {repository.url(p)}/Packages, or {repository.place} of a mirror{repository.otherwise}"
        return Finding(FAILED, problem.message, needed, cure)


def _are_installed(repository: Repository, host: Server, p: Parameters) -> bool:
    try:
        host.require_engine()
    except Problem:  # Another check says so. Without an engine, there is no image.
        return False
    return not packages.difference(repository, p)


def _index(host: Server, url: str) -> bytes:
    """Return the index of a repository.

    Raises:
        Problem: The repository does not answer, or has none.
    """
    status = 0
    for name in package_index.NAMES:
        answer = host.get(f"{url}/{name}", most=_LARGEST)
        if answer.status == HTTPStatus.OK:
            return answer.content
        status = answer.status
    raise Problem(f"{url}: no such repository (status {status})")


def _judged(repository: Repository, version: str, index: bytes, needed: str) -> Finding:
    try:
        there = {name: package_index.versions(index, name) for name in repository.names}
    except Problem as problem:
        raise Problem(f"{repository.place}: {problem.message}") from problem
    lacking = next((name for name in repository.names if version not in there[name]), None)
    if lacking is None:
        return Finding(OK, "there", needed)
    near = package_index.nearest(version, there[lacking], _SHOWN)
    found = f"{lacking} {version} is not there, but {', '.join(near)}" if near else f"{lacking} is not there"
    closest = next(iter(package_index.nearest(version, there[lacking], 1)), "")
    cure = f"{repository.version}={closest}" if closest else f"{repository.place} of a repository that has it"
    return judged(False, found, needed, cure)


LOOKS: Mapping[str, Look] = {repository.check: partial(_look, repository) for repository in REPOSITORIES}
