"""The Docker engine: which one answers, its images and its containers.

`docker` here is this module; the client library is imported inside functions, since it costs a tenth of a second.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.docker import connection as docker_connection
from tasks.engines.docker import context as docker_context
from tasks.engines.docker import embedded_home as docker_embedded
from tasks.engines.docker import settings
from tasks.engines.programs import shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import DockerClient

    from tasks.engines.docker.context import Endpoint

CALL_SECONDS = docker_connection.CALL_SECONDS
# The last client in which DOCKER_BUILDKIT=1 works without the buildx plugin.
_LAST_BUNDLED_BUILDKIT = 22
# The label of what this tool made and may remove.
OURS = "openkasugai.made"
# Two threads that choose at the same time would open two connections and lose one of them.
_CHOOSING = threading.Lock()


def host_url() -> str:
    """Return the address of the machine's engine, found as the docker command does: DOCKER_HOST, context, default.

    Raises:
        Problem: The docker command's settings are damaged, or name a context that does not exist.
    """
    return docker_context.chosen().url


def embedded() -> docker_embedded.Engine:
    """Return the tool's own engine, whether it runs or not."""
    return docker_embedded.of_cache(settings.current().cache_dir)


def answers(url: str) -> bool:
    """Return whether an engine answers at `url`."""
    connection = docker_connection.connect(url)
    if connection is None:
        return False
    connection.close()
    return True


def socket() -> str:
    """Return the address (DOCKER_HOST) of the engine that this run uses.

    Raises:
        docker_connection.NoEngine: None answers.
        Problem: The engine cannot be used, or the docker command's settings are damaged.
    """
    return _chosen()[0].url


def client() -> DockerClient:
    """Return the client of the engine that this run uses; the connection is made once.

    Raises:
        docker_connection.NoEngine: None answers.
        Problem: The engine cannot be used, or the docker command's settings are damaged.
    """
    return _chosen()[1]


def is_there() -> bool:
    """Return whether an engine answers that this run can use."""
    try:
        client()
    except Problem:
        return False
    return True


def is_new() -> bool:
    """Return whether the tool's own engine will have to be started for the first time, and so holds nothing."""
    return not embedded().data.exists() and not is_there()


def forget() -> None:
    """Close and forget the connection, after an engine has been started or stopped."""
    with _CHOOSING:
        if _first_that_answers.cache_info().currsize:
            _first_that_answers()[1].close()
        _first_that_answers.cache_clear()
    cli.cache_clear()


def environment() -> dict[str, str]:
    """Return the variables with which other programs (kind, docker) reach the same engine."""
    folder = str(Path(cli()[0]).parent)
    return {**variables(), "PATH": os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])}


def proxies_of_containers() -> dict[str, str]:
    """Return the proxies that the docker command sets in every container, by variable name."""
    return docker_context.proxies_of_containers(_chosen()[0])


@functools.lru_cache(maxsize=1)
def cli() -> tuple[str, bool]:
    """Find a docker command that builds with BuildKit; several may be on PATH.

    Returns:
        Its path, and whether it builds with the buildx plugin (otherwise, it has BuildKit built in).

    Raises:
        Problem: There is none.
    """
    candidates = _programs("docker")
    # There may be no engine yet, and with a missing context or certificate the command would not even show its version.
    env = docker_context.variables(docker_context.Endpoint(docker_context.LOCAL_URL, ""))
    for program in candidates:
        if shell.run([program, "buildx", "version"], env=env, check=False).returncode == 0:
            return program, True
    for program in candidates:
        version = re.search(r"(\d+)\.", shell.run([program, "--version"], env=env, check=False).stdout)
        if version and int(version.group(1)) <= _LAST_BUNDLED_BUILDKIT:
            return program, False
    raise Problem("docker: no command on PATH can build with BuildKit", hint="sudo apt-get install docker-buildx")


def _chosen() -> tuple[Endpoint, DockerClient]:
    with _CHOOSING:
        return _first_that_answers()


@functools.lru_cache(maxsize=1)
def _first_that_answers() -> tuple[Endpoint, DockerClient]:
    docker_context.require_sound_config()
    for find in _candidates():
        endpoint = find()
        docker_context.require_usable(endpoint)
        found = docker_connection.connect(endpoint.url, docker_context.tls(endpoint))
        if found is not None:
            docker_connection.require_here(endpoint, found)
            return endpoint, found
    raise docker_connection.no_engine(endpoint)


def _candidates() -> list[Callable[[], Endpoint]]:
    """Return the engines that DOCKER allows; the tool's own comes first, since it holds the cluster while it runs."""
    choice = settings.current().docker
    if os.environ.get("DOCKER_HOST") or (choice == "auto" and docker_context.is_forced()):
        return [docker_context.chosen]
    choices = {"host": [docker_context.chosen], "embedded": [_embedded], "auto": [_embedded, docker_context.chosen]}
    return choices[choice]


def _embedded() -> Endpoint:
    return docker_context.Endpoint(embedded().url, "DOCKER")


def variables() -> dict[str, str]:
    """Return the variables with which other programs reach the engine of this run."""
    return docker_context.variables(_chosen()[0])


def _programs(name: str) -> list[str]:
    """Return all programs of a name on PATH, each file once."""
    found = [shutil.which(name, path=folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    programs = {os.path.realpath(program): program for program in reversed(found) if program}
    return list(reversed(programs.values()))
