"""Settings of what comes out and how long it stays: notifications, clips, video, retention."""

from pathlib import Path
from typing import Any

from pydantic import SecretStr, field_validator

from hsid.config.fields import Section, TextList, computed, setting
from hsid.config.urls import validate_http_url


def _clips_in(data: dict[str, Any]) -> Path:
    return Path(data["data_dir"]) / "clips"


def _thumbnails_in(data: dict[str, Any]) -> Path:
    return Path(data["data_dir"]) / "thumbnails"


class Notifications(Section):
    """Notifications."""

    notification_enabled: bool = setting(True, "Tell people about events.")
    smtp_host: str | None = setting(None, "Mail server; unset: no mail is sent.")
    smtp_port: int = setting(587, "Port of the mail server.", ge=1, le=65_535)
    smtp_user: str | None = setting(None, "User to log in at the mail server as.")
    smtp_password: SecretStr | None = setting(None, "Password of that user.")
    smtp_from_address: str | None = setting(None, "Sender of the mails.")
    smtp_use_tls: bool = setting(True, "Speak TLS with the mail server.")
    default_webhook_url: SecretStr | None = setting(
        None, "URL that alerts are posted to; unset: none are posted."
    )
    webhook_timeout_seconds: int = setting(
        30, "How long posting an alert may take.", unit="seconds", ge=1, le=300
    )
    default_email_recipients: TextList = setting((), "Who is told by mail.")

    @field_validator("default_webhook_url")
    @classmethod
    def _validate_webhook(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            validate_http_url(url.get_secret_value())
        return url


class Clips(Section):
    """Clips."""

    clip_generation_enabled: bool = setting(True, "Make a clip of each event.")
    clips_directory: Path = computed(
        _clips_in,
        "data/clips",
        "Folder for clips; retention deletes in it only what hsid has named. Unless set: clips in"
        " data_dir.",
    )
    clip_pre_roll_seconds: int = setting(
        5, "How much a clip shows from before the event.", unit="seconds", ge=0, le=300
    )
    clip_post_roll_seconds: int = setting(
        5, "How much a clip shows from after the event.", unit="seconds", ge=0, le=300
    )


class Video(Section):
    """Video."""

    video_frame_interval_seconds: float = setting(
        2.0, "A video is looked at once in this time.", unit="seconds", ge=0.1, le=60
    )
    video_max_frames: int = setting(
        30, "Of one video at most this many frames are looked at.", unit="frames", ge=1, le=1000
    )
    video_thumbnails_dir: Path = computed(
        _thumbnails_in,
        "data/thumbnails",
        "Folder for thumbnails; retention deletes in it only what hsid has named. Unless set:"
        " thumbnails in data_dir.",
    )


class Retention(Section):
    """Retention."""

    retention_days: int = setting(
        30,
        "How long events and detections are kept, counted from the arrival of their pictures.",
        unit="days",
        ge=1,
        le=3650,
    )
    log_retention_days: int = setting(
        7,
        "How long log files that were put aside, and log lines in the database, are kept.",
        unit="days",
        ge=1,
        le=3650,
    )
    retention_max_bytes: int | None = setting(
        None,
        "How much all that hsid writes may take: database, logs, backups, thumbnails and clips;"
        " above it the oldest of these goes early, and last the history of the cameras with the"
        " most of it. What arrived within a day, or has a star, always stays. Unset: no limit.",
        unit="bytes",
        ge=16 * 1024 * 1024,
        le=1024**5,
        prefixed_only=True,
    )
    retention_min_free_bytes: int | None = setting(
        None,
        "How much the disk of the database should have free; below it the oldest goes early, as"
        " above."
        " Unset: no limit.",
        unit="bytes",
        ge=0,
        le=1024**5,
        prefixed_only=True,
    )
    retention_interval_minutes: int = setting(
        60,
        "How often the daemon looks for what may go.",
        unit="minutes",
        ge=1,
        le=1440,
        prefixed_only=True,
    )
    delete_images: bool = setting(
        False,
        "Delete the cameras' own files, too, when they are older than retention_days and were"
        " looked at. Otherwise no file in foscam_base_path is ever changed.",
        prefixed_only=True,
    )
