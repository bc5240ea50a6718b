"""The user's own `docker login`: kept by the docker command in config.json, or by a program that it names there.

What is found here is only ever sent to the registry itself. It is shown, written and passed on nowhere.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from tasks.engines.docker import context
from tasks.problems import Problem
from tasks.settings.credentials import Credentials

if TYPE_CHECKING:
    from pathlib import Path


def of(registry: str) -> Credentials | None:
    """Return who the user is at a registry, or None if `docker login` was not used for it.

    Args:
        registry: `host[:port]`.

    Raises:
        Problem: config.json is damaged, or the program that keeps the credentials is not installed or fails.
    """
    settings = context.config()
    known = {*settings.get("auths", {}), *settings.get("credHelpers", {})}
    # A program that keeps all credentials has to be asked; else the file says whether there are any.
    if not settings.get("credsStore") and not any(registry in name for name in known):
        return None
    return _kept(context.config_file(), registry)


@functools.cache
def _kept(file: Path, registry: str) -> Credentials | None:
    """Return what config.json or its program has for a registry; it is asked once, since a program takes its time."""
    from docker import auth
    from docker.errors import DockerException

    context.require_sound_config()
    context.require_credentials_program(registry)
    try:
        found = auth.load_config(str(file)).resolve_authconfig(registry) or {}
    except DockerException as error:
        raise Problem(f"{file}: {str(error).splitlines()[0]}", hint=f"docker login {registry}") from error
    # A token of `docker login` has no user; only Docker itself can use it.
    user, password = found.get("username") or found.get("Username"), found.get("password") or found.get("Password")
    return Credentials(user, password) if user and password else None
