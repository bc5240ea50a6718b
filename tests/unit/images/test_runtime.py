"""tasks.images.runtime: what NODE_RUNTIME=auto means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.images import choices
from tasks.images import runtime as images_runtime
from tasks.lack import Lack
from tasks.settings import artifacts, parameters
from tests.unit.conftest import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.conftest import Lines, Proxy


pytestmark = pytest.mark.usefixtures("mirror")


@pytest.mark.parametrize(
    ("changes", "runtime"),
    [
        ({}, "containerd"),
        ({"CRIO_FROM": "packages"}, "crio"),
        ({"NODE_RUNTIME": "crio"}, "crio"),
        ({"NODE_RUNTIME": "containerd"}, "containerd"),
    ],
    ids=["auto", "from packages", "crio", "containerd"],
)
def test_auto_means_containerd_where_the_source_of_crio_is_refused(
    choose: Callable[..., None], changes: dict[str, str], runtime: str
) -> None:
    choose(**changes)
    assert not choices.lack_of_runtime()
    assert images_runtime.chosen(parameters.current()) == runtime


@pytest.mark.parametrize(("asked", "runtime"), [("auto", "crio"), ("containerd", "containerd")])
def test_auto_means_crio_where_its_source_can_be_had(
    choose: Callable[..., None], proxy: Proxy, asked: str, runtime: str
) -> None:
    choose(NODE_RUNTIME=asked)
    proxy[artifacts.CRIO.name] = ""
    assert not choices.lack_of_runtime()
    assert images_runtime.chosen(parameters.current()) == runtime


def test_only_the_choice_asks_the_proxy(choose: Callable[..., None], proxy: Proxy) -> None:
    choose()
    proxy[artifacts.CRIO.name] = None
    assert choices.lack_of_runtime() == Lack(("NODE_RUNTIME=auto: the module proxy is asked for CRI-O",))
    assert images_runtime.chosen(parameters.current()) == "crio"
    assert proxy.asked == []
    images_runtime.choose(parameters.current())
    assert proxy.asked == [artifacts.CRIO.name]


def test_the_proxys_words_are_one_line(choose: Callable[..., None], said: Lines) -> None:
    choose()
    assert choices.choose_runtime() == {"task_dep": ["image:kind-ubuntu-node-containerd"]}
    assert said.kept == [f"NODE_RUNTIME=auto: the nodes run containerd, because CRI-O is not available: {REFUSED}"]


def test_nothing_is_said_where_crio_is_chosen(choose: Callable[..., None], proxy: Proxy, said: Lines) -> None:
    choose()
    proxy[artifacts.CRIO.name] = ""
    assert choices.choose_runtime() == {"task_dep": ["image:kind-ubuntu-node-crio"]}
    assert said.kept == []
