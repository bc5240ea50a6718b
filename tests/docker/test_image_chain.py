"""The chain of node images on a real engine, with images small enough to build in a second."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import client, containers
from tasks.engines.docker import images as docker_images
from tasks.images import base, node_images
from tasks.problems import Problem

if TYPE_CHECKING:
    from tests.docker.chain import Chain


def current(chain: Chain) -> list[bool]:
    return [not node_images.lack(image.name) for image in chain.images]


def test_what_was_built_is_current_and_is_not_built_again(chain: Chain) -> None:
    before = chain.ids()
    assert not base.lack()
    assert current(chain) == [True, True]
    chain.build_all()
    assert chain.ids() == before


def test_a_changed_file_rebuilds_the_image_and_its_descendants_only(chain: Chain) -> None:
    base, (lower, upper) = docker_images.require(chain.base).id, chain.ids()
    (chain.kind / chain.upper.name / "file").write_text("2", encoding="utf-8")
    assert current(chain) == [True, False]
    chain.build_all()
    assert chain.ids()[0] == lower
    assert chain.ids()[1] != upper

    (chain.kind / chain.lower.name / "file").write_text("2", encoding="utf-8")
    upper = chain.ids()[1]
    chain.build_all()
    assert docker_images.require(chain.base).id == base
    assert chain.ids()[0] != lower
    assert chain.ids()[1] != upper


def test_a_text_for_people_rebuilds_nothing(chain: Chain) -> None:
    (chain.kind / chain.lower.name / "README.md").write_text("words", encoding="utf-8")
    assert current(chain) == [True, True]


def test_an_image_holds_what_everybody_can_read_whatever_the_umask_is(chain: Chain) -> None:
    (chain.kind / chain.lower.name / "file").chmod(0o600)
    earlier = os.umask(0o077)
    try:
        node_images.build(chain.lower.name)
    finally:
        os.umask(earlier)
    api = client.client().api
    made = api.create_container(chain.tags()[0], ["/none"])["Id"]
    _, stat = api.get_archive(made, f"/{chain.lower.name}")
    containers.remove(made)
    assert stat["mode"] & 0o777 == 0o644
    assert not node_images.lack(chain.lower.name)


def test_an_image_removed_by_hand_is_put_back(chain: Chain) -> None:
    docker_images.remove(chain.tags()[1])
    assert current(chain) == [True, False]
    chain.build_all()
    assert current(chain) == [True, True]


def test_an_image_retagged_by_hand_is_noticed(chain: Chain) -> None:
    lower, upper = chain.tags()
    repository, _, tag = upper.rpartition(":")
    client.client().api.tag(lower, repository, tag)
    assert current(chain) == [True, False]
    chain.build_all()
    assert current(chain) == [True, True]


def test_a_base_replaced_by_hand_is_noticed(chain: Chain) -> None:
    repository, _, tag = chain.base.rpartition(":")
    client.client().api.tag(chain.tags()[0], repository, tag)
    assert base.lack()
    chain.build_all()
    assert not base.lack()
    assert current(chain) == [True, True]


def test_a_failed_step_is_one_line_with_its_output(chain: Chain) -> None:
    dockerfile = chain.kind / chain.upper.name / "Dockerfile"
    dockerfile.write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY missing /\n", encoding="utf-8")
    with pytest.raises(Problem, match="the build failed") as caught:
        node_images.build(chain.upper.name)
    assert "missing" in caught.value.details
