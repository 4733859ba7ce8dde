"""Keeps the settings of the machine that runs the tests out of them."""

import os
from pathlib import Path

import pytest

from hsid.config import Settings, get_settings, toml_file

_FOREIGN = {"HSI_RUNTIME_ENV_PATH", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"}
_BARE = {name.upper() for name in Settings.model_fields}


@pytest.fixture(autouse=True)
def house(tmp_path, monkeypatch):
    """Work in an empty folder, with no setting given anywhere; return the folder."""
    for name in os.environ:
        if name.upper().startswith("HSID_") or name.upper() in _FOREIGN | _BARE:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    searched = (Path("hsid.toml"), tmp_path / "etc" / "hsid.toml")
    monkeypatch.setattr(toml_file, "SEARCHED", searched)
    get_settings.cache_clear()
    yield tmp_path
    get_settings.cache_clear()
