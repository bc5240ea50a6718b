"""The tags of a module's git repository, for versions that Go does not know by their tag."""

from __future__ import annotations

from tasks.engines.programs import shell
from tasks.problems import Problem

# What git appends to an annotated tag to name the commit it points at (gitrevisions(7)).
_PEELED = "^{}"
_PREFIX = "refs/tags/"
# Without it, git would ask for a name and a password.
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0"}


def read(repository: str, *, timeout: float | None = None) -> dict[str, str]:
    """Return the commit of each tag of a repository, by the tag's name.

    Args:
        repository: Its address.
        timeout: Seconds after which git is stopped.

    Raises:
        Problem: There is no git, or the repository does not answer.
    """
    command = shell.Command(["git", "ls-remote", "--tags", repository], _ENVIRONMENT)
    done = command.run(check=False, timeout=timeout)
    if done.returncode != 0:
        reason = (done.stderr.strip() or "no answer").splitlines()[0]
        raise Problem(f"{repository}: {reason}", hint=f"git ls-remote --tags {repository}")
    commits: dict[str, str] = {}
    # git lists what a tag points at behind the tag itself.
    for line in done.stdout.splitlines():
        commit, _, name = line.partition("\t")
        commits[name.removeprefix(_PREFIX).removesuffix(_PEELED)] = commit
    return commits
