"""tasks.target.attaching: whether this checkout uses the cluster that the parameters name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.kube import attachment
from tasks.engines.kube.attachment import Attachment
from tasks.problems import Problem
from tasks.settings import parameters
from tasks.target import attaching

if TYPE_CHECKING:
    from collections.abc import Callable

UID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.usefixtures("checkout")
def test_another_cluster_than_the_recorded_one_is_refused(choose: Callable[..., None]) -> None:
    given = {"TARGET": "existing", "TARGET_KUBECONFIG": "/nowhere", "TARGET_CONTEXT": "elsewhere", "TARGET_UID": UID}
    choose(**given, REGISTRY="harbor")
    with pytest.raises(Problem, match="elsewhere: not attached"):
        attaching.require()
    name = parameters.current().cluster_name
    attachment.save(name, Attachment("elsewhere", "https://10.0.0.1:6443", UID, "owner"))
    attaching.require()
    attachment.save(name, Attachment("another", "https://10.0.0.1:6443", UID, "owner"))
    with pytest.raises(Problem, match="TARGET_CONTEXT: elsewhere, but attached is another"):
        attaching.require()
