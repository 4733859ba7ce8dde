"""Names and paths as bytes, and which names are worth a look. Pure."""

from hsid.mime_types import EXTENSION_TO_MIME

_EXTENSIONS = tuple(extension.encode() for extension in EXTENSION_TO_MIME)


def is_hidden(name: bytes) -> bool:
    """Tell whether a file or folder called *name* is somebody's scratch, not an upload.

    rsync and many FTP servers write to `.name.XXXXXX`, `.in.name` or `.partial/name` first.
    """
    return name.startswith(b".")


def is_candidate(name: bytes) -> bool:
    """Tell whether *name*, without folders, is one under which a finished picture or clip lies.

    Temporary endings such as `.part`, `.tmp` and `.filepart` are not: they are no media extension.
    """
    return not is_hidden(name) and name.lower().endswith(_EXTENSIONS)


def is_candidate_path(path: bytes) -> bool:
    """Tell whether *path* has a candidate's name and lies in no hidden folder."""
    return is_candidate(base_name(path)) and not path.startswith(b".") and b"/." not in path


def base_name(path: bytes) -> bytes:
    """Return the last component of *path*."""
    return path.rpartition(b"/")[2]


def join(folder: bytes, name: bytes) -> bytes:
    """Return the path of *name* in *folder*; an empty folder is the place that paths begin at."""
    return folder + b"/" + name if folder else name
