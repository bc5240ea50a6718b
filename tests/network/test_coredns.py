"""CoreDNS, compiled with the plugins that kubeadm configures."""

from __future__ import annotations

import re

from tasks.engines.go import modules
from tasks.engines.programs import shell
from tasks.settings import artifacts, parameters

# Where kubeadm has the Corefile of a new cluster.
MANIFESTS = "cmd/kubeadm/app/phases/addons/dns/manifests.go"


def directives() -> set[str]:
    """Return the plugins in kubeadm's Corefile: what stands first in the lines of its server block."""
    source = modules.module_folder(artifacts.KUBERNETES, artifacts.KUBERNETES.module, parameters.current())
    text = (source / MANIFESTS).read_text(encoding="utf-8")
    (block,) = re.findall(r"^    \.:53 \{\n(.*?)^    \}", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^ {8}([a-z]+)", block, re.MULTILINE))


def test_it_has_the_plugins_of_kubeadms_corefile_and_tells_its_version() -> None:
    chosen = parameters.current()
    program = modules.program(artifacts.COREDNS, "coredns", chosen)
    listed = set(re.findall(r"^  dns\.(\w+)", shell.run([program, "-plugins"]).stdout, re.MULTILINE))
    assert {"kubernetes", "forward", "loop"} <= directives() <= listed
    assert f"CoreDNS-{chosen.coredns_version.removeprefix('v')}" in shell.run([program, "-version"]).stdout
