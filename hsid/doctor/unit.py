"""The systemd unit of the daemon as it is installed: what it may see and write. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

DROP_IN_FOLDER = Path("/etc/systemd/system/hsid.service.d")
STATE_FOLDER = Path("/var/lib/hsid")
RUNTIME_FOLDER = Path("/run/hsid")
CREDENTIALS_FOLDER = Path("/etc/hsid/credentials")

_HOMES = tuple(map(Path, ("/home", "/root", "/run/user")))
_TEMPORARY = tuple(map(Path, ("/tmp", "/var/tmp")))  # noqa: S108 - looked at, not used
_VISIBLE_HOME = frozenset({"no", "false", "off", "0", "read-only"})


@dataclass(frozen=True, slots=True)
class Unit:
    """`[Service]` with all drop-ins: the words of each key, of several assignments together."""

    values: Mapping[str, tuple[str, ...]]

    @property
    def user(self) -> str:
        """Who the daemon runs as."""
        return self._last("User") or "root"

    @property
    def supplementary_groups(self) -> tuple[str, ...]:
        """Groups that the daemon has in addition to those of its user."""
        return self.values.get("SupplementaryGroups", ())

    @property
    def has_devices(self) -> bool:
        """Whether it sees more than the pseudo-devices that all programs need."""
        return self._last("PrivateDevices") in {None, "no", "false"}

    def binds(self, path: PurePath) -> bool:
        """Tell whether *path* is put before the daemon by itself: folders above don't matter."""
        return _is_within(path, self._bound("BindPaths", "BindReadOnlyPaths"))

    def hides(self, path: PurePath) -> bool:
        """Tell whether the daemon can't see *path*, whatever its rights are."""
        if self.binds(path):
            return False
        home, temporary = self._last("ProtectHome"), self._last("PrivateTmp")
        if is_home(path):
            return home is not None and home not in _VISIBLE_HOME
        return temporary == "yes" and _is_within(path, _TEMPORARY)

    def keeps_from_writing(self, path: PurePath) -> bool:
        """Tell whether the daemon can't write below *path*, whatever its rights are."""
        if self._last("ProtectSystem") != "strict":
            return False
        if _is_within(path, self._bound("BindPaths")):
            return False
        writable = (STATE_FOLDER, RUNTIME_FOLDER, *map(PurePath, self._words("ReadWritePaths")))
        return not _is_within(path, writable)

    def _last(self, key: str) -> str | None:
        words = self.values.get(key, ())
        return words[-1].lower() if words else None

    def _bound(self, *keys: str) -> Iterator[PurePath]:
        """Return the sources of what is bound: source[:destination[:options]]."""
        return (PurePath(word.split(":")[0]) for word in self._words(*keys))

    def _words(self, *keys: str) -> Iterator[str]:
        # a path may begin with - (if it is there) or + (below RootDirectory=)
        return (word.lstrip("-+") for key in keys for word in self.values.get(key, ()))


def read_unit(texts: Iterable[str]) -> Unit:
    """Return the unit that *texts*, the file and its drop-ins in order, make."""
    values: dict[str, tuple[str, ...]] = {}
    for text in texts:
        for key, value in _assignments(text):
            values[key] = (*values.get(key, ()), *_words(value)) if value else ()
    return Unit(values)


def is_home(path: PurePath) -> bool:
    """Tell whether *path* is among those that ProtectHome= is about."""
    return _is_within(path, _HOMES)


def quoted(path: PurePath) -> str:
    """Return *path* as it is written in a unit."""
    text = str(path).replace("%", "%%")
    if any(char.isspace() or char in "'\"\\;" for char in text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


def _assignments(text: str) -> Iterable[tuple[str, str]]:
    section = ""
    for line in map(str.strip, text.replace("\\\n", " ").split("\n")):
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and line[0] not in "#;":
            key, _, value = line.partition("=")
            yield key.strip(), value.strip()


def _words(value: str) -> list[str]:
    """Split at spaces outside of quotes, as `quoted` wrote them."""
    words: list[str] = []
    word, quote, is_escaped = "", "", False
    for char in value:
        if is_escaped:
            word, is_escaped = word + char, False
        elif char == "\\":
            is_escaped = True
        elif char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif not quote and char.isspace():
            words, word = [*words, word], ""
        else:
            word += char
    return [each.replace("%%", "%") for each in (*words, word) if each]


def _is_within(path: PurePath, folders: Iterable[PurePath]) -> bool:
    return any(path == folder or folder in path.parents for folder in folders)
