"""A run that is killed anywhere and started again converges."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import images as docker_images
from tasks.settings import images
from tests.cluster.lab import ANSWERS, BASIC, DELETE, Kill, answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

SCENARIO = f"scenario:{BASIC.partition(':')[2]}"
SEED = 20241122
RANDOM_KILLS = 6
LONGEST_SECONDS = 30.0
IMAGE = "kind-ubuntu-node"
IMG_TAG = "tier-killed"

# doit runs them in any order; only the longest of them outlasts the first kill.
NODE_STEPS = ("node:", "addon:bridge-cni")
# In the order of the graph: each run gets past the place where the one before it was killed.
PLACES = (
    Kill("_kind", 1, group=False),
    Kill("_kind", 6, group=True),
    Kill("_kind", 14, group=False),
    Kill(NODE_STEPS, 0.2, group=True),
    Kill(NODE_STEPS, 0.2, group=False),
    Kill("controller:definitions", 0.1, group=True),
    Kill("controller:managers", 1, group=False),
    Kill("controller:daemons", 2, group=True),
    Kill(SCENARIO, 0.1, group=False),
    Kill(BASIC, 0.2, group=True),
)
# The pods that a killed run left may be Ready by now, so this run begins without them.
WHILE_PODS_START = Kill(BASIC, 3, group=False)


def test_killed_while_it_is_deleted_and_in_every_stage_it_still_gets_to_the_answer(verified: Lab) -> None:
    verified.kill_when(lambda: len(verified.node_ids()) < len(verified.node_names), "delete_cluster")
    for place in PLACES:
        verified.kill(place, BASIC)
    verified.run(DELETE)
    verified.kill(WHILE_PODS_START, BASIC)
    assert answers(verified.run(BASIC)) == ANSWERS


def test_killed_at_any_moment_it_still_gets_to_the_answer(lab: Lab) -> None:
    moments = random.Random(SEED)  # noqa: S311 - moments, not secrets
    lab.run("delete_cluster")
    for number in range(RANDOM_KILLS):
        # The earlier a run, the later it is killed: later runs have less left to do.
        longest = LONGEST_SECONDS * (RANDOM_KILLS - number) / RANDOM_KILLS
        moment = Kill("", moments.uniform(0, longest), group=bool(number % 2))
        # How far earlier runs got depends on the machine: if this run ends before its kill, it starts over.
        if not lab.killed_or_done(moment, BASIC):
            lab.run("delete_cluster")
            lab.kill(moment, BASIC)
    assert answers(lab.run(BASIC)) == ANSWERS


@pytest.fixture
def changed_image(lab: Lab) -> Iterator[str]:
    """The name of an image that must be built, with all images on top of it, under tags of their own."""
    dockerfile = lab.checkout.root / "kind" / IMAGE / "Dockerfile"
    before = dockerfile.read_text()
    dockerfile.write_text(f"{before}RUN : {time.time_ns()} && sleep 1\n")
    yield IMAGE
    dockerfile.write_text(before)
    for image in reversed(images.NODE_IMAGES):
        docker_images.remove(f"{image.name}:{IMG_TAG}")


def test_an_image_build_that_was_killed_is_done_again(lab: Lab, changed_image: str) -> None:
    for group in (True, False):
        lab.kill(Kill(f"image:{changed_image}", 0.5, group=group), "images", IMG_TAG=IMG_TAG)
    lab.run("images", IMG_TAG=IMG_TAG)
    assert lab.run("images", IMG_TAG=IMG_TAG).startswith("Nothing to do: ")
