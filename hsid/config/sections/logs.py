"""Settings of the log."""

from pathlib import Path
from typing import Any, Literal

from hsid.config.fields import LogLevel, Section, computed, setting


def _log_file_in(data: dict[str, Any]) -> Path:
    return Path(data["data_dir"]) / "logs" / "security.log"


class Logging(Section):
    """Logging."""

    log_level: LogLevel = setting("INFO", "Lines below this level are not written.")
    log_format: Literal["auto", "console", "json"] = setting(
        "auto",
        "console is for people, json for machines; auto: console on a terminal, the journal's own"
        " protocol under systemd, json elsewhere.",
        prefixed_only=True,
    )
    log_file_path: Path | None = computed(
        _log_file_in,
        "data/logs/security.log",
        "Rotating log file; empty: none. Unless set: logs/security.log in data_dir.",
    )
    log_file_max_bytes: int = setting(
        10 * 1024 * 1024,
        "A log file of this size is put aside and a new one begun.",
        unit="bytes",
        ge=65_536,
        le=1_073_741_824,
    )
    log_file_backup_count: int = setting(
        7, "How many log files put aside are kept.", unit="files", ge=0, le=100
    )
    log_db_enabled: bool = setting(True, "Write the log into the database too.")
    log_db_min_level: LogLevel = setting(
        "DEBUG", "Lines below this level stay out of the database."
    )
