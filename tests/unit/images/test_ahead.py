"""tasks.images.ahead: programs that are made before the images that take them, and only for those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import modules as go_modules
from tasks.images import ahead, node_images
from tasks.lack import SETTLED
from tasks.settings import artifacts, parameters
from tests.unit.images.node_chain import LAST, tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.conftest import Proxy
    from tests.unit.engine import Image

CNI = artifacts.CNI_PLUGINS
SRIOV_CNI = artifacts.SRIOV_CNI


@pytest.mark.usefixtures("chain", "docker")
def test_programs_are_made_once_for_the_images_that_are_not_as_wanted(choose: Callable[..., None]) -> None:
    choose(KUBERNETES_FROM="modules")
    assert ahead.lack(CNI.name).reasons == (f"for image {LAST.name}",)
    ahead.fetch(CNI.name)
    assert not go_modules.is_built(CNI, parameters.current())
    ahead.make(CNI.name)
    assert go_modules.is_built(CNI, parameters.current())
    assert ahead.lack(CNI.name) == SETTLED


@pytest.mark.usefixtures("docker")
def test_programs_of_an_image_that_is_as_wanted_are_not_made_again(chain: dict[str, Image]) -> None:
    node_images.build(LAST.name)
    assert chain[tag(LAST.name)]
    current = parameters.current()
    assert go_modules.is_built(CNI, current)
    for left in (current.cache_dir / "go" / "out").glob(f"{CNI.name}-*"):
        if left.is_dir():
            left.rename(left.with_name("elsewhere"))
    assert not go_modules.is_built(CNI, current)
    assert ahead.lack(CNI.name) == SETTLED


@pytest.mark.usefixtures("chain", "docker")
def test_programs_that_are_not_to_be_had_are_not_waited_for(proxy: Proxy) -> None:
    proxy[SRIOV_CNI.name] = "403 Forbidden"
    assert ahead.lack(SRIOV_CNI.name) == SETTLED


@pytest.mark.usefixtures("docker")
def test_the_proxy_is_asked_again_for_programs_that_it_did_not_have(chain: dict[str, Image], proxy: Proxy) -> None:
    proxy[SRIOV_CNI.name] = "403 Forbidden"
    node_images.build(LAST.name)
    assert chain[tag(LAST.name)]
    proxy[SRIOV_CNI.name] = None
    assert ahead.lack(SRIOV_CNI.name).reasons == (f"for image {LAST.name}",)
