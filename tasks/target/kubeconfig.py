"""The part of a kubeconfig that leads to one context, as a file that does not depend on where it is."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Files that a kubeconfig names, and the field that holds the same content.
_EMBEDDED = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}
# Files whose content changes: only their place is kept.
_KEPT = ("tokenFile",)


def minified(file: Path, context: str) -> dict[str, Any]:
    """Return a kubeconfig with one context, its cluster and its user; the current context never counts.

    Args:
        file: TARGET_KUBECONFIG.
        context: TARGET_CONTEXT.

    Raises:
        Problem: The file cannot be read, or does not hold the context, its cluster or its user.
    """
    content = _content(file)
    found = _named(content, "contexts", context, file)["context"]
    cluster = _named(content, "clusters", found.get("cluster", ""), file)
    user = _named(content, "users", found.get("user", ""), file)
    parts = {"clusters": {**cluster, "cluster": _portable(cluster["cluster"], file)}}
    parts["users"] = {**user, "user": _portable(user.get("user") or {}, file)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": found}],
        **{name: [part] for name, part in parts.items()},
    }


def server(config: Mapping[str, Any]) -> str:
    """Return the address of the API server of a minified kubeconfig."""
    return str(config["clusters"][0]["cluster"].get("server", ""))


def text(config: Mapping[str, Any]) -> str:
    """Return a kubeconfig as YAML."""
    import yaml

    return yaml.safe_dump(dict(config), sort_keys=True)


def _content(file: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"TARGET_KUBECONFIG: {file} is not there") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Problem(f"TARGET_KUBECONFIG: {file}: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise Problem(f"TARGET_KUBECONFIG: {file} is no kubeconfig")
    return content


def _named(content: Mapping[str, Any], part: str, name: str, file: Path) -> dict[str, Any]:
    entries = [entry for entry in content.get(part) or () if isinstance(entry, dict)]
    found = next((entry for entry in entries if entry.get("name") == name), None)
    if found is not None and isinstance(found.get(part.removesuffix("s")), dict):
        return found
    names = ", ".join(str(entry.get("name")) for entry in entries) or "none"
    blamed = "TARGET_CONTEXT" if part == "contexts" else "TARGET_KUBECONFIG"
    raise Problem(f"{blamed}: {file} has no {part.removesuffix('s')} {name!r}; it has {names}")


def _portable(entry: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return an entry with the content of the files that it names, or their absolute paths."""
    rules: dict[str, Callable[[str], tuple[str, str]]] = {
        **{name: lambda path, data=data: (data, _data(file.parent / path)) for name, data in _EMBEDDED.items()},  # type: ignore[misc]
        **{name: lambda path, name=name: (name, _place(file.parent / path)) for name in _KEPT},  # type: ignore[misc]
    }
    made = {name: value for name, value in entry.items() if name not in rules}
    made |= dict(rules[name](str(value)) for name, value in entry.items() if name in rules and value)
    program = made.get("exec")
    if isinstance(program, dict) and _is_relative_program(str(program.get("command", ""))):
        made["exec"] = {**program, "command": _place(file.parent / program["command"])}
    return made


def _is_relative_program(command: str) -> bool:
    """Return whether a command is a path below the kubeconfig's folder, not a name that is looked up in PATH."""
    return "/" in command and not Path(command).is_absolute()


def _place(path: Path) -> str:
    return str(path.resolve())


def _data(path: Path) -> str:
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise Problem(f"TARGET_KUBECONFIG: {path}: {error.strerror}") from error
