"""Folders of work/functions by the real graph: built on a real engine, pushed to a real registry, only when changed."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import client, images
from tasks.registry import certificates
from tasks.settings import parameters
from tasks.settings import registry as table
from tests.conftest import ROOT
from tests.docker import harbor as site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Checkout
    from tests.docker.harbor import Harbor

EXAMPLES = ROOT / "tests/cluster/functions"
BOTH = ("function_image:square-py", "function_image:square-go")
_PUSHED = re.compile(r'"PUT /v2/images/([\w-]+)/manifests/')
_LINE = re.compile(r"^(\S+/images/[\w-]+:[0-9a-f]{12}): from work/functions/([\w-]+)$", re.MULTILINE)


class Functions:
    """A checkout with functions of its own, and the registry that it pushes to."""

    def __init__(self, harbor: Harbor, checkout: Checkout) -> None:
        self.harbor, self.checkout = harbor, checkout
        self.folder = checkout.root / "work/functions"

    def doit(self, *words: str, code: int = 0) -> str:
        current = parameters.current()
        env = {
            "REGISTRY": "harbor",
            "DCI_REGISTRY_ADDR_ALT": current.dci_registry_addr_alt,
            "DCI_REGISTRY_CERT_URL": current.dci_registry_cert_url,
        }
        done = self.checkout.doit(*words, env=env, timeout=600)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        return said

    def write(self, name: str, dockerfile: str) -> Path:
        (self.folder / name).mkdir(parents=True)
        (self.folder / name / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        return self.folder / name

    def pushed(self, before: int) -> list[str]:
        return sorted(set(_PUSHED.findall(self.harbor.log[before:])))


@pytest.fixture
def functions(harbor: Harbor, checkout: Checkout) -> Iterator[Functions]:
    """The checkout with the examples of the cluster tier; Docker trusts the registry for this test."""
    certificates.fetch()
    certificates.trust()
    made = Functions(harbor, checkout)
    shutil.copytree(EXAMPLES, made.folder)
    yield made
    # The checkout of the test has a file of its own there.
    shutil.rmtree(table.DOCKER_TRUST / harbor.host)


def test_both_examples_are_built_and_pushed_and_only_what_changed_is_built_again(functions: Functions) -> None:
    said = {name: reference for reference, name in _LINE.findall(functions.doit(*BOTH))}
    assert set(said) == {"square-py", "square-go"}
    assert all(site.registry().holds(reference) for reference in said.values())
    assert _runs(said["square-py"], "python3", "-c", "import json, socketserver; exec(open('/square.py').read(), {})")
    assert not _runs(said["square-go"], "python3", "--version")
    assert not [tag for tag in images.tags() if tag.startswith("golang")]

    before = len(functions.harbor.log)
    (functions.folder / "square-py/.git").mkdir()
    (functions.folder / "square-py/.git/HEAD").touch()
    assert "Nothing to do" in functions.doit(*BOTH)
    assert functions.pushed(before) == []

    with (functions.folder / "square-py/square.py").open("a", encoding="utf-8") as file:
        file.write("# another\n")
    ((reference, name),) = _LINE.findall(functions.doit(*BOTH))
    assert (name, functions.pushed(before)) == ("square-py", ["square-py"])
    assert reference != said["square-py"]
    assert site.registry().holds(said["square-py"])


def _runs(image: str, *command: str) -> bool:
    """Return whether a command succeeds in a container of an image, without a network."""
    from docker.errors import APIError, ContainerError

    try:
        client.client().containers.run(image, list(command), remove=True, network_disabled=True)
    except (APIError, ContainerError):
        return False
    return True


def test_a_base_that_cannot_be_pulled_is_named_and_nothing_is_built(functions: Functions) -> None:
    absent = f"{functions.harbor.host}/images/absent:1"
    functions.write("far", f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}} AS one\nRUN true\nFROM {absent} AS two\n")
    said = functions.doit("function_image:far", code=1)
    assert f"work/functions/far/Dockerfile:4: FROM {absent} AS two: cannot be pulled: " in said
    assert not [tag for tag in images.tags() if tag.startswith("far:")]


def test_a_compile_error_is_the_line_of_the_file_that_is_edited(functions: Functions) -> None:
    source = functions.folder / "square-go/main.go"
    source.write_text(source.read_text(encoding="utf-8") + "\nfunc broken() int { return missing }\n", encoding="utf-8")
    line = source.read_text(encoding="utf-8").count("\n")
    said = functions.doit("function_image:square-go", code=1)
    assert f"work/functions/square-go/main.go:{line}:28: undefined: missing" in said
