"""Completion in zsh. The shell is unpacked from the distribution's packages, not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.programs import shell
from tests.graph.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Checkout


def zsh(folder: Path) -> tuple[Path, str]:
    """Return the shell, and the line that makes it find its own parts in `folder`."""
    (folder / "root").mkdir(parents=True)
    _download(folder)
    for package in folder.glob("*.deb"):
        shell.run(["dpkg-deb", "--extract", package, folder / "root"])
    program = next(path for name in ("bin", "usr/bin") if (path := folder / "root" / name / "zsh").exists())
    modules = next((folder / "root" / "usr/lib").glob("*/zsh/*"))
    functions = folder / "root" / "usr/share/zsh/functions"
    return program, f"module_path=('{modules}'); fpath=('{functions}' '{functions}'/**/*(/N))"


def _download(folder: Path) -> None:
    """Fetch the packages; if the machine's own package lists are outdated, use fresh ones in `folder`."""
    download = ["-o", "APT::Sandbox::User=root", "download", "zsh", "zsh-common"]
    if shell.Command(["apt-get", *download], cwd=folder).run(check=False).returncode == 0:
        return
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    own = ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    shell.run(["apt-get", *own, "update"])
    shell.Command(["apt-get", *own, *download], cwd=folder).run()


def test_zsh_completes_tasks_with_their_colons(checkout: Checkout, tmp_path: Path) -> None:
    program, finds_its_parts = zsh(tmp_path / "zsh")
    terminal = Terminal([program, "-f", "-d", "-i"], checkout.root)
    terminal.type(f"PS1='ready> '; unsetopt zle prompt_sp; {finds_its_parts}; autoload -Uz compinit; compinit -u -D\n")
    terminal.type("source <(./doit tabcompletion --shell zsh); setopt zle\n")
    terminal.type("print sour''ced\n")
    terminal.wait_for("\nsourced\n")
    terminal.type("PROFILE=lab ./doit list --quiet dataflow:calcapp-basic-m\t\n")
    terminal.wait_for("\ndataflow:calcapp-basic-multi-worker ")
    terminal.type("exit\n")
    terminal.to_the_end()
