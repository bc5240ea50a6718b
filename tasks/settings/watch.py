"""What `./doit watch` looks at: the sources of what runs here, and the names that are never one."""

from __future__ import annotations

from tasks.settings import leftovers

# Files and folders of the checkout; a folder counts with all that is in it.
SOURCES = (".env", "env", "kind", "manifest", "src", "work/patterns", "work/functions")
# Folders whose folders are patterns.
PATTERNS = ("manifest/patterns", "work/patterns")
# The parameter that may name a folder with the source of the controller.
CONTROLLER = "CONTROLLER"
# Names of files and folders that are no source, also what programs generate.
IGNORED = (*leftovers.NAMES, "build", "node_modules", "*.tmp", "*.part*")
