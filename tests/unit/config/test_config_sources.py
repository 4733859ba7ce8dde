"""What each source may hold, and how its values are read."""

from pathlib import Path

import pytest

from hsid.config import (
    ConfigError,
    InvalidSettingsError,
    SourceError,
    load_settings,
    toml_file,
)


def problem():
    """Return the one line that says what is wrong with the sources."""
    with pytest.raises(ConfigError) as caught:
        load_settings()
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize("name", ["HSID_API_PORT", "hsid_api_port", "Api_Port"])
def test_names_in_the_environment_are_read_in_any_case(name, monkeypatch):
    """Whoever writes small letters is understood."""
    monkeypatch.setenv(name, "9000")
    assert load_settings().api_port == 9000


def test_of_two_spellings_the_upper_case_one_counts(monkeypatch):
    """The usual spelling of an environment name wins."""
    monkeypatch.setenv("api_port", "1")
    monkeypatch.setenv("API_PORT", "2")
    assert load_settings().api_port == 2


def test_an_empty_variable_is_not_given(monkeypatch):
    """`API_PORT=` neither sets nor breaks anything, and leaves room for lower sources."""
    monkeypatch.setenv("HSID_API_PORT", "")
    monkeypatch.setenv("API_PORT", "9000")
    assert load_settings().api_port == 9000


def test_names_that_mean_nothing_are_passed_over_outside_of_toml(house, monkeypatch):
    """The environment and .env belong to others too."""
    monkeypatch.setenv("HSID_API_PRT", "1")
    (house / ".env").write_text("COMPOSE_PROJECT_NAME=x\n")
    load_settings()


def test_a_bad_variable_is_named(monkeypatch):
    """The message names the variable as it is spelled in the environment."""
    monkeypatch.setenv("api_port", "abc")
    assert problem() == (
        'environment api_port: api_port: "abc" is not allowed,'
        " expected a whole number from 1 to 65535"
    )


def test_a_bad_line_of_an_env_file_is_named(house):
    """The message leads to the line, past comments and blank lines."""
    (house / ".env").write_text("# ports\n\nOTHER=1\n\nexport API_PORT='0'\n")
    assert problem().startswith('.env:5: api_port: "0" is not allowed')


def test_an_env_file_that_is_none_is_refused(house):
    """A line that can't be read may be the one that mattered."""
    (house / ".env").write_text("API_PORT=1\n= what\n")
    assert problem() == ".env:2: not a line of the form NAME=value"


def test_an_env_file_may_use_what_it_set(house):
    """Variables inside values are filled in, as compose files have it."""
    (house / ".env").write_text("PW=s3cret\nREDIS_URL=redis://:${PW}@localhost/0\n")
    assert load_settings().redis_url == "redis://:s3cret@localhost/0"


def test_runtime_env_lies_where_the_environment_says(house, monkeypatch):
    """HSI_RUNTIME_ENV_PATH names the file, in place of ./data/runtime.env."""
    monkeypatch.setenv("HSI_RUNTIME_ENV_PATH", str(house / "other.env"))
    (house / "other.env").write_text("API_PORT=9000\n")
    assert load_settings().api_port == 9000


@pytest.mark.parametrize(
    "file_name",
    [
        *("smtp_password", "hsid_smtp_password", "smtp__password"),
        *("hsid_smtp__password", "hsid__smtp__password", "SMTP_PASSWORD"),
    ],
)
def test_credentials_are_files_named_like_the_setting(file_name, house, monkeypatch):
    """Systemd hands secrets over as files; the line end is not part of them."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(house))
    (house / file_name).write_text("s3 cret\n")
    password = load_settings().smtp_password
    assert password is not None
    assert password.get_secret_value() == "s3 cret"


def test_of_two_credentials_for_a_setting_the_plainly_named_one_counts(house, monkeypatch):
    """Whoever names it for this service alone has meant it."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(house))
    for name in ("hsid_app_name", "app_name", "app__name"):
        (house / name).write_text(name)
    assert load_settings().app_name == "app_name"


def test_a_credential_for_nobody_is_passed_over(house, monkeypatch):
    """The folder may hold what a drop-in needs for other things; it is not even read."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(house))
    (house / "tls_bundle").write_bytes(b"\xff\xfe")
    load_settings()


def test_the_folders_that_systemd_provides_are_the_defaults(house, monkeypatch):
    """The first of several is the service's own; what is set counts more."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/hsid:/var/lib/other")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/hsid")

    settings = load_settings()

    assert settings.database_url == "sqlite:////var/lib/hsid/security.db"
    assert settings.control_socket_path == Path("/run/hsid/control.sock")
    assert load_settings(data_dir="/srv/hsid").data_dir == Path("/srv/hsid")


def test_a_folder_of_credentials_that_is_not_there_gives_nothing(house, monkeypatch):
    """A leftover variable does no harm."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(house / "gone"))
    load_settings()


def test_a_credential_that_is_no_text_is_refused(house, monkeypatch):
    """It is told which file can't be read, and nothing of its content."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(house))
    (house / "smtp_password").write_bytes(b"\xff\xfe")
    assert problem() == f"{house}/smtp_password: can't be read: not text in UTF-8"


def test_the_working_folder_comes_before_etc(house):
    """./hsid.toml is used, and else the one of the machine."""
    (house / "etc").mkdir()
    (house / "etc" / "hsid.toml").write_text("api_port = 1\n")
    assert load_settings().api_port == 1
    (house / "hsid.toml").write_text("debug = true\n")
    assert load_settings().api_port == 8000


def test_a_file_that_may_not_be_looked_at_is_not_passed_over(monkeypatch):
    """Who lacks the right to see /etc/hsid is told so, in place of silent defaults."""

    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_file", refuse)
    assert toml_file.find_config_file() == Path("hsid.toml")


def test_keys_of_toml_are_read_in_any_case(house):
    """API_PORT is api_port there too."""
    (house / "hsid.toml").write_text("API_PORT = 9000\n")
    assert load_settings().api_port == 9000


def test_a_key_given_twice_in_different_case_is_refused(house):
    """Which of the two would count is nobody's guess."""
    (house / "hsid.toml").write_text("api_port = 1\nAPI_PORT = 2\n")
    assert problem() == "hsid.toml:2: API_PORT: given before at hsid.toml:1, remove one"


def test_empty_text_in_toml_means_unset(house):
    """TOML has no null: "" turns off what may be off."""
    (house / "hsid.toml").write_text('log_file_path = ""\nredis_url = ""\ndetector_workers = ""\n')
    settings = load_settings()
    assert (settings.log_file_path, settings.redis_url, settings.detector_workers) == (None,) * 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("api_host = localhost\n", "hsid.toml:1:12: not valid TOML: Invalid value (text stands in"),
        ("debug = true\napi_port 80\n", "hsid.toml:2:10: not valid TOML: Expected '=' after a key"),
        ("api_keys = [\n  'a',\n", "hsid.toml:2:7: not valid TOML: "),
        (
            "debug = true\ndebug = true\n",
            "hsid.toml:2:13: not valid TOML: Cannot overwrite a value",
        ),
    ],
)
def test_a_slip_in_toml_is_told_with_line_and_column(text, line, house):
    """The message leads to the place and says what is usually meant."""
    (house / "hsid.toml").write_text(text)
    assert problem().startswith(line)


def test_toml_that_is_no_text_is_refused(house):
    """A binary file is told as such."""
    (house / "hsid.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SourceError, match=r"hsid\.toml: can't be read: not text"):
        load_settings()


CAMERAS = """\
api_port = 1

[[cameras]]
id = "front_door"
place = "entrance"

[[cameras]]
id = "yard"
{line}
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('namee = "x"', '[[cameras]] namee: unknown key, did you mean "name"?'),
        ('place = "moon"', '[[cameras]] place: "moon" is not allowed, expected "street", "drive'),
        ("api_port = 2", "[[cameras]] api_port: not a key of this table but a setting of its own"),
        ('timezone = "Mars"', '[[cameras]] timezone: "Mars": not a time zone that this machine'),
    ],
)
def test_a_slip_inside_a_table_is_told_with_its_line(line, message, house):
    """Tables inside are checked as strictly as the file around them."""
    (house / "hsid.toml").write_text(CAMERAS.format(line=line))
    assert problem().startswith(f"hsid.toml:9: {message}")


@pytest.mark.parametrize(
    ("cameras", "message"),
    [
        ([{"id": "Front Door"}], 'that of a folder of this name is "front_door"'),
        ([{"id": "a"}, {"id": "a"}], 'two cameras have the id "a"'),
        ([{"name": "a"}], "[[cameras]] id: missing"),
    ],
)
def test_a_camera_needs_an_id_of_its_own(cameras, message):
    """An id that no folder can have, that is taken or that is missing is refused."""
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings(cameras=cameras)
    assert message in str(caught.value)


def test_cameras_can_come_from_the_environment(monkeypatch):
    """Where only text fits, tables are given as JSON."""
    monkeypatch.setenv("HSID_CAMERAS", '[{"id": "yard", "place": "yard"}]')
    (camera,) = load_settings().cameras
    assert (camera.to_camera().name, camera.to_camera().place) == ("yard", "yard")


def test_json_that_is_none_is_refused(monkeypatch):
    """The message names the variable and the place inside of its value."""
    monkeypatch.setenv("CORS_ORIGINS", "[http://a")
    assert problem().startswith(
        'environment CORS_ORIGINS: cors_origins: "[http://a": not a valid JSON'
    )


def test_the_file_named_is_the_file_read(house):
    """--config takes the place of the search."""
    (house / "hsid.toml").write_text("api_port = 1\n")
    (house / "other.toml").write_text("debug = true\n")
    settings = load_settings(Path("other.toml"))
    assert (settings.api_port, settings.origin("debug")) == (8000, "other.toml:1")


def test_a_file_without_an_end_is_refused(house):
    """A link to a device must not fill the memory of a daemon that reloads."""
    with pytest.raises(SourceError, match="larger than 1048576 bytes"):
        load_settings(Path("/dev/zero"))
