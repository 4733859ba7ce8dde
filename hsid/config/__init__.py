"""Configuration: sources in, one frozen `Settings` out."""

from hsid.config.errors import ConfigError, InvalidSettingsError, Problem, SourceError
from hsid.config.sections.intake import CameraSettings
from hsid.config.settings import SECTIONS, Settings, get_settings, load_settings
from hsid.config.urls import validate_database_url

__all__ = [
    "SECTIONS",
    "CameraSettings",
    "ConfigError",
    "InvalidSettingsError",
    "Problem",
    "Settings",
    "SourceError",
    "get_settings",
    "load_settings",
    "validate_database_url",
]
