"""The unit as it is installed: what the service sees and may write."""

from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.doctor.unit import quoted, read_unit
from tests.unit.doctor.bodies import UNIT

PATHS = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/")).map(
    lambda name: PurePath(f"/srv/{name.strip() or 'x'}")
)


def with_drop_in(*lines):
    """Return a unit with all of its hardening and a drop-in."""
    text = (Path(__file__).parents[3] / "systemd" / "hsid.service").read_text(encoding="utf-8")
    return read_unit([text, "\n".join(["[Service]", *lines])])


def test_the_unit_of_the_project_is_read():
    """User, devices, homes: as it says."""
    assert (UNIT.user, UNIT.has_devices, UNIT.supplementary_groups) == ("hsid", False, ())


@pytest.mark.parametrize(
    "path",
    ["/home", "/home/ann/cameras", "/root/c", "/run/user/7", "/var/tmp"],  # noqa: S108
)
def test_homes_and_temporary_folders_are_hidden(path):
    """ProtectHome= and PrivateTmp= hide them, and only them."""
    assert UNIT.hides(PurePath(path))


@pytest.mark.parametrize("path", ["/srv/cameras", "/homes/x", "/var/lib/hsid", "/"])
def test_the_rest_is_seen(path):
    """A name that only begins as a home does is none."""
    assert not UNIT.hides(PurePath(path))


@pytest.mark.parametrize("line", ["BindReadOnlyPaths=/home/cameras", "ProtectHome=read-only"])
def test_a_drop_in_lets_a_home_be_seen(line):
    """As the examples say."""
    assert not with_drop_in(line).hides(PurePath("/home/cameras/front"))


def test_nothing_but_its_own_folders_can_be_written_to():
    """ProtectSystem=strict, with the state folder as the exception."""
    assert UNIT.keeps_from_writing(PurePath("/srv/cameras"))
    assert not UNIT.keeps_from_writing(PurePath("/var/lib/hsid/logs"))
    assert not with_drop_in("ReadWritePaths=-/srv").keeps_from_writing(PurePath("/srv/cameras"))


def test_an_empty_value_forgets_those_before():
    """As systemd has it for lists."""
    unit = with_drop_in("SupplementaryGroups=ftp smb", "SupplementaryGroups=", "User=other")

    assert (unit.supplementary_groups, unit.user) == ((), "other")


def test_other_sections_and_comments_mean_nothing():
    """Only [Service] is read."""
    unit = read_unit(["[Unit]\nUser=a\n[Service]\n# User=b\n;User=c\n"])

    assert unit.values == {}


@given(path=PATHS)
def test_a_path_written_for_a_unit_is_read_back(path):
    """Blanks, quotes, backslashes and percent signs included."""
    unit = read_unit([f"[Service]\nProtectSystem=strict\nReadWritePaths={quoted(path)}"])

    assert not unit.keeps_from_writing(path)
