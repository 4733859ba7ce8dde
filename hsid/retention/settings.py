"""From the settings to what a sweep is given."""

from datetime import timedelta

from hsid.config import Settings
from hsid.retention.disk import Places
from hsid.retention_policy.decision import Limits
from hsid.store.connect import database_path
from hsid.store.database import is_postgresql


def limits_of(settings: Settings) -> Limits:
    """Return what *settings* ask to be kept."""
    return Limits(
        keep_for=timedelta(days=settings.retention_days),
        keep_logs_for=timedelta(days=settings.log_retention_days),
        repetitions_for=timedelta(seconds=settings.dedupe_ttl_seconds),
        max_bytes=settings.retention_max_bytes,
        min_free_bytes=settings.retention_min_free_bytes,
        delete_images=settings.delete_images,
    )


def places_of(settings: Settings) -> Places:
    """Return where *settings* say that things lie.

    With a database on a server nothing lies where its file would be: what a node has of its own
    are logs, thumbnails and clips, and the disk of its data folder is the one that counts.
    """
    url = settings.database_url
    return Places(
        database=settings.data_dir / "none" if is_postgresql(url) else database_path(url),
        log_file=settings.log_file_path,
        watch_root=settings.foscam_base_path,
        media=(settings.video_thumbnails_dir, settings.clips_directory),
    )
