"""tasks.dataflows.verification: VERIFY=no sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.dataflows import verification
from tasks.engines.kube import manifests
from tests.unit.dataflows.test_values import Chain

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.conftest import Lines
    from tests.unit.kube_api import KubeApi


@pytest.mark.usefixtures("checkout")
def test_verify_no_sends_nothing_and_says_how_to_do_so(
    kube_api: KubeApi, choose: Callable[..., None], said: Lines
) -> None:
    choose(VERIFY="no", INPUTS="2 3", CLUSTER_NAME="c")
    # It serves no exec: whoever sends something fails.
    kube_api.objects = {manifests.POD: Chain().pods}
    kube_api.lead_to("c")
    verification.verify("calcapp-basic")
    assert said.kept[0] == "df-calcapp is deployed; VERIFY=no: nothing is sent"
    assert "/calcapp 2 3" in said.kept[1]
