"""What `./doit watch` looks at: the sources of what runs here, and the names that are never one."""

from __future__ import annotations

# Files and folders of the checkout; a folder counts with all that is in it.
SOURCES = (".env", "env", "kind", "manifest", "src", "work/patterns", "work/functions")
# Folders whose folders are patterns.
PATTERNS = ("manifest/patterns", "work/patterns")
# The parameter that may name a folder with the source of the controller.
CONTROLLER = "CONTROLLER"
# Names of files and folders that are no source: of editors, of version control, and what programs generate.
IGNORED = (
    *(".git", ".hg", ".svn", "__pycache__", "*.pyc", ".*_cache", "build", "node_modules", ".idea", ".vscode"),
    *("*~", ".*.sw?", "*.sw[op]", "4913", ".#*", "#*#", "*.kate-swp", "___jb_*___", "*.tmp", "*.part*", ".DS_Store"),
)
