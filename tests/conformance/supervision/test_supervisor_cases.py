"""The list of cases that a supervisor has to pass, by their names, and where they are."""

import ast
from pathlib import Path

import pytest

CASES = [
    "test_children_start_in_order",
    "test_children_stop_in_reverse_order",
    "test_first_start_failure_stops_started_and_fails_supervisor",
    "test_ignored_child_is_kept_but_not_running",
    "test_ignored_temporary_child_is_forgotten",
    "test_empty_supervisor_runs_and_stops",
    "test_defaults_are_filled_in",
    "test_bad_specs_are_refused",
    "test_duplicate_ids_are_refused",
    "test_significant_needs_auto_shutdown_and_non_permanent",
    "test_return_without_started_is_a_start_failure",
    "test_start_timeout_counts_as_start_failure",
    "test_api_is_served_while_a_child_starts",
    "test_permanent_restarts_on_every_exit",
    "test_transient_restarts_only_on_abnormal",
    "test_temporary_never_restarts_and_spec_is_dropped",
    "test_temporary_bystander_is_not_restarted",
    "test_fatal_exit_is_not_retried",
    "test_unknown_or_stale_exit_notice_is_dropped",
    "test_crash_before_start_returns_is_not_lost",
    "test_one_for_one_touches_only_the_failed_child",
    "test_one_for_all_stops_reverse_then_starts_forward",
    "test_rest_for_one_touches_only_later_children",
    "test_one_for_all_retry_starts_over_when_a_sibling_fails",
    "test_rest_for_one_retry_keeps_already_restarted_siblings",
    "test_group_restart_leaves_finished_and_operator_stopped_children_alone",
    "test_two_children_crash_in_the_same_tick",
    "test_child_crashing_while_its_group_is_being_stopped_is_not_restarted_twice",
    "test_dynamic_children_share_one_template_and_stop_concurrently",
    "test_children_can_crash_en_masse_in_linear_time",
    "test_restart_limit_is_exceeded_by_the_next_one",
    "test_zero_intensity_escalates_on_first_crash",
    "test_window_edge_is_inclusive",
    "test_failed_restart_attempts_count",
    "test_manual_calls_do_not_count",
    "test_group_restart_counts_once",
    "test_giving_up_stops_the_others_in_reverse_and_raises",
    "test_backoff_grows_caps_and_jitters_within_bounds",
    "test_backoff_resets_after_healthy_run_only",
    "test_pending_restart_is_cancelled_by_terminate_and_by_stop",
    "test_pending_restart_reports_state_and_errors",
    "test_unreachable_escalation_is_refused",
    "test_parked_child_half_opens_closes_and_reopens",
    "test_graceful_child_gets_its_grace",
    "test_overrunning_child_is_cancelled_then_abandoned",
    "test_zero_grace_is_immediate",
    "test_error_in_cleanup_is_reported_not_restarted",
    "test_child_that_swallows_cancel_is_stopped_not_completed",
    "test_children_exiting_by_themselves_during_stop",
    "test_cancelling_the_outer_scope_runs_the_ladder",
    "test_keyboard_interrupt_in_a_child_takes_the_tree_down",
    "test_zombie_of_exclusive_child_blocks_replacement",
    "test_second_signal_skips_grace_third_exits",
    "test_child_admin_matrix",
    "test_child_stopping_itself_does_not_deadlock",
    "test_restarted_child_does_not_inherit_the_callers_context",
    "test_escalation_restarts_the_subtree_without_dynamic_children",
    "test_any_significant_and_all_significant",
    "test_auto_shutdown_cascades_only_through_significant_supervisors",
    "test_missed_heartbeat_restarts_as_stalled",
    "test_loop_stall_is_reported_with_the_guilty_task",
    "test_event_sequence_of_one_crash",
    "test_no_event_or_state_keeps_tracebacks_alive",
    "test_senders_survive_a_consumer_restart",
]


def names_of_tests_in(folder):
    """Return the names of all tests in *folder*, with repetitions."""
    return [
        node.name
        for path in folder.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@pytest.mark.parametrize("case", CASES)
def test_every_case_of_the_list_is_there_exactly_once(case):
    """Nobody renames or drops one of the sixty-four unnoticed."""
    assert names_of_tests_in(Path(__file__).parent).count(case) == 1


def test_list_of_cases_is_whole():
    """Sixty-four, all different."""
    assert len(set(CASES)) == len(CASES) == 64
