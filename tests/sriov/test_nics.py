"""Lending and giving back real SR-IOV devices: true sysfs, true namespaces, a true udev, in a virtual machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

# Scenarios of `tests.sriov.vm`, each of which ends as it began; the longest first, so that all machines end
# at about the same time.
SCENARIOS = (
    "any_step_of_lending_may_be_the_last_one",
    "any_step_of_giving_back_may_be_the_last_one",
    "user_reaches_root_through_sudo",
    "create_and_restore",
    "everything_a_card_had_comes_back",
    "virtual_functions_that_were_there_are_kept",
    "seven_functions_for_each_of_two_workers",
    "second_run_changes_nothing",
    "another_count",
    "busy_card_gets_another_count",
    "busy_card_is_asked_again",
    "only_what_the_expression_matches_is_lent",
    "card_that_something_else_moved_in_is_lent",
    "card_that_is_up_in_its_node_is_lent_again",
    "function_of_a_container_stays_its_own",
    "routes_of_every_kind_come_back",
    "route_that_cannot_come_back_lets_the_cluster_go",
    "route_that_could_not_come_back_is_refused",
    "node_dies_with_everything_inside",
    "restarted_node_gets_its_devices_again",
    "pod_dies_with_a_function_inside",
    "restore_while_a_pod_holds_a_function",
    "restore_while_pods_call_theirs_alike",
    "function_that_a_dead_pod_left_behind_comes_back",
    "held_function_forbids_another_count",
    "name_clash_on_return",
    "altname_clash_on_return",
    "altname_clash_when_a_node_dies",
    "names_that_were_swapped_come_back",
    "default_route_is_refused",
    "default_route_through_a_function_is_refused",
    "connection_from_outside_is_refused",
    "bond_member_is_refused",
    "bridge_member_is_refused",
    "card_under_a_vlan_is_refused",
    "too_many_functions_are_refused",
    "device_without_sriov_is_refused",
    "pattern_that_matches_others_is_refused",
    "one_card_for_two_workers_is_refused",
    "card_of_another_cluster_is_refused",
    "rule_keeps_network_managers_away",
    "rule_is_there_before_the_functions",
    "status_names_every_place",
    "way_back_by_hand",
    "user_without_sudo_is_refused",
    "run_that_is_stopped_waits_for_root",
    "everybody_reads_what_is_lent",
)


@pytest.mark.parametrize("stages", [(scenario,) for scenario in SCENARIOS], ids=SCENARIOS)
def test_scenario(outcomes: Mapping[tuple[str, ...], Future[None]], stages: tuple[str, ...]) -> None:
    outcomes[stages].result()


# The scenario before the power cut, and the one after it.
POWER_CUTS = (
    ("lend_until_the_ledger_is_written", "restore_after_the_power_cut"),
    ("lend_until_the_functions_are_made", "restore_after_the_power_cut"),
    ("lend_and_keep", "restore_after_the_power_cut"),
    ("lend_until_the_ledger_is_written", "lend_again_after_the_power_cut"),
    ("lend_and_keep", "lend_again_after_the_power_cut"),
)


@pytest.mark.parametrize("stages", POWER_CUTS, ids="-".join)
def test_power_cut(outcomes: Mapping[tuple[str, ...], Future[None]], stages: tuple[str, ...]) -> None:
    outcomes[stages].result()
