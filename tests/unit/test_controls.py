"""What a reload may change: compared, not applied."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.config import Settings, load_settings
from hsid.controls import RENEWED, TAKERS, ReloadReport, Taker, compare
from tests.unit.config.isolation import house

__all__ = ["house"]

OTHERS = {
    "log_level": "DEBUG",
    "batch_window_seconds": 60,
    "severity_low_max": 20,
    "api_port": 9000,
    "data_dir": "elsewhere",
    "smtp_password": "another secret",
}


def test_settings_that_are_the_same_change_nothing():
    """A reload without a change is none."""
    assert compare(load_settings(), load_settings()) == ReloadReport()


def test_what_can_be_taken_up_is_told_from_what_can_not():
    """Each change is in one of the two lists, under its name."""
    report = compare(load_settings(), load_settings(log_level="DEBUG", api_port=9000))

    assert report == ReloadReport(applied=("log_level",), needs_restart=("api_port",))
    assert str(report) == "took up log_level; a restart is needed for api_port"
    assert report.takers == {Taker.LOG}


def test_a_secret_that_changed_is_named_and_not_shown():
    """Names of settings alone are told."""
    report = compare(load_settings(), load_settings(smtp_password="hunter2"))  # noqa: S106

    assert report.needs_restart == ("smtp_password",)
    assert "hunter2" not in str(report)


def test_what_follows_from_a_setting_is_named_too():
    """Another data folder means another database: neither is taken up by half."""
    report = compare(load_settings(), load_settings(data_dir="elsewhere"))

    assert {"data_dir", "database_url"} <= set(report.needs_restart)


@given(st.sets(st.sampled_from(sorted(OTHERS))))
def test_taking_up_what_applies_leaves_what_needs_a_restart(names):
    """The settings in force are the old ones but for what was taken up; a second look agrees."""
    old, new = load_settings(), load_settings(**{name: OTHERS[name] for name in names})
    report = compare(old, new)

    force = old.taking(new, report.applied)

    assert compare(force, new) == ReloadReport(needs_restart=report.needs_restart)
    assert {name for name in names if force.origin(name) == "command line"} == set(report.applied)


def test_a_setting_taken_back_has_its_default_and_says_so():
    """Where a value came from is taken up with it."""
    old = load_settings(log_level="DEBUG")

    force = old.taking(load_settings(), ["log_level"])

    assert (force.log_level, force.origin("log_level")) == ("INFO", "default")


@pytest.mark.parametrize("name", sorted(TAKERS))
def test_each_setting_that_can_be_taken_up_is_one(name):
    """A name that was changed or misspelt would never be applied."""
    assert name in Settings.model_fields


def test_every_taker_has_something_to_take():
    """Whoever is in the list of takers is named by a setting."""
    assert {taker for takers in TAKERS.values() for taker in takers} == set(Taker)
    assert set(RENEWED) <= set(Taker)


def test_the_table_in_the_docs_has_exactly_the_settings_that_are_taken_up():
    """What an operator reads is what the daemon does."""
    text = Path(__file__).parents[2].joinpath("docs", "service.md").read_text()
    table = text.partition("| settings | taken up by |")[2].partition("\n\n")[0]
    names = {
        name
        for row in table.splitlines()
        if row.count("|") == 3
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }

    assert names == set(TAKERS)
