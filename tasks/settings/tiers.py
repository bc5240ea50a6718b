"""The tiers of tests, in the order they run: what is quick and needs little comes first."""

from __future__ import annotations

# Folder under tests/ and pytest marker of each, with the seconds that one of its tests may take.
TIERS = {
    "static": 600,
    "unit": 60,
    "graph": 120,
    "docker": 1800,
    "network": 600,
    "sriov": 1200,
    "cluster": 5400,
}
