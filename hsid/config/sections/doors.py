"""Settings of the ways in: HTTP API, keys, rate limits, WebSocket, TLS."""

from pathlib import Path
from typing import Literal

from hsid.config.fields import SecretList, Section, TextList, setting


class Api(Section):
    """HTTP API."""

    api_host: str = setting(
        "127.0.0.1",
        "Address to listen on. 0.0.0.0 opens it to the network: nobody is asked for a key in this"
        " version, and the metrics name the cameras.",
    )
    api_port: int = setting(
        8000, "Port to listen on, for Prometheus and health checks.", ge=1, le=65_535
    )
    metrics_port: int | None = setting(
        None,
        "Port at api_host for Prometheus and health checks alone, in addition to api_port, which"
        " answers them too; unset: none.",
        ge=1,
        le=65_535,
        prefixed_only=True,
    )
    cors_origins: TextList = setting(
        (), "Origins of web pages elsewhere that may call the API from a browser."
    )
    api_key_enabled: bool = setting(False, "Ask callers of the API for a key.")
    api_keys: SecretList = setting((), "The keys that are accepted.")


class RateLimits(Section):
    """Rate limits."""

    rate_limit_enabled: bool = setting(True, "Limit how often one client may call.")
    rate_limit_requests_per_minute: int = setting(
        60, "Calls in general.", unit="requests per minute", ge=1, le=10_000
    )
    rate_limit_burst: int = setting(
        10, "Calls beyond the rate that may come at once.", unit="requests", ge=0, le=1000
    )
    rate_limit_media_requests_per_minute: int = setting(
        120, "Calls for pictures and clips.", unit="requests per minute", ge=1, le=10_000
    )
    rate_limit_websocket_connections_per_minute: int = setting(
        10, "New WebSocket connections.", unit="connections per minute", ge=1, le=1000
    )
    rate_limit_search_requests_per_minute: int = setting(
        30, "Searches.", unit="requests per minute", ge=1, le=10_000
    )


class WebSocket(Section):
    """WebSocket."""

    websocket_idle_timeout_seconds: int = setting(
        300, "A silent connection is closed after this time.", unit="seconds", ge=10, le=86_400
    )
    websocket_ping_interval_seconds: int = setting(
        30, "How often a connection is asked for a sign of life.", unit="seconds", ge=1, le=3600
    )
    websocket_max_message_size: int = setting(
        65_536, "A longer message closes the connection.", unit="bytes", ge=1024, le=16_777_216
    )


class Tls(Section):
    """TLS."""

    tls_mode: Literal["disabled", "self_signed", "provided"] = setting(
        "disabled",
        "disabled: plain HTTP; self_signed: a certificate is made; provided: the files below.",
    )
    tls_cert_path: Path | None = setting(None, "Certificate, in PEM form.")
    tls_key_path: Path | None = setting(None, "Private key of the certificate, in PEM form.")
    tls_ca_path: Path | None = setting(
        None, "Certificates that clients' certificates are checked with."
    )
    tls_verify_client: bool = setting(False, "Ask clients for a certificate.")
    tls_min_version: Literal["TLSv1.2", "TLSv1.3"] = setting(
        "TLSv1.2", "Oldest TLS that is spoken."
    )
