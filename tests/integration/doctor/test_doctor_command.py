"""`hsid doctor`: what it prints, and how it ends."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from hsid.cli import hsictl, hsid
from hsid.cli.doctor_command import _take_environment_of, doctor
from hsid.doctor.unit import read_unit
from tests.integration.doctor.conftest import make_certificate, service

CHECKS = [
    "config",
    "watch root",
    "inotify",
    "data folder",
    "disk",
    "disk",
    "database",
    "redis",
    "detector",
    "model",
    "certificate",
    "gpu",
    "clock",
]


def examine(*arguments, program=doctor):
    return CliRunner().invoke(program, arguments)


def found(check, **settings):
    """Return what is found by *check* under *settings*, which are written into the file."""
    with open("hsid.toml", "a", encoding="utf-8") as file:  # noqa: PTH123 - the test's folder
        file.writelines(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    document = json.loads(examine("--json").stdout)
    return next(each for each in document["findings"] if each["check"] == check)


@pytest.fixture
def cameras(house):
    """Return a folder of cameras, which hsid.toml names."""
    folder = house / "cameras"
    (folder / "front").mkdir(parents=True)
    (house / "hsid.toml").write_text(f'foscam_base_path = "{folder}"\n')
    return folder


def test_a_sound_machine_ends_with_0(cameras):
    """Each check is told once, nothing fails, and nothing is made anywhere."""
    result = examine("--json")
    document = json.loads(result.stdout)

    assert [finding["check"] for finding in document["findings"]] == CHECKS
    assert (result.exit_code, document["counts"]["FAIL"]) == (0, 0)
    assert sum(document["counts"].values()) == len(CHECKS)
    assert not (cameras.parent / "data").exists()


@pytest.mark.parametrize("program", [hsid.main, hsictl.main])
def test_both_programs_have_it(cameras, program):
    """Hsictl needs no daemon for it."""
    result = examine("doctor", program=program)

    assert (result.exit_code, result.stderr) == (0, "")
    assert f"PASS  watch root: {cameras} can be read by " in result.stdout


def test_something_to_mend_ends_with_1(cameras):
    """And the fix stands below what is wrong."""
    cameras.joinpath("front").rmdir()
    cameras.rmdir()
    result = examine()

    assert result.exit_code == 1
    assert f"FAIL  watch root: there is no folder {cameras}\n      make it" in result.stdout


def test_a_configuration_that_cant_be_used_ends_with_78(house):
    """What does not need it is examined all the same."""
    (house / "hsid.toml").write_text('api_port = 0\nsmtp_password = ["hunter22"]\n')
    result = examine("--json")
    findings = json.loads(result.stdout)["findings"]

    assert result.exit_code == 78
    assert [each["check"] for each in findings] == ["config", "config", "gpu", "clock"]
    assert "hsid.toml:1: api_port" in findings[0]["summary"]
    assert "hunter22" not in result.output


def test_colours_are_for_terminals(cameras):
    """None into a pipe."""
    assert "\x1b" not in examine().stdout
    assert "\x1b" in CliRunner().invoke(doctor, color=True).stdout


@pytest.fixture
def unit(house):
    """Install a unit whose user owns nothing here; return its folder of drop-ins."""
    (house / "hsid.service").write_text("[Service]\nUser=nobody\nProtectHome=yes\n")
    folder = house / "hsid.service.d"
    folder.mkdir()
    return folder


def test_with_a_unit_its_user_is_judged(cameras, unit):
    """Whoever asks: the drop-in for the group of the folder is printed."""
    (cameras / "front").chmod(0o750)
    finding = found("watch root")

    assert finding["verdict"] == "FAIL"
    assert finding["summary"].startswith("nobody may not read ")
    assert str(cameras / "front") in finding["summary"]
    assert f"ReadOnlyPaths={cameras}\nthen: systemctl daemon-reload" in finding["fix"]


def test_no_name_can_steer_the_terminal(cameras, unit):
    """A folder may be called anything; JSON has its own way."""
    (cameras / "a\x1b[2Jb").mkdir(mode=0o700)
    shown = examine().stdout

    assert "\x1b" not in shown
    assert "a\\x1b[2Jb" in shown


def test_the_detector_is_asked(cameras):
    """With the key from the settings; its state is the finding's."""
    with service() as (url, seen):
        finding = found("detector", detector="rtdetr", rtdetr_url=url, rtdetr_api_key="k3y")

    assert finding["verdict"] == "PASS"
    assert seen[0]["X-API-Key"] == "k3y"


def test_a_model_is_asked_only_where_one_is_set(cameras):
    """Nothing listens there: a warning, as no analyst uses it yet."""
    assert found("model")["verdict"] == "PASS"
    assert found("model", nemotron_url="http://127.0.0.1:1")["verdict"] == "WARN"


def test_a_certificate_that_ends_soon_is_a_warning(cameras):
    """Of the files that the settings name."""
    path, key = make_certificate(cameras.parent, "a", days=10)
    finding = found(
        "certificate", tls_mode="provided", tls_cert_path=str(path), tls_key_path=str(key)
    )

    assert finding["verdict"] == "WARN"
    path.unlink()
    assert "can't be read" in found("certificate")["summary"]


def test_a_redis_server_that_is_away_is_a_failure(cameras):
    """The address is told without its password."""
    finding = found("redis", redis_url="redis://u:hunter22@127.0.0.1:1/0")

    assert finding["verdict"] == "FAIL"
    assert "127.0.0.1:1" in finding["summary"]
    assert "hunter22" not in str(finding)


@pytest.mark.parametrize(
    ("file", "folder"), [("/etc/hsid/hsid.toml", "/var/lib/hsid"), ("hsid.toml", None)]
)
def test_the_file_of_the_service_is_read_as_the_service_reads_it(file, folder, monkeypatch):
    """With its folders as defaults; any other file is read as it is."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    _take_environment_of(read_unit(["[Service]\nUser=hsid\n"]), Path(file))

    assert os.environ.get("STATE_DIRECTORY") == folder


def test_without_a_unit_the_environment_stays_as_it_is(monkeypatch):
    """Nobody's folders are taken."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    _take_environment_of(None, Path("/etc/hsid/hsid.toml"))

    assert "STATE_DIRECTORY" not in os.environ
