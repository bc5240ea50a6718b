"""The whole tree is linted, formatted and typed, and calls only go down the house."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent
LONGEST_FILE = 350
PACKAGES = sorted(str(file.parent.relative_to(ROOT)) for file in ROOT.glob("tasks/*/**/__init__.py"))


@pytest.mark.parametrize("words", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_tree_is_clean(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of pyproject.toml on the house in a folder."""
    argv = [str(BIN / "lint-imports"), "--no-cache"]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)


def test_calls_go_down_the_house() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_flat_but_the_runner_is_kept_from_doit() -> None:
    flats = {f"tasks.{file.parent.name}" for file in ROOT.glob("tasks/*/__init__.py")} - {"tasks.runner"}
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contract = text.partition('name = "Only graph.py speaks doit"')[2].partition("forbidden_modules")[0]
    assert set(re.findall(r'"(tasks\.\w+)"', contract)) == flats


@pytest.mark.parametrize(
    ("file", "wrong", "contract"),
    [
        ("tasks/nics/steps.py", "from tasks.cluster import creation", "Flats stand upon each other"),
        ("tasks/settings/gpu.py", "from tasks.engines.files import atomic", "Flats stand upon each other"),
        ("tasks/engines/files/atomic.py", "from tasks.engines.kube import api", "Engines stand upon each other"),
        ("tasks/images/runtime.py", "from doit.task import Task", "Only graph.py speaks doit"),
        ("tasks/gpu/lease.py", "from tasks.runner.declare import Do", "Only graph.py speaks doit"),
        ("tasks/nics/steps.py", "from tasks.nics import lending", "No circles"),
        ("tasks/new_flat/__init__.py", "", "Flats stand upon each other"),
    ],
)
def test_a_wrong_import_is_refused(tmp_path: Path, file: str, wrong: str, contract: str) -> None:
    shutil.copytree(ROOT / "tasks", tmp_path / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    module = tmp_path / file
    module.parent.mkdir(exist_ok=True)
    module.write_text(f"{module.read_text(encoding='utf-8') if module.exists() else ''}\n{wrong}\n", encoding="utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract} BROKEN" in done.stdout or contract in done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_maps_its_modules(package: str) -> None:
    shown = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text())) or ""
    modules = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
    assert modules <= set(re.findall(r"\w+", shown))


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    files = [file for top in ("tasks", "tests", "src") for file in (ROOT / top).rglob("*.py")]
    lengths = {file: file.read_text(encoding="utf-8").count("\n") for file in files}
    assert {file: lines for file, lines in lengths.items() if lines > LONGEST_FILE} == {}
    assert len(lengths) > len(PACKAGES)


def test_no_code_names_a_pattern() -> None:
    patterns = {folder.name for folder in (ROOT / "manifest" / "patterns").iterdir() if folder.is_dir()}
    named = {
        (str(file.relative_to(ROOT)), pattern)
        for file in (ROOT / "tasks").rglob("*.py")
        for text in strings(file)
        for pattern in patterns
        if re.search(rf"(?<![\w-]){pattern}(?![\w-])", text)
    }
    assert len(patterns) > 1
    assert named == set()


def strings(file: Path) -> list[str]:
    """Return the texts in a module but its docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    lone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in lone)
    return [node.value for node in constants if isinstance(node.value, str)]
