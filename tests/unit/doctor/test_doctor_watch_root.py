"""Can the daemon read the cameras' folder, and which drop-in lets it?"""

from pathlib import Path

import pytest

from hsid.doctor.findings import Verdict
from hsid.doctor.unit import read_unit
from hsid.doctor.watch_root import InotifyLimits, WatchRoot, judge_inotify, judge_watch_root
from tests.unit.doctor.bodies import DAEMON, UNIT, folder, way

PASS, WARN, FAIL = Verdict
FTP = {"mode": 0o750, "uid": 50, "gid": 60, "group": "ftp"}
EXAMPLES = Path(__file__).parents[3] / "systemd" / "examples"


def root(path="/srv/cameras", *, cameras=(), folders=1, is_counted=True, **last):
    return WatchRoot(Path(path), way(path, **last), tuple(cameras), folders, is_counted)


def judge(found, *, unit=UNIT, deletes=False, who=DAEMON):
    return judge_watch_root(found, who, unit, deletes=deletes)


def lines_of(finding):
    """Return the lines of the drop-in that a finding prints."""
    _, _, rest = finding.fix.partition("[Service]\n")
    return rest.partition("\nthen")[0].splitlines()


def test_a_folder_for_everybody_is_well():
    """And it is told what is there."""
    finding = judge(root(folders=3))

    assert (finding.verdict, finding.fix) == (PASS, None)
    assert finding.summary == "/srv/cameras can be read by hsid, 3 folders"


def test_the_ftp_servers_folder_wants_its_group():
    """The drop-in is that of the examples, made out for this folder."""
    finding = judge(root(**FTP))

    assert finding.verdict is FAIL
    assert lines_of(finding) == ["SupplementaryGroups=ftp", "ReadOnlyPaths=/srv/cameras"]
    example = (EXAMPLES / "camera-folder.conf").read_text()
    assert all(line in example for line in lines_of(finding))


def test_deleting_wants_more():
    """The group has to write, and the unit has to let it."""
    finding = judge(root(**FTP), deletes=True)

    assert finding.fix.startswith("chmod g+rwx /srv/cameras\nput into ")
    assert lines_of(finding) == ["SupplementaryGroups=ftp", "ReadWritePaths=/srv/cameras"]


def test_a_folder_that_may_be_deleted_in_is_kept_from_it_by_the_unit():
    """Rights alone do not do."""
    finding = judge(root(mode=0o777), deletes=True)

    assert (finding.verdict, lines_of(finding)) == (FAIL, ["ReadWritePaths=/srv/cameras"])
    assert judge(root(mode=0o777), deletes=True, unit=None).verdict is PASS


def test_a_home_is_hidden_until_it_is_bound():
    """And the drop-in that is printed makes the finding go away."""
    finding = judge(root("/home/cameras"))
    bound = read_unit(
        ["[Service]\nProtectHome=yes", f"[Service]\n{chr(10).join(lines_of(finding))}"]
    )

    assert lines_of(finding) == ["ProtectHome=tmpfs", "BindReadOnlyPaths=/home/cameras"]
    assert judge(root("/home/cameras"), unit=bound).verdict is PASS
    assert judge(root("/home/cameras"), unit=None).verdict is PASS


def test_what_is_bound_has_no_folders_above_it():
    """A home that is closed to everybody else stays so: nobody is told to open it."""
    closed = (folder("/"), folder("/home"), folder("/home/ann", 0o700), folder("/home/ann/c"))
    found = WatchRoot(Path("/home/ann/c"), closed)
    bound = read_unit(["[Service]\nProtectHome=tmpfs\nBindReadOnlyPaths=/home/ann/c"])

    assert "chmod" not in judge(found).fix
    assert judge(found, unit=bound).verdict is PASS
    assert judge(found, unit=None).verdict is FAIL


def test_commands_can_be_copied_whatever_the_folder_is_called():
    """Blanks and quotes are quoted for the shell, and in their own way for the unit."""
    finding = judge(root("/srv/it's here", mode=0o700))

    assert """ '/srv/it'"'"'s here' && chmod""" in finding.fix
    assert 'ReadOnlyPaths="/srv/it\'s here"' in finding.fix


def test_single_cameras_that_are_closed_are_named_with_all_their_groups():
    """A camera that the daemon can't read is missed without a word otherwise."""
    cameras = [
        folder("/srv/cameras/front", 0o750, gid=60, group="ftp"),
        folder("/srv/cameras/yard", 0o700, gid=61, group="smb"),
        folder("/srv/cameras/open"),
    ]
    finding = judge(root(cameras=cameras))

    assert "/srv/cameras/front, /srv/cameras/yard" in finding.summary
    assert finding.fix.startswith("chmod g+rx /srv/cameras/yard\n")
    assert lines_of(finding)[:2] == ["SupplementaryGroups=ftp", "SupplementaryGroups=smb"]


def test_nobody_is_made_a_member_of_roots_group():
    """What is root's gets a group of its own."""
    finding = judge(root(mode=0o700))

    assert "SupplementaryGroups" not in finding.fix
    assert finding.fix.startswith("chgrp hsid /srv/cameras && chmod g+rx /srv/cameras\n")


def test_a_closed_folder_on_the_way_has_to_be_entered_only():
    """No more is opened than is needed."""
    steps = (folder("/"), folder("/srv", 0o700, gid=70, group="staff"), folder("/srv/cameras"))

    assert judge(WatchRoot(Path("/srv/cameras"), steps)).fix.startswith("chmod g+x /srv\n")


def test_an_access_control_list_is_not_read_and_so_is_no_failure():
    """The mode may be wrong about it."""
    finding = judge(root(**FTP, has_acl=True))

    assert finding.verdict is WARN
    assert "access control list" in finding.fix


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (WatchRoot(Path("/srv/gone"), (folder("/"), folder("/srv"))), "there is no folder"),
        (
            WatchRoot(Path("/srv/gone/x"), (folder("/"), folder("/srv", 0o700))),
            "may not enter /srv",
        ),
    ],
)
def test_what_is_not_there_and_what_cant_be_seen_are_two_things(found, words):
    """Each has a fix of its own."""
    assert judge(found).verdict is FAIL
    assert words in judge(found).summary


@pytest.mark.parametrize(
    ("folders", "watches", "verdict"),
    [(10, 100, PASS), (81, 100, WARN), (101, 100, FAIL), (10**6, None, PASS)],
)
def test_folders_are_held_against_the_kernels_limit(folders, watches, verdict):
    """The fix is a line for sysctl that is enough for twice as many."""
    finding = judge_inotify(
        root(folders=folders), InotifyLimits(watches, 128, has_instance_left=True)
    )

    assert finding.verdict is verdict
    assert verdict is PASS or "fs.inotify.max_user_watches = 65536" in finding.fix


def test_no_instance_left_is_a_failure_of_its_own():
    """Without one nothing is watched at all."""
    finding = judge_inotify(root(), InotifyLimits(9, 128, has_instance_left=False))

    assert (finding.verdict, "max_user_instances = 256" in finding.fix) == (FAIL, True)


def test_a_count_that_was_cut_short_says_so():
    """At least so many."""
    assert "at least 7 folders" in judge(root(folders=7, is_counted=False)).summary
