"""Settings of how uploads become events: detectors, batches, analysts, severity, the GPU."""

from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr

from hsid.config.fields import Section, TextList, setting
from hsid.config.urls import validate_http_url

HOME_CLASSES = ("person", "car", "truck", "bus", "bicycle", "motorcycle", "dog", "cat", "bird")
"""What matters around a house among the classes that the embedded detector knows."""


def _validate_services(urls: tuple[str, ...]) -> tuple[str, ...]:
    if not urls:
        raise ValueError("no URL given, expected at least one")
    for url in urls:
        validate_http_url(url)
    return urls


def _validate_header(key: SecretStr | None) -> SecretStr | None:
    text = "" if key is None else key.get_secret_value()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a key is sent in an HTTP header: it may hold printable ASCII only")
    return key


ServiceUrls = Annotated[TextList, AfterValidator(_validate_services)]


class Detection(Section):
    """Detection."""

    detector: Literal["embedded", "rtdetr"] = setting(
        "embedded",
        "Who looks for objects: a small model inside hsid, or the RT-DETR service at rtdetr_url.",
        prefixed_only=True,
    )
    detection_confidence_threshold: float = setting(
        0.5, "Detections below this confidence are dropped.", ge=0.0, le=1.0
    )
    detection_classes: TextList = setting(
        HOME_CLASSES,
        "Kinds of objects that are of interest; others are dropped.",
        prefixed_only=True,
    )
    detector_workers: int | None = setting(
        None,
        "How many uploads are looked at side by side; unset: as many as the machine has cores.",
        unit="processes",
        ge=1,
        le=64,
        prefixed_only=True,
    )
    detector_memory_limit_mb: int = setting(
        2048,
        "Address space of one worker process; a picture that needs more is refused.",
        unit="MiB",
        ge=512,
        le=65_536,
        prefixed_only=True,
    )
    detector_timeout_seconds: float = setting(
        60.0,
        "A worker process that takes longer over one picture is ended, the picture refused.",
        unit="seconds",
        ge=1,
        le=600,
        prefixed_only=True,
    )


class FastPath(Section):
    """Fast path."""

    fast_path_confidence_threshold: float = setting(
        0.90, "A detection this sure has its batch judged at once.", ge=0.0, le=1.0
    )
    fast_path_object_types: TextList = setting(
        ("person",), "Kinds of objects that the fast path is open to."
    )


class Batching(Section):
    """Batches."""

    batch_window_seconds: int = setting(
        90, "A batch covers this much time from its first detection.", unit="seconds", ge=1, le=3600
    )
    batch_idle_timeout_seconds: int = setting(
        30,
        "A batch ends early when its camera sees nothing for this long; a value above"
        " batch_window_seconds never comes into effect.",
        unit="seconds",
        ge=1,
        le=3600,
    )
    batch_max_detections: int = setting(
        500, "A batch of this many detections is full.", ge=1, le=10_000, prefixed_only=True
    )
    batch_late_seconds: int = setting(
        120,
        "How long a batch is kept open for uploads that are still on their way.",
        unit="seconds",
        ge=0,
        le=3600,
        prefixed_only=True,
    )


class Analysis(Section):
    """Analysis."""

    analyst: Literal["rules"] = setting(
        "rules", "Who judges a batch: documented rules.", prefixed_only=True
    )
    # each range leaves room for the thresholds above and below it
    severity_low_max: int = setting(29, "Highest risk score of severity low.", ge=0, le=97)
    severity_medium_max: int = setting(59, "Highest risk score of severity medium.", ge=1, le=98)
    severity_high_max: int = setting(
        84, "Highest risk score of severity high; above it is critical.", ge=2, le=99
    )


class Services(Section):
    """AI services."""

    rtdetr_url: ServiceUrls = setting(
        ("http://localhost:8090",), "RT-DETR detection services; one URL or a list."
    )
    rtdetr_api_key: Annotated[SecretStr | None, AfterValidator(_validate_header)] = setting(
        None, "Key that the RT-DETR service asks for, sent as X-API-Key.", prefixed_only=True
    )
    nemotron_url: ServiceUrls = setting(
        ("http://localhost:8091",), "Nemotron reasoning services; one URL or a list."
    )
    ai_connect_timeout: float = setting(
        10.0, "How long connecting to a service may take.", unit="seconds", ge=1, le=60
    )
    ai_health_timeout: float = setting(
        5.0, "How long a service may take to say that it is well.", unit="seconds", ge=1, le=30
    )
    rtdetr_read_timeout: float = setting(
        60.0, "How long RT-DETR may take over one picture.", unit="seconds", ge=10, le=300
    )
    nemotron_read_timeout: float = setting(
        120.0, "How long Nemotron may take over one batch.", unit="seconds", ge=30, le=600
    )


class Gpu(Section):
    """GPU."""

    gpu_poll_interval_seconds: float = setting(
        5.0, "How often the state of the GPU is read.", unit="seconds", ge=1, le=300
    )
    gpu_stats_history_minutes: int = setting(
        60, "How long readings of the GPU are kept.", unit="minutes", ge=1, le=1440
    )
