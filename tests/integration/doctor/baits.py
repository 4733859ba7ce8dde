"""Secrets to look for, one for each setting that may hold one: new settings come by themselves."""

import json
from hashlib import sha256
from urllib.parse import quote

from hsid.config import ConfigError, Settings, load_settings
from hsid.config.fields import is_secret

FIELDS = [name for name, each in Settings.model_fields.items() if is_secret(each) or "_url" in name]
"""Settings that are secret, or may hold a password in a URL."""


def core(name):
    """Return the part of the bait of *name* that is nowhere else, however the rest is spelt."""
    return sha256(name.encode()).hexdigest()[:20]


def bait(name):
    """Return a secret with what is spelt otherwise in URLs, in JSON and in Python."""
    return f"p&%/@ \"'\\é{core(name)}"


def value_with_bait(name):
    """Return a value that the setting *name* takes; nobody listens where a URL leads."""
    spelt = quote(bait(name), safe="")
    places = [f"{scheme}://u:{spelt}@127.0.0.1:1/d" for scheme in ("postgresql", "redis", "http")]
    words = [bait(name), [bait(name)], f"https://127.0.0.1:1/services/{spelt}"]
    for value in words if is_secret(Settings.model_fields[name]) else places:
        if _is_taken(name, value):
            return value
    raise AssertionError(f"no bait for {name}")


def unusable_with_bait(name):
    """Return values that the setting *name* does not take."""
    wrong = [f"gopher://u:{bait(name)}@h", {"key": bait(name)}, [[bait(name)]], f"u:{core(name)}@h"]
    return [value for value in wrong if not _is_taken(name, value)]


def leaked(text, names=FIELDS):
    """Return the settings of which *text* tells the secret."""
    return [name for name in names if core(name) in text]


def write(path, **settings):
    """Write *settings* as TOML."""
    path.write_text("".join(f"{name} = {_toml(each)}\n" for name, each in settings.items()))


def _is_taken(name, value):
    try:
        load_settings(**{"redis_url": "redis://127.0.0.1:1", name: value})
    except ConfigError:
        return False
    return True


def _toml(value):
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
    return json.dumps(value)
