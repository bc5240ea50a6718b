"""tasks.addons.choice: upstream's release, a stand-in, or a substitute for what the module proxy refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.addons import choice, installation
from tasks.images import addon_images
from tasks.settings import addons
from tests.unit.conftest import Proxy, lab

if TYPE_CHECKING:
    from collections.abc import Callable

IPAM, PLUGIN = addons.addon("nvidia-k8s-ipam"), addons.addon("sriov-device-plugin")
REFUSED = "example.com/ipam@v1.0.0: 403 Forbidden: not on the list"


def test_upstreams_release_runs_where_the_proxy_has_it() -> None:
    found = choice.settled(IPAM, lab())
    assert (found.manifests.release, found.refused, found.is_left_out) == (IPAM.release, "", False)
    assert found.notice() == ""


def test_a_substitute_runs_where_the_proxy_refuses_it_and_that_is_said(proxy: Proxy) -> None:
    proxy[IPAM.name] = REFUSED
    for found in (choice.settled(IPAM, lab()), choice.known(IPAM, lab())):
        assert found is not None
        assert found.manifests.release == IPAM.substitute
        assert not found.is_left_out
        assert found.notice() == f"whereabouts v0.9.0 stands in for it: {REFUSED}"


def test_published_images_have_no_substitute(proxy: Proxy) -> None:
    proxy[IPAM.name] = REFUSED
    found = choice.settled(IPAM, lab(ADDON_IMAGES="registry"))
    assert (found.manifests.release, found.refused, found.is_left_out) == (IPAM.release, REFUSED, True)


def test_if_the_proxy_refuses_both_the_first_refusal_counts(proxy: Proxy) -> None:
    proxy[IPAM.name] = REFUSED
    proxy["whereabouts"] = "example.com/other@v1.0.0: 403 Forbidden"
    found = choice.settled(IPAM, lab())
    assert (found.refused, found.is_left_out) == (REFUSED, True)


def test_nothing_is_known_before_the_proxy_was_asked(proxy: Proxy) -> None:
    proxy[IPAM.name] = None
    assert choice.known(IPAM, lab()) is None
    assert choice.known(PLUGIN, lab(EMULATE="sriov")) is not None


@pytest.mark.parametrize("profile", ["lab", "physical"])
def test_stand_in_cards_have_a_plugin_of_their_own_that_is_always_compiled(profile: str) -> None:
    chosen = lab(PROFILE=profile, EMULATE="sriov", SRIOV_NUM_VFS="4")
    found = choice.settled(PLUGIN, chosen)
    assert found.manifests.release == PLUGIN.emulated
    assert addon_images.compiled(found.manifests.release, chosen) == found.manifests.release.built
    assert found.notice() == "stand-ins, 4 on each worker with a stand-in card (EMULATE=sriov)"


def test_real_cards_have_upstreams_plugin() -> None:
    found = choice.settled(PLUGIN, lab(EMULATE="gpu", CONTROLLER_HARDWARE="gpu"))
    assert found.manifests.release == PLUGIN.release
    assert addon_images.compiled(found.manifests.release, lab()) is None
    assert found.notice() == ""


def test_the_image_of_what_runs_is_made(proxy: Proxy, choose: Callable[..., None]) -> None:
    choose()
    proxy[IPAM.name] = None
    assert installation.lack_of_image(IPAM.name).reasons == (
        "nvidia-k8s-ipam: the module proxy has not been asked for it recently",
    )
    choose(ADDON_IMAGES="registry", EMULATE="sriov")
    assert not installation.lack_of_image(IPAM.name)
