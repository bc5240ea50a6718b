"""Names of files and folders that lie beside sources without being one, as patterns of a shell."""

from __future__ import annotations

_VERSION_CONTROL = (".git", ".hg", ".svn")
_EDITORS = (
    *(".idea", ".vscode", "*~", ".*.sw?", "*.sw[op]", "4913", ".#*", "#*#", "*.kate-swp", "___jb_*___"),
    *(".DS_Store", "._*"),
)
_PYTHON = ("__pycache__", "*.pyc", ".*_cache")
NAMES = (*_VERSION_CONTROL, *_EDITORS, *_PYTHON)
