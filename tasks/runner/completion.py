"""The command `doit tabcompletion`: a script that completes `./doit` and `doit` in bash or zsh.

The script calls `doit list` at each completion, so that it knows the tasks of the current checkout.
"""

from __future__ import annotations

import sys
from typing import Any

from tasks.runner.commands import Command

_SHELL = {
    "name": "shell",
    "short": "s",
    "long": "shell",
    "type": str,
    "choices": (("bash", ""), ("zsh", "")),
    "default": "bash",
    "help": "shell that reads the script",
}

# Only the command is read from COMP_WORDS, because bash splits words at colons.
_BASH = """\
# Completes ./doit and doit: source this in bash, or append it to ~/.bashrc.
_openkasugai_doit() {
    local typed word kept tasks command=${COMP_WORDS[0]}
    typed=${COMP_LINE:0:COMP_POINT}
    word=${typed##*[[:space:]]}
    command=${command/#\\~/$HOME}
    command=${command//\\\\/}
    tasks=$("$command" list --all --quiet 2>/dev/null </dev/null)
    COMPREPLY=($(compgen -W "@COMMANDS@ $tasks" -- "$word"))
    # For bash, the text before a colon is a word of its own, which it keeps.
    if [[ $COMP_WORDBREAKS == *:* && $word == *:* ]]; then
        kept=${word%"${word##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    fi
}
complete -o default -F _openkasugai_doit doit
"""

_ZSH = """\
#compdef doit
# Completes ./doit and doit: source this in zsh after compinit, or append it to ~/.zshrc.
_openkasugai_doit() {
    local -a tasks
    tasks=(${=${(f)"$(${(Q)~words[1]} list --all --quiet 2>/dev/null </dev/null)"}})
    compadd -- @COMMANDS@ $tasks || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _openkasugai_doit doit
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH}


class TabCompletion(Command):
    """Prints the script."""

    doc_purpose = "print a script that completes tasks (bash, --shell zsh)"
    doc_usage = "[--shell bash|zsh]"
    doc_description = None
    cmd_options = (_SHELL,)

    def execute(self, opt_values: Any, pos_args: list[str]) -> int:  # noqa: ARG002 - doit's signature
        """Print the script; no task is loaded.

        Args:
            opt_values: Options by name.
            pos_args: Further words, which are ignored.

        Returns:
            The exit code.
        """
        sys.stdout.write(_SCRIPTS[opt_values["shell"]].replace("@COMMANDS@", " ".join(sorted(self._others))))
        return 0
