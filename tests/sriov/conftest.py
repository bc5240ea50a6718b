"""The virtual machines of this tier: they run all selected tests at once, and each test waits for its own result."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tests.sriov.image import ensure_qemu
from tests.sriov.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    Stages = tuple[str, ...]


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[Stages, Future[None]]]:
    """Start the scenarios of all selected tests, the longest first."""
    ensure_qemu()
    functions = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = [cast("Stages", item.callspec.params["stages"]) for item in functions if "outcomes" in item.fixturenames]
    pool = Pool(tmp_path_factory.mktemp("sriov"))
    try:
        yield {stages: pool.submit(stages) for stages in sorted(wanted, key=len, reverse=True)}
    finally:
        pool.close()
