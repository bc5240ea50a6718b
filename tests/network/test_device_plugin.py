"""The device plugin of the stand-in cards: its own tests, with a kubelet's registration service on a Unix socket."""

from __future__ import annotations

import re

from tasks.engines.go import command
from tasks.settings import artifacts, parameters, paths


def test_it_passes_its_own_tests() -> None:
    folder = paths.ROOT / artifacts.STAND_IN_DEVICE_PLUGIN.folder
    source = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*_test.go"))
    written = set(re.findall(r"^func (Test\w+)", source, re.MULTILINE))
    said = command.run(folder, parameters.current(), "test", "-count=1", "-v", ".")
    assert "TestItRegistersAgainWhenTheKubeletStartsAgain" in written
    assert set(re.findall(r"^--- PASS: (\w+)", said, re.MULTILINE)) == written
