"""The images of the engine: building, pulling, pushing and removing them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.docker import client as docker_client
from tasks.engines.docker import context as docker_context
from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.settings import credentials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ERROR_LINES = 15
# What an image says of the process that runs in it.
_STARTS = ("Cmd", "Entrypoint", "Env", "User", "WorkingDir")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
# The error of programs when the one that keeps the credentials is not installed.
_NO_CREDENTIALS_PROGRAM = re.compile(r'error getting credentials - err: (?:exec: ")?(docker-credential-[\w.-]+)')


@dataclass(frozen=True)
class ImageFacts:
    """What the engine knows of an image.

    Attributes:
        id: Its content address, `sha256:...`.
        labels: Its labels.
    """

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)


def build(
    context: Path,
    tag: str,
    *,
    build_args: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> ImageFacts:
    """Build an image with BuildKit; each step is reported as progress.

    Args:
        context: Folder with a Dockerfile.
        tag: The name that the image gets.
        build_args: Values of the Dockerfile's ARGs; this process's proxies are added.
        labels: Labels of the image.

    Returns:
        The facts of the image.

    Raises:
        Problem: The build failed; the details carry its last lines.
    """
    program, buildx = docker_client.cli()
    # A builder that the user has chosen may keep its images to itself; the default one is the engine of DOCKER_HOST.
    argv = [program, "buildx", "build", "--builder", "default", "--load"] if buildx else [program, "build"]
    argv += ["--progress=plain", "--tag", tag]
    # Only the names: every user of the machine sees a program's arguments, and the values may contain passwords.
    argv += [word for name in sorted({*_proxies(), *(build_args or {})}) for word in ("--build-arg", name)]
    argv += _options("--label", labels or {})
    # An attestation would turn the plain image that is needed into an index.
    settings = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    env = {**(build_args or {}), **settings, **docker_client.variables()}
    completed = shell.run([*argv, context], env=env, live=True, check=False)
    if completed.returncode != 0:
        raise _build_problem(tag, completed.stderr or completed.stdout)
    return require(tag)


def import_rootfs(tar: Path, tag: str, *, labels: Mapping[str, str] | None = None) -> ImageFacts:
    """Create an image of one layer from the tar archive of a root filesystem.

    Args:
        tar: Plain or compressed tar archive.
        tag: The name that the image gets.
        labels: Labels of the image.

    Returns:
        The facts of the image.
    """
    changes = [f"LABEL {json.dumps(key)}={json.dumps(value)}" for key, value in (labels or {}).items()]
    options = [word for change in changes for word in ("--change", change)]
    progress.step(f"importing {tar.name} as {tag}")
    shell.run([docker_client.cli()[0], "import", *options, tar, tag], env=docker_client.variables())
    return require(tag)


def find(tag: str) -> ImageFacts | None:
    """Return the facts of an image by its tag or id, or None if the engine does not have it."""
    from docker.errors import ImageNotFound

    try:
        found = docker_client.client().images.get(tag).attrs
    except ImageNotFound:
        return None
    return ImageFacts(found["Id"], found["Config"].get("Labels") or {})


def require(tag: str) -> ImageFacts:
    """Return the facts of an image, which must be in the engine.

    Raises:
        Problem: It is not in the engine.
    """
    found = find(tag)
    if found is None:
        raise Problem(f"image {tag}: not in the Docker engine at {docker_client.socket()}", hint="./doit images")
    return found


def content(tag: str) -> str:
    """Return the SHA-256 of an image's layers and of how it starts; its id differs between the stores of engines.

    Raises:
        Problem: It is not in the engine.
    """
    require(tag)
    found = docker_client.client().images.get(tag).attrs
    starts = {name: found["Config"].get(name) or None for name in _STARTS}
    return hashlib.sha256(json.dumps([found["RootFS"]["Layers"], starts], sort_keys=True).encode()).hexdigest()


def tags() -> list[str]:
    """Return the names, with tags, of all images of the engine."""
    return [tag for found in docker_client.client().api.images() for tag in found.get("RepoTags") or ()]


def pull(reference: str) -> str:
    """Pull an image from its registry, and return its name, which is the same in the engine.

    Args:
        reference: Its name with registry, repository and tag.

    Raises:
        Problem: The registry does not answer, refuses, or has no such image.
    """
    from docker.errors import APIError, DockerException

    progress.step(f"pulling {reference}")
    docker_context.require_credentials_program(registry_of(reference))
    try:
        docker_client.client().images.pull(reference)
    except (APIError, DockerException) as error:
        raise Problem(
            f"image {reference}: cannot be pulled: {str(error).splitlines()[0]}", hint="CONTROLLER_IMAGES=source"
        ) from error
    return reference


def remove(tag: str) -> None:
    """Remove a tag, and the image if it was the last one; a missing tag is not an error."""
    from docker.errors import ImageNotFound

    try:
        docker_client.client().api.remove_image(tag)
    except ImageNotFound:
        return


def registry_of(reference: str) -> str:
    """Return the registry in an image's full name, as Docker reads it: `docker.io` if the name has none."""
    from docker.auth import resolve_repository_name

    return str(resolve_repository_name(reference)[0])


def push(local_tag: str, remote_tag: str, *, anonymous: bool = False) -> str:
    """Push an image under another name.

    Args:
        local_tag: Name in the engine.
        remote_tag: Name with registry, repository and tag.
        anonymous: The registry needs no credentials, so none are looked for.

    Returns:
        The digest of the manifest in the registry, `sha256:...`.

    Raises:
        Problem: The registry refused or did not answer, or the program that keeps its credentials is not installed.
    """
    from docker.errors import DockerException

    repository, _, tag = remote_tag.rpartition(":")
    require(local_tag)
    auth = {} if anonymous else _credentials_for(remote_tag)
    docker_client.client().api.tag(local_tag, repository, tag)
    digest, error = "", ""
    try:
        # Read to the end even after an error: a response that is not fully read keeps its connection.
        for event in docker_client.client().api.push(repository, tag=tag, stream=True, decode=True, auth_config=auth):
            error = error or event.get("error", "")
            digest = event.get("aux", {}).get("Digest", digest)
            progress.step(f"pushing {remote_tag} ({event.get('id', '')} {event.get('status', '')})")
    except DockerException as caught:
        error = str(caught).splitlines()[0]
    if error:
        hint = "./doit registry" if anonymous else f"docker login {registry_of(remote_tag)}"
        raise Problem(f"image {remote_tag}: push failed: {error}", hint=hint)
    return digest


def _credentials_for(reference: str) -> dict[str, str] | None:
    """Return the credentials of this process, or None to have the client library use those of `docker login`."""
    found = credentials.current()
    if found:
        return {"username": found.user, "password": found.password}
    docker_context.require_credentials_program(registry_of(reference))
    return None


def _options(option: str, values: Mapping[str, str]) -> list[str]:
    return [word for key, value in sorted(values.items()) for word in (option, f"{key}={value}")]


def _proxies() -> list[str]:
    """Return the names of this process's proxy variables; BuildKit takes them as ARGs that stay out of the image."""
    return [key for name in _PROXIES for key in (name, name.upper()) if os.environ.get(key)]


def _build_problem(tag: str, output: str) -> Problem:
    """Return why a build failed."""
    missing = _NO_CREDENTIALS_PROGRAM.search(output)
    if missing and shutil.which(missing.group(1)) is None:
        file = docker_context.config_file()
        return Problem(
            f"image {tag}: the build failed: {file} names {missing.group(1)}, which is not installed",
            hint=f"install {missing.group(1)}, or take credsStore and credHelpers out of {file}",
        )
    return Problem(f"image {tag}: the build failed", details=_build_error(output))


def _build_error(output: str) -> str:
    """Return the lines of BuildKit's plain output around the first error line, or the last lines if there is none."""
    lines = output.strip().splitlines()
    first = next((number for number, line in enumerate(lines) if "ERROR" in line), len(lines))
    return "\n".join(lines[max(0, min(first, len(lines)) - ERROR_LINES) :][: 2 * ERROR_LINES])
