"""The command `doit kubectl`: the kubectl that the tool has, with the access of this checkout's cluster."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from doit import doit_cmd as front

from tasks import progress
from tasks.engines.kube import access, kubectl
from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.runner import ownership, words
from tasks.runner.commands import Command
from tasks.runner.screen import Lines
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

# Set by ./doit, which changes to the checkout: relative names of files mean those of the folder of its caller.
_CALLED_IN = "OPENKASUGAI_CALLED_IN"
_OTHER_ACCESS = "--kubeconfig"
_END_OF_OPTIONS = "--"
_HELP = (["--help"], ["-h"])
_USAGE = """\
Usage: ./doit [NAME=value ...] kubectl [--] ARGUMENT ...

Runs kubectl, as ./doit kubectl get pods -A, with the access of this
checkout's cluster. All words after kubectl are kubectl's. Nobody needs a
kubectl on PATH: the tool has one, or gets it at the first call.

  ./doit kubectl --help      print this
  ./doit kubectl -- --help   print the help of kubectl

Exit codes: those of kubectl, and 3 if it was not started.
"""


class Kubectl(Command):
    """Becomes kubectl."""

    name = "kubectl"
    doc_purpose = "run kubectl on the cluster (./doit kubectl get pods -A)"

    def help(self) -> str:
        """Return the usage; there are no options of doit's."""
        return _USAGE.rstrip()

    def parse_execute(self, in_args: list[str]) -> int:
        """Become kubectl; return only if it cannot be started, or under sudo.

        Args:
            in_args: Words after `kubectl`, which are kubectl's.

        Returns:
            The exit code.
        """
        if in_args in _HELP:
            sys.stdout.write(_USAGE)
            return 0
        ends = progress.listen(Lines(sys.stderr))
        try:
            words.take(front._CMDLINE_VARS or {})  # noqa: SLF001 - as in Command
            return _become(in_args[1:] if in_args[:1] == [_END_OF_OPTIONS] else in_args)
        except Problem as problem:
            sys.stderr.write(f"{problem}\n")
            return self.refused
        finally:
            ends()


def _become(arguments: Sequence[str]) -> int:
    chosen = parameters.current()
    env = {} if _names_other_access(arguments) else {"KUBECONFIG": str(access.kubeconfig(chosen.cluster_name))}
    command: list[str | Path] = [kubectl.ensure(chosen), *arguments]
    folder = Path(os.environ.get(_CALLED_IN) or Path.cwd())
    if ownership.user() is None:
        shell.replace_this_process(command, cwd=folder, env=env)
    # This process has to give the user what root has fetched.
    return shell.run_attached(command, cwd=folder, env=env)


def _names_other_access(arguments: Sequence[str]) -> bool:
    return any(word.partition("=")[0] == _OTHER_ACCESS for word in arguments)
