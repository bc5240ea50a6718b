"""tasks.images.function_images: a folder of work/functions is built in any case, and takes the place of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.archive import source as archive_source
from tasks.images import archive_images, choices, function_images, harbor_images, own_images
from tasks.problems import Problem
from tasks.settings import parameters
from tests.unit.images.test_harbor_images import ask, harbor, put  # noqa: F401 - harbor is a fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.images.conftest import Docker, Go
    from tests.unit.registry.conftest import Site

FUNCTION = {"Dockerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n"}
UNKNOWN = (
    "image sqare: neither a folder of work/functions nor an image of the controller's source; did you mean square?"
)


@pytest.fixture(autouse=True)
def _source(tree: Path, go: Go, docker: Docker, mirror: Callable[[str], None]) -> Iterator[None]:
    """The unpacked sample; its base comes from a mirror."""
    _forget()
    archive_source.prepare()
    yield
    _forget()


def _forget() -> None:
    own_images.forget()
    archive_images.inputs.cache_clear()
    harbor_images.forget()


@pytest.fixture(params=["auto", "registry", "source"])
def anywhere(harbor: Site, choose: Callable[..., None], request: pytest.FixtureRequest) -> Site:  # noqa: F811
    """The registry, with each value of FUNCTION_IMAGES."""
    ask(choose, harbor, request.param)
    return harbor


def test_an_own_function_is_built_wherever_images_come_from_and_takes_the_place_of_the_controllers(
    anywhere: Site, write: Callable[..., Path], said: Lines
) -> None:
    put(anywhere, "cpufunc_calcapp", "cpufunc_sidecar")
    for name, instead in (("cpufunc_calcapp", ", in place of the controller's own"), ("square", "")):
        write(name, FUNCTION)
        current = parameters.current()
        wanted = f"{anywhere.address}/images/{name}:{own_images.inputs(name, current)[:12]}"
        assert function_images.references([name], current) == {name: wanted}
        assert function_images.taken(name, current) == ""
        assert choices.choose_image_source(name) == {"task_dep": ["image:base"]}
        assert function_images.lack(name).reasons == (f"{wanted}: not in the registry",)
        function_images.build(name)
        assert said.kept[-1] == f"{wanted}: from work/functions/{name}{instead}"
        put(anywhere, name, tag=wanted.rpartition(":")[2])
        assert not function_images.lack(name)
    assert not function_images.is_in_source("cpufunc_calcapp")
    assert function_images.is_in_source("cpufunc_sidecar")


def test_all_others_are_the_controllers_as_before(harbor: Site, said: Lines) -> None:  # noqa: F811
    put(harbor, "cpufunc_sidecar")
    taken = f"{harbor.address}/images/cpufunc_sidecar:1.0.0"
    assert function_images.reference("cpufunc_sidecar", parameters.current()) == taken
    assert not function_images.lack("cpufunc_sidecar")
    function_images.build("cpufunc_sidecar")
    assert said.kept == [f"{taken}: taken as it is"]


def test_what_nothing_has_is_said(write: Callable[..., Path]) -> None:
    write("square", FUNCTION)
    write("Bad", FUNCTION)
    current = parameters.current()
    assert function_images.obstacles("square", current) == ()
    assert function_images.obstacles("sqare", current) == (UNKNOWN,)
    assert not function_images.is_in_source("sqare")
    assert function_images.obstacles("Bad", current)[0].startswith("work/functions/Bad: 'Bad' cannot be the name")
    with pytest.raises(Problem, match="did you mean square"):
        function_images.reference("sqare", current)
