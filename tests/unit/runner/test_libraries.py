"""tasks.runner.libraries: every library that a function imports is loaded before threads start."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

from tasks.settings import paths

PROGRAM = """
import json, sys, threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from tasks.runner import libraries
libraries.load()
names = json.loads(sys.argv[1])
absent = [name for name in names if name not in sys.modules]
barrier = threading.Barrier(len(names))
with ThreadPoolExecutor(len(names)) as pool:
    list(pool.map(lambda name: (barrier.wait(), import_module(name)), names))
print(json.dumps(absent))
"""


def imported_by_functions() -> set[str]:
    """Return the third-party modules that functions of this project import, except doit, which runs them."""
    found: set[str] = set()
    for path in (paths.ROOT / "tasks").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for node in (inner for function in functions for inner in ast.walk(function)):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
    return {name for name in found if name.partition(".")[0] not in {*sys.stdlib_module_names, "tasks", "doit"}}


def test_whatever_a_function_imports_is_loaded_before_threads_begin() -> None:
    names = sorted(imported_by_functions())
    assert "kubernetes" in names
    argv = [sys.executable, "-c", PROGRAM, json.dumps(names)]
    done = subprocess.run(argv, cwd=paths.ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
