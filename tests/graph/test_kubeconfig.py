"""`./doit doctor` when kind cannot write the user's kubeconfig."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Checkout


def test_doctor_names_it_with_its_cure(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    done = checkout.doit("doctor", env={"KUBECONFIG": str(tmp_path / "config")})
    folder = re.escape(str(tmp_path / "config"))
    assert re.search(rf"^FAILED +kubeconfig +{folder}: is a folder; needed: ", done.stdout, re.MULTILINE)
    assert f"cure: rmdir {tmp_path / 'config'}, if it is empty" in done.stdout
