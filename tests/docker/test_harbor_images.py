"""Images that are in harbor already, as the manual names them: used as they are, by the real graph."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from tasks.archive import facts
from tasks.engines.docker import client, images
from tasks.images import archive_images, harbor_images
from tasks.patterns import known
from tasks.problems import Problem
from tasks.registry import certificates
from tasks.scenarios.files import Scenario
from tasks.settings import controller, credentials, parameters, paths
from tasks.settings import registry as table
from tests.docker import harbor as site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Checkout
    from tests.docker.harbor import Harbor

CALCAPP, SIDECAR = "cpufunc_calcapp", "cpufunc_sidecar"
# Requests that change what a registry has, in its log.
_CHANGES = re.compile(r'"(?:POST|PUT|PATCH) /v2/')


@pytest.fixture
def trusted(harbor: Harbor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harbor]:
    """The registry, trusted by Docker for this test; FUNCTION_IMAGES is auto."""
    chosen = parameters.current().model_copy(update={"function_images": "auto"})
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    harbor_images.forget()
    certificates.fetch()
    certificates.trust()
    yield harbor
    harbor_images.forget()
    # The checkout of the test has a file of its own there.
    shutil.rmtree(table.DOCKER_TRUST / harbor.host)


def _chosen(harbor: Harbor, **values: str) -> dict[str, str]:
    """Return the variables with which a run uses the registry."""
    current = parameters.current()
    return {
        "REGISTRY": "harbor",
        "DCI_REGISTRY_ADDR_ALT": current.dci_registry_addr_alt,
        "DCI_REGISTRY_CERT_URL": current.dci_registry_cert_url,
        **values,
    }


def _done(checkout: Checkout, *words: str, env: dict[str, str]) -> str:
    done = checkout.doit(*words, env=env, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _push(local: str, *references: str) -> None:
    for reference in references:
        site.registry().push(local, reference)
        images.remove(reference)


def test_functions_run_the_images_that_are_in_harbor_and_only_what_is_missing_is_built(
    trusted: Harbor, image: str, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = _chosen(trusted, FUNCTION_IMAGES="auto")
    _push(image, site.reference(f"{CALCAPP}:1.0.0"), site.reference(f"{SIDECAR}:1.0.0"))
    before = len(trusted.log)
    said = _done(checkout, f"function_image:{CALCAPP}", f"function_image:{SIDECAR}", env=env)
    assert "image:base" not in said
    assert "Nothing to do" in _done(checkout, f"function_image:{CALCAPP}", f"function_image:{SIDECAR}", env=env)
    assert not _CHANGES.search(trusted.log[before:])

    monkeypatch.setattr(paths, "CONTROLLER", checkout.root / "build/controller")
    facts.facts.cache_clear()
    assert _images_of_calcapp() == {site.reference(f"{CALCAPP}:1.0.0"), site.reference(f"{SIDECAR}:1.0.0")}
    facts.facts.cache_clear()

    shutil.rmtree(trusted.folder / f"data/docker/registry/v2/repositories/images/{SIDECAR}")
    said = _done(checkout, f"function_image:{CALCAPP}", f"function_image:{SIDECAR}", env=env)
    assert f"{site.reference(f'{SIDECAR}:1.0.0')}: not in the registry, so it is built here" in said
    assert f"function_image:{CALCAPP}" not in said.replace("(up to date)", "")
    pushed = re.findall(r'"PUT /v2/images/(\w+)/manifests/', trusted.log[before:])
    assert set(pushed) == {SIDECAR}


def _images_of_calcapp() -> set[str]:
    """Return the images that the files of calcapp-basic name for this installation."""
    chosen = parameters.current()
    pattern = known.named("calcapp-basic")
    scenario = Scenario(pattern, lambda: ("one", "two"), lambda names: archive_images.references(names, chosen))
    scenario.require_images(site.registry())
    found = re.findall(r'\\?"image\\?"\s*:\s*\\?"([^"\\]+)', json.dumps(scenario.configuration()))
    return set(found)


def test_published_images_of_the_controller_are_not_pushed(trusted: Harbor, image: str, checkout: Checkout) -> None:
    with tarfile.open(checkout.root / "src/controller.tar.gz", "w:gz") as archive:
        archive.add(checkout.root / "src/sample-controller", "controller")
    published = f"{trusted.host}/published"
    env = _chosen(trusted, CONTROLLER="archive", CONTROLLER_IMAGES="auto", DCI_REGISTRY_ADDR=published)
    said = _done(checkout, "_published_images", env=env)
    assert "CONTROLLER_IMAGES=auto: the controller is compiled here: image " in said
    refused = checkout.doit("_published_images", env={**env, "CONTROLLER_IMAGES": "registry"})
    assert refused.returncode == 1
    assert f"image {published}/deviceinfo:1.1.0: not in the registry" in refused.stdout

    hardware = parameters.current().controller_hardware
    for part in (*controller.deployed("manager", hardware), *controller.deployed("daemon", hardware)):
        images.push(image, f"{published}/{part.image}:1.1.0")
        images.remove(f"{published}/{part.image}:1.1.0")
    before = len(trusted.log)
    said = _done(checkout, "controller_image", env={**env, "CONTROLLER_IMAGES": "registry"})
    assert "image:base" not in said
    assert "compiled here" not in _done(checkout, "controller_image", env=env)
    assert not _CHANGES.search(trusted.log[before:])


def test_docker_login_alone_leads_to_a_private_project_and_the_nodes_are_spoken_of(
    trusted: Harbor, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = credentials.current()
    assert login is not None
    for name in credentials.NAMES:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    reference = site.reference(image)
    client.forget()
    with pytest.raises(Problem, match=r"push failed"):
        site.registry().push(image, reference)
    settings = {"auths": {trusted.host: {"auth": login.basic}}}
    (tmp_path / "docker/config.json").write_text(json.dumps(settings), encoding="utf-8")
    client.forget()
    site.registry().push(image, reference)
    assert site.registry().holds(reference)
    site.registry().require([reference])
    images.remove(reference)
    told = [line for line in trusted.said if "with your docker login, which the nodes do not get" in line]
    assert len(told) == 1
    for name in credentials.NAMES:
        monkeypatch.setenv(name, {credentials.USER: login.user}.get(name, login.password))
    site.holds_no_secret(trusted)
