"""Paths of DeepStream in the archive's scenarios, which name an earlier version than its own Dockerfile installs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tasks.problems import Problem
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from pathlib import Path

_VERSION = re.compile(r"/deepstream:(\d+\.\d+)")
_PLUGINS = re.compile(r"^ENV GST_PLUGIN_PATH[= ](\S+)", re.MULTILINE)
_ARGUMENT = re.compile(r"^ARG (\w+)=(\S+)", re.MULTILINE)
_NAMED = re.compile(r"/deepstream-\d+\.\d+")
_NAMED_PLUGINS = re.compile(r'("GST_PLUGIN_PATH"\s*:\s*")[^"]*/deepstream-[^"]*(")')


def with_installed_paths(text: str) -> str:
    """Return a scenario's file with the paths that the image with DeepStream has.

    Args:
        text: YAML with JSON inside; it is returned unchanged if it names no DeepStream or the archive has no
            Dockerfile for the image.

    Raises:
        Problem: That Dockerfile does not name the paths.
    """
    file = paths.source() / controller.DEEPSTREAM_FOLDER / "Dockerfile"
    if not _NAMED.search(text) or not file.is_file():
        return text
    version, plugins = _installed(file)
    moved = _NAMED_PLUGINS.sub(lambda match: f"{match[1]}{plugins}{match[2]}", text)
    return _NAMED.sub(f"/deepstream-{version}", moved)


def _installed(file: Path) -> tuple[str, str]:
    """Return the version of DeepStream and the folder of the archive's plugins in its image."""
    said = file.read_text(encoding="utf-8")
    version, plugins = _VERSION.search(said), _PLUGINS.search(said)
    if not version or not plugins:
        shown = f"{controller.TOP}/{controller.DEEPSTREAM_FOLDER}/Dockerfile"
        raise Problem(f"{shown}: expected FROM .../deepstream:<version> and ENV GST_PLUGIN_PATH there")
    place = plugins[1]
    for name, value in _ARGUMENT.findall(said):
        place = place.replace(f"${{{name}}}", value)
    return version[1], place
