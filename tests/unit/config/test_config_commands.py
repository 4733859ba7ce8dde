"""`hsid check-config` and `hsid config`: what they print, and how they end."""

import json
import tomllib

import pytest
from click.testing import CliRunner

from hsid.cli.config_commands import check_config, config


def run(command, *arguments):
    """Run *command* and return what came of it."""
    return CliRunner().invoke(command, arguments)


def test_a_sound_file_is_told_so(house):
    """Exit 0 and one line on stdout that names the file."""
    (house / "hsid.toml").write_text(f'foscam_base_path = "{house}"\n')
    result = run(check_config)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "hsid.toml: ok\n", "")


def test_without_a_file_the_defaults_are_checked():
    """No file is no error: hsid works without one."""
    result = run(check_config)
    assert result.exit_code == 0
    assert result.stdout == "ok; there is no hsid.toml, defaults are in force\n"


def test_an_unsound_file_ends_with_78_and_a_line_a_problem(house):
    """Systemd knows 78 as a reason not to try again; stdout stays empty."""
    (house / "other.toml").write_text("batch_windw_seconds = 1\napi_port = 0\n")
    result = run(check_config, "other.toml")
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.splitlines() == [
        'other.toml:1: batch_windw_seconds: unknown key, did you mean "batch_window_seconds"?',
        "other.toml:2: api_port: 0 is not allowed, expected a whole number from 1 to 65535",
    ]


def test_what_is_hardly_meant_is_a_warning(house, monkeypatch):
    """A misspelled variable, an idle time without effect, a missing folder: told, not refused."""
    (house / "hsid.toml").write_text("batch_window_seconds = 20\n")
    monkeypatch.setenv("HSID_API_PRT", "1")
    monkeypatch.setenv("HSID_FOSCAM_BASE_PATH", "gone")
    monkeypatch.setenv("HSID_CONTROL_SOCKET", "read by hsictl")
    result = run(check_config)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        'warning: environment HSID_API_PRT: unknown key, did you mean "HSID_API_PORT"?',
        "warning: default: batch_idle_timeout_seconds: above batch_window_seconds it has no effect",
        "warning: environment HSID_FOSCAM_BASE_PATH: foscam_base_path: there is no folder gone",
    ]


def test_what_this_version_does_not_use_yet_is_a_warning(house):
    """Nobody waits for alerts that can't come; what is used, or left alone, is not named."""
    (house / "hsid.toml").write_text(
        f'foscam_base_path = "{house}"\nclip_pre_roll_seconds = 9\nrtdetr_url = ["http://a", "http://b"]\n'
        "gpu_poll_interval_seconds = 7\n"
    )
    assert run(check_config).stderr.splitlines() == [
        "warning: hsid.toml:3: rtdetr_url: this version uses the first of several services only",
        "warning: hsid.toml:2: clip_pre_roll_seconds: has no effect in this version yet",
    ]


def test_a_database_without_room_for_queues_ends_with_78(house):
    """PostgreSQL goes together with Redis only, and the line says so."""
    (house / "hsid.toml").write_text(
        f'foscam_base_path = "{house}"\ndatabase_url = "postgresql://u:p@h/d"\n'
    )
    result = run(check_config)
    assert result.exit_code == 78
    assert result.stderr.startswith("hsid.toml:2: database_url: a PostgreSQL database needs redis")


def test_a_node_without_redis_that_leaves_roles_to_nobody_is_a_warning(house):
    """What it leaves out would never be done."""
    (house / "hsid.toml").write_text(
        f'foscam_base_path = "{house}"\nroles = ["watcher", "detector", "batcher"]\n'
    )
    assert run(check_config).stderr == (
        "warning: hsid.toml:2: roles: without redis_url no other node can be analyzer,"
        " reconciler, retention\n"
    )


@pytest.mark.parametrize(
    ("host", "is_told"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("localhost", False),
        ("192.168.1.4", True),
        ("nas", True),
    ],
)
def test_metrics_for_a_whole_network_are_a_warning(host, is_told, house):
    """They name the cameras, and nobody is asked for a key yet."""
    (house / "hsid.toml").write_text(f'foscam_base_path = "{house}"\napi_host = "{host}"\n')
    assert ("can read the metrics" in run(check_config).stderr) is is_told


@pytest.mark.parametrize(("mode", "is_told"), [(0o644, True), (0o640, False)])
def test_a_secret_in_a_file_for_everybody_is_a_warning(mode, is_told, house):
    """It is told together with the way out."""
    path = house / "hsid.toml"
    path.write_text('smtp_password = "x"\n')
    path.chmod(mode)
    assert ("chmod o-r hsid.toml" in run(check_config).stderr) is is_told


@pytest.mark.parametrize("command", ["show", "schema", "example"])
def test_every_form_of_the_settings_ends_well(command):
    """Nothing but the document on stdout."""
    result = run(config, command)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "batch_window_seconds" in result.stdout


def test_show_reads_the_file_it_is_given(house):
    """--config and --json together: values of that file, with their lines."""
    (house / "other.toml").write_text("api_port = 9000\n")
    result = run(config, "show", "--config", "other.toml", "--json")
    assert json.loads(result.stdout)["api_port"] == {"value": 9000, "origin": "other.toml:1"}


def test_show_of_an_unsound_file_ends_with_78(house):
    """What can't be used is not shown as if it could."""
    (house / "hsid.toml").write_text("api_port = 0\n")
    result = run(config, "show")
    assert (result.exit_code, result.stdout) == (78, "")


def test_the_example_printed_is_toml():
    """It can be redirected into the file."""
    assert tomllib.loads(run(config, "example").stdout) == {}


def test_check_for_programs_tells_warnings_and_stays_usable(house):
    """One document, and nothing on stderr."""
    (house / "hsid.toml").write_text("clip_pre_roll_seconds = 9\n")
    result = run(check_config, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (document["file"], document["usable"], document["problems"]) == ("hsid.toml", True, [])
    assert any("clip_pre_roll_seconds" in line for line in document["warnings"])


def test_check_for_programs_tells_problems_and_ends_with_78(house):
    """Place, key and message apart."""
    (house / "hsid.toml").write_text("\napi_port = 0\n")
    result = run(check_config, "--json")
    (problem,) = json.loads(result.stdout)["problems"]
    assert result.exit_code == 78
    assert (problem["where"], problem["key"]) == ("hsid.toml:2", "api_port")
    assert problem["text"] == f"hsid.toml:2: api_port: {problem['message']}"


def test_diff_shows_what_is_not_at_its_default(house):
    """A value given as it is anyway is none; one that follows from another setting isn't either."""
    (house / "hsid.toml").write_text('api_port = 9000\napi_host = "127.0.0.1"\ndata_dir = "d"\n')
    assert run(config, "diff").stdout.splitlines() == [
        'data_dir = "d"  # not "data": hsid.toml:3',
        "api_port = 9000  # not 8000: hsid.toml:1",
    ]


def test_diff_for_programs_has_value_default_and_origin(house, monkeypatch):
    """The same, as a document; secrets are masked."""
    monkeypatch.setenv("HSID_SMTP_PASSWORD", "hunter22")
    assert json.loads(run(config, "diff", "--json").stdout) == {
        "smtp_password": {
            "value": "**********",
            "default": None,
            "origin": "environment HSID_SMTP_PASSWORD",
        }
    }


def test_without_anything_given_there_is_no_difference():
    """Nothing at all is printed."""
    assert run(config, "diff").stdout == ""


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
def test_a_key_that_no_header_can_carry_is_told_without_it(key, house, monkeypatch):
    """Otherwise the first request would fail, or smuggle another header in."""
    monkeypatch.setenv("HSID_RTDETR_API_KEY", key)
    result = run(check_config)
    assert result.exit_code == 78
    assert "rtdetr_api_key: this value: a key is sent in an HTTP header" in result.stderr
    assert key not in result.stderr
