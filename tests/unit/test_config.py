"""Every setting by name, default and range; which source wins; what the errors say."""

import re
from itertools import combinations
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from hsid import __version__
from hsid.config import (
    ConfigError,
    InvalidSettingsError,
    Settings,
    SourceError,
    get_settings,
    load_settings,
)
from hsid.roles import ALL_ROLES
from tests.unit.config.isolation import house

__all__ = ["house"]

MIB = 1024 * 1024

NUMBERS = [
    # name, default, lowest, highest
    ("api_port", 8000, 1, 65535),
    ("retention_days", 30, 1, 3650),
    ("batch_window_seconds", 90, 1, 3600),
    ("batch_idle_timeout_seconds", 30, 1, 3600),
    ("ai_connect_timeout", 10.0, 1.0, 60.0),
    ("ai_health_timeout", 5.0, 1.0, 30.0),
    ("rtdetr_read_timeout", 60.0, 10.0, 300.0),
    ("nemotron_read_timeout", 120.0, 30.0, 600.0),
    ("detection_confidence_threshold", 0.5, 0.0, 1.0),
    ("fast_path_confidence_threshold", 0.9, 0.0, 1.0),
    ("gpu_poll_interval_seconds", 5.0, 1.0, 300.0),
    ("gpu_stats_history_minutes", 60, 1, 1440),
    ("queue_max_size", 10000, 1, 1000000),
    ("queue_backpressure_threshold", 0.8, 0.0, 1.0),
    ("rate_limit_requests_per_minute", 60, 1, 10000),
    ("rate_limit_burst", 10, 0, 1000),
    ("rate_limit_media_requests_per_minute", 120, 1, 10000),
    ("rate_limit_websocket_connections_per_minute", 10, 1, 1000),
    ("rate_limit_search_requests_per_minute", 30, 1, 10000),
    ("websocket_idle_timeout_seconds", 300, 10, 86400),
    ("websocket_ping_interval_seconds", 30, 1, 3600),
    ("websocket_max_message_size", 64 * 1024, 1024, 16 * MIB),
    ("severity_low_max", 29, 0, 97),
    ("severity_medium_max", 59, 1, 98),
    ("severity_high_max", 84, 2, 99),
    ("smtp_port", 587, 1, 65535),
    ("webhook_timeout_seconds", 30, 1, 300),
    ("clip_pre_roll_seconds", 5, 0, 300),
    ("clip_post_roll_seconds", 5, 0, 300),
    ("video_frame_interval_seconds", 2.0, 0.1, 60.0),
    ("video_max_frames", 30, 1, 1000),
    ("dedupe_ttl_seconds", 300, 0, 604800),
    ("log_file_max_bytes", 10 * MIB, 65536, 1024 * MIB),
    ("log_file_backup_count", 7, 0, 100),
    ("log_retention_days", 7, 1, 3650),
    ("max_requeue_iterations", 10000, 1, 1000000),
    # younger than the seeds
    ("settle_seconds", 2.0, 0.1, 300.0),
    ("rescan_interval_seconds", 300.0, 10.0, 86400.0),
    ("max_file_bytes", 32 * MIB, 1024, 4096 * MIB),
    ("max_pixels", 50000000, 10000, 500000000),
    ("detector_workers", None, 1, 64),
    ("detector_memory_limit_mb", 2048, 512, 65536),
    ("detector_timeout_seconds", 60.0, 1.0, 600.0),
    ("batch_max_detections", 500, 1, 10000),
    ("batch_late_seconds", 120, 0, 3600),
    ("max_deliveries", 5, 1, 100),
    ("drain_timeout_seconds", 10.0, 0.0, 600.0),
    ("metrics_port", None, 1, 65535),
    ("retention_max_bytes", None, 16 * MIB, 1024**5),
    ("retention_min_free_bytes", None, 0, 1024**5),
    ("retention_interval_minutes", 60, 1, 1440),
]

OTHERS = [
    # name, default, another value as text, what it becomes, a value that is refused
    ("database_url", "sqlite:///data/security.db", "sqlite:////srv/hsid.db", None, "mysql://h/d"),
    ("database_auto_migrate", False, "true", True, "perhaps"),
    ("redis_url", None, "redis://localhost:6379/0", None, "http://localhost"),
    ("roles", ALL_ROLES, "watcher, batcher", ("watcher", "batcher"), "cook"),
    ("redis_event_channel", "security_events", "house", None, 1),
    ("app_name", "Home Security Intelligence", "House", None, 1),
    ("app_version", __version__, "2", None, 1),
    ("debug", False, "true", True, "perhaps"),
    ("admin_enabled", False, "yes", True, 7),
    ("admin_api_key", None, "k", SecretStr("k"), 1),
    ("api_host", "127.0.0.1", "0.0.0.0", None, 1),  # noqa: S104  nothing listens
    ("cors_origins", (), "http://a, http://b", ("http://a", "http://b"), 1),
    ("foscam_base_path", Path("/export/foscam"), "/srv/ftp", Path("/srv/ftp"), 1),
    ("rtdetr_url", ("http://localhost:8090",), "http://a:1", ("http://a:1",), "a:1"),
    (
        "nemotron_url",
        ("http://localhost:8091",),
        '["http://a", "http://b"]',
        ("http://a", "http://b"),
        [],
    ),
    ("fast_path_object_types", ("person",), "person,dog", ("person", "dog"), [""]),
    ("queue_overflow_policy", "reject", "drop_oldest", None, "panic"),
    ("rate_limit_enabled", True, "off", False, "x"),
    ("api_key_enabled", False, "on", True, "x"),
    ("api_keys", (), "a,b", (SecretStr("a"), SecretStr("b")), 1),
    ("tls_mode", "disabled", "self_signed", None, "on"),
    ("tls_cert_path", None, "a.crt", Path("a.crt"), 1),
    ("tls_key_path", None, "a.key", Path("a.key"), 1),
    ("tls_ca_path", None, "ca.crt", Path("ca.crt"), 1),
    ("tls_verify_client", False, "no", False, "x"),
    ("tls_min_version", "TLSv1.2", "TLSv1.3", None, "TLSv1.1"),
    ("notification_enabled", True, "0", False, "x"),
    ("smtp_host", None, "mail", None, 1),
    ("smtp_user", None, "me", None, 1),
    ("smtp_password", None, "pw", SecretStr("pw"), 1),
    ("smtp_from_address", None, "a@b", None, 1),
    ("smtp_use_tls", True, "false", False, "x"),
    ("default_webhook_url", None, "https://h/x", SecretStr("https://h/x"), "h/x"),
    ("default_email_recipients", (), "a@b", ("a@b",), 1),
    ("clips_directory", Path("data/clips"), "/c", Path("/c"), 1),
    ("clip_generation_enabled", True, "false", False, "x"),
    ("video_thumbnails_dir", Path("data/thumbnails"), "/t", Path("/t"), 1),
    ("log_level", "INFO", "debug", "DEBUG", "LOUD"),
    ("log_file_path", Path("data/logs/security.log"), "/l", Path("/l"), 1),
    ("log_db_enabled", True, "false", False, "x"),
    ("log_db_min_level", "DEBUG", "error", "ERROR", "LOUD"),
    # younger than the seeds
    ("data_dir", Path("data"), "/d", Path("/d"), 1),
    ("timezone", None, "Europe/Berlin", None, "Mars/Olympus"),
    ("control_socket_path", Path("data/control.sock"), "/c.sock", Path("/c.sock"), 1),
    ("detector", "embedded", "rtdetr", None, "eyes"),
    (
        "detection_classes",
        ("person", "car", "truck", "bus", "bicycle", "motorcycle", "dog", "cat", "bird"),
        "person",
        ("person",),
        1,
    ),
    ("rtdetr_api_key", None, "k", SecretStr("k"), 1),
    ("redis_username", None, "hsid", None, 1),
    ("redis_password", None, "pw", SecretStr("pw"), 1),
    ("redis_ssl_ca_certs", None, "ca.crt", Path("ca.crt"), 1),
    ("redis_ssl_certfile", None, "a.crt", Path("a.crt"), 1),
    ("redis_ssl_keyfile", None, "a.key", Path("a.key"), 1),
    ("redis_key_prefix", "hsid:", "house.1:", None, "my house"),
    ("analyst", "rules", "rules", None, "oracle"),
    ("log_format", "auto", "json", None, "xml"),
    ("delete_images", False, "true", True, "x"),
]

YOUNGER = {
    *(
        "data_dir",
        "drain_timeout_seconds",
        "timezone",
        "roles",
        "control_socket_path",
        "cameras",
        "detector",
        "rtdetr_api_key",
        "analyst",
        "log_format",
    ),
    *("settle_seconds", "rescan_interval_seconds", "max_file_bytes", "max_pixels"),
    *("detection_classes", "detector_workers", "detector_memory_limit_mb"),
    "database_auto_migrate",
    *("redis_username", "redis_password", "redis_key_prefix"),
    *("redis_ssl_ca_certs", "redis_ssl_certfile", "redis_ssl_keyfile"),
    *("detector_timeout_seconds", "batch_max_detections", "batch_late_seconds", "max_deliveries"),
    *("retention_max_bytes", "retention_min_free_bytes", "retention_interval_minutes"),
    *("delete_images", "metrics_port"),
}

SEVERITIES = {
    # what the others must be for one to stand at its edge
    ("severity_low_max", 97): {"severity_medium_max": 98, "severity_high_max": 99},
    ("severity_medium_max", 1): {"severity_low_max": 0},
    ("severity_medium_max", 98): {"severity_high_max": 99},
    ("severity_high_max", 2): {"severity_low_max": 0, "severity_medium_max": 1},
}


def refusal(**arguments):
    """Return the one line that says why these are refused."""
    with pytest.raises(InvalidSettingsError) as caught:
        load_settings(**arguments)
    (line,) = str(caught.value).splitlines()
    return line


def test_the_tables_here_know_every_setting():
    """No setting escapes the tables of this file."""
    named = {row[0] for row in NUMBERS} | {row[0] for row in OTHERS} | {"cameras"}
    assert named == set(Settings.model_fields)


@pytest.mark.parametrize(("name", "default"), [row[:2] for row in NUMBERS + OTHERS])
def test_a_setting_has_its_default(name, default):
    """What nobody gives has the documented default, and says that it is one."""
    settings = load_settings()
    assert getattr(settings, name) == default
    assert settings.origin(name) == "default"


@pytest.mark.parametrize(("name", "edge"), [(row[0], edge) for row in NUMBERS for edge in row[2:]])
def test_a_number_may_stand_at_its_edges(name, edge):
    """The range includes both of its ends."""
    settings = load_settings(**{name: edge}, **SEVERITIES.get((name, edge), {}))
    assert getattr(settings, name) == edge


@pytest.mark.parametrize(("name", "_default", "low", "high"), NUMBERS)
def test_a_number_beyond_its_edges_is_refused_with_the_range(name, _default, low, high):
    """One step outside is too far, and the message tells how far one may go."""
    step = 0.001 if isinstance(low, float) else 1
    for value in (low - step, high + step):
        line = refusal(**{name: value})
        assert f"{name}: {value} is not allowed" in line
        told_low, told_high = re.search(r"number from ([\d.]+) to ([\d.]+)", line).groups()
        assert (float(told_low), float(told_high)) == (low, high)


@pytest.mark.parametrize("name", [row[0] for row in NUMBERS])
def test_a_number_is_no_word(name):
    """Text that is no number is refused, and shown as it was given."""
    assert f'{name}: "many" is not allowed' in refusal(**{name: "many"})


@pytest.mark.parametrize(("name", "_default", "text", "value", "bad"), OTHERS)
def test_a_setting_reads_text_and_refuses_nonsense(name, _default, text, value, bad):
    """Each setting can be given as text, as the environment does, and not as anything else."""
    assert getattr(load_settings(**{name: text}), name) == (text if value is None else value)
    assert refusal(**{name: bad}).startswith(f"command line: {name}")


@pytest.mark.parametrize("name", [row[0] for row in NUMBERS])
def test_a_truth_value_is_no_number(name):
    """`api_port = true` is a slip, not port 1."""
    assert "true is not allowed" in refusal(**{name: True})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_is_finite(number):
    """No time-out is endless by accident."""
    refusal(settle_seconds=number)


TEXTS = {name: str(default or low) for name, default, low, _ in NUMBERS} | {
    name: text for name, _, text, _, _ in OTHERS
}


@pytest.mark.parametrize("name", list(TEXTS))
def test_the_bare_name_counts_for_the_seeds_settings_only(name, monkeypatch):
    """HSID_NAME gives every setting; NAME alone those that had it from the first day."""
    monkeypatch.setenv(name.upper(), TEXTS[name])
    expected = "default" if name in YOUNGER else f"environment {name.upper()}"
    assert load_settings().origin(name) == expected
    monkeypatch.setenv(f"HSID_{name.upper()}", TEXTS[name])
    assert load_settings().origin(name) == f"environment HSID_{name.upper()}"


SOURCES = [
    "command line",
    "environment HSID_APP_NAME",
    "environment APP_NAME",
    "data/runtime.env:1",
    ".env:1",
    "credential app_name",
    "hsid.toml:1",
]


def give(source, value, house, monkeypatch):
    """Have *source* give the setting app_name; return what goes on the command line."""
    (house / "data").mkdir(exist_ok=True)
    (house / "credentials").mkdir(exist_ok=True)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(house / "credentials"))
    kind, _, name = source.partition(" ")
    files = {
        "data/runtime.env:1": f"APP_NAME={value}\n",
        ".env:1": f"APP_NAME={value}\n",
        "hsid.toml:1": f'app_name = "{value}"\n',
    }
    if source == "command line":
        return {"app_name": value}
    if kind == "environment":
        monkeypatch.setenv(name, value)
    elif kind == "credential":
        (house / "credentials" / name).write_text(f"{value}\n")
    else:
        (house / source.removesuffix(":1")).write_text(files[source])
    return {}


@pytest.mark.parametrize(("higher", "lower"), list(combinations(SOURCES, 2)))
def test_of_two_sources_the_higher_wins(higher, lower, house, monkeypatch):
    """The order of the sources holds for each pair of them, whatever gives both."""
    arguments = give(lower, "low", house, monkeypatch) | give(higher, "high", house, monkeypatch)
    settings = load_settings(**arguments)
    assert (settings.app_name, settings.origin("app_name")) == ("high", higher)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_wins_over_the_default(source, house, monkeypatch):
    """A value given once is the one that counts."""
    settings = load_settings(**give(source, "only", house, monkeypatch))
    assert (settings.app_name, settings.origin("app_name")) == ("only", source)


def test_the_cached_settings_are_read_once(monkeypatch):
    """get_settings() reads the sources at its first call, and again once its cache is cleared."""
    before = get_settings()
    monkeypatch.setenv("API_PORT", "9000")
    assert get_settings() is before
    get_settings.cache_clear()
    assert get_settings().api_port == 9000


def test_settings_do_not_change():
    """Settings are frozen: nobody turns a knob behind another's back."""
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().api_port = 1


def test_the_class_itself_reads_the_sources(monkeypatch):
    """Settings() is load_settings(), for those who know it from the seeds."""
    monkeypatch.setenv("api_port", "9000")
    assert Settings() == load_settings()
    assert Settings().api_port == 9000


def test_a_database_on_a_server_needs_redis_for_the_queues():
    """PostgreSQL holds no queues; with both, several nodes share the work."""
    url = "postgresql://u:p@h/d"
    assert "database_url: a PostgreSQL database needs redis_url" in refusal(database_url=url)
    assert load_settings(database_url=url, redis_url="redis://h").database_url == url


def test_thresholds_of_severity_must_rise():
    """Overlapping thresholds are refused, and the one that somebody set is named."""
    line = refusal(severity_medium_max=20)
    assert line == (
        "command line: severity_medium_max: must rise from low to high, but are 29, 20 and 84"
    )


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ({"tls_mode": "provided", "tls_cert_path": "a"}, "tls_key_path"),
        ({"tls_verify_client": True}, "tls_ca_path"),
    ],
)
def test_tls_asks_for_the_files_it_needs(arguments, missing):
    """A TLS mode without its files is refused at once, not at the first connection."""
    assert missing in refusal(**arguments)


def test_an_idle_time_beyond_the_window_is_allowed():
    """It merely never comes into effect, so a short window needs no second setting."""
    assert load_settings(batch_window_seconds=20).batch_idle_timeout_seconds == 30


def test_paths_follow_the_data_folder(house):
    """What isn't placed elsewhere lies in data_dir."""
    settings = load_settings(data_dir=house)
    assert settings.database_url == f"sqlite:///{house}/security.db"
    assert settings.log_file_path == house / "logs" / "security.log"
    assert settings.clips_directory == house / "clips"
    assert settings.video_thumbnails_dir == house / "thumbnails"
    assert settings.control_socket_path == house / "control.sock"


def test_the_control_socket_lies_in_the_runtime_folder_if_there_is_one(monkeypatch):
    """Systemd's folder is where clients look for the socket of a service."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/hsid:/run/other")
    assert load_settings().control_socket_path == Path("/run/hsid/control.sock")


def test_loading_creates_nothing(house):
    """Reading settings is safe for a check: no folder is made."""
    load_settings()
    assert list(house.iterdir()) == []


def test_all_problems_are_told_at_once(house):
    """Nobody has to correct a file error by error."""
    (house / "hsid.toml").write_text('api_prt = 1\napi_port = 0\ndebug = "x"\n')
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value).splitlines() == [
        'hsid.toml:1: api_prt: unknown key, did you mean "api_port"?',
        'hsid.toml:3: debug: "x" is not allowed, expected true or false',
        "hsid.toml:2: api_port: 0 is not allowed, expected a whole number from 1 to 65535",
    ]


def test_a_named_file_that_is_not_there_is_an_error():
    """--config asks for that file; the defaults are no substitute."""
    with pytest.raises(SourceError, match=r"nowhere\.toml: can't be read: No such file"):
        load_settings(Path("nowhere.toml"))


@pytest.mark.parametrize("name", ["app_name", "data_dir", "foscam_base_path", "api_port", "debug"])
def test_empty_text_is_no_value_for_what_cannot_be_unset(name, house):
    """A data folder or a watch root called "" would be the current folder."""
    (house / "hsid.toml").write_text(f'{name} = ""\n')
    with pytest.raises(ConfigError) as caught:
        load_settings()
    expected = f'hsid.toml:1: {name}: "": empty text is no value, leave the key out for the default'
    assert str(caught.value) == expected
