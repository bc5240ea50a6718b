"""tasks.settings.target_rights: a role holds what the parameters ask for, and no more."""

from __future__ import annotations

import pytest

from tasks.settings import sriov, target_rights
from tasks.target import rights
from tests.unit.conftest import lab
from tests.unit.target.somewhere import parameters_of


@pytest.mark.parametrize(("value", "is_needed"), [("none", False), ("given", False), ("policy", True)])
def test_rights_on_policies_are_asked_for_only_where_policies_are_made(value: str, is_needed: bool) -> None:
    rules = target_rights.rules(rights.needed(lab(**parameters_of(SRIOV=value, ADDONS=""))))
    of_operator = [rule for rule in rules if rule["apiGroups"] == [sriov.GROUP]]
    assert bool(of_operator) is is_needed
    verbs = {resource: {*rule["verbs"]} for rule in of_operator for resource in rule["resources"]}
    if is_needed:
        assert verbs == {
            sriov.POLICIES: {"get", "list", "create", "patch", "delete"},
            sriov.STATES: {"get", "list"},
        }
