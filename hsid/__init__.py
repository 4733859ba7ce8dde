"""hsid, a home security intelligence daemon: camera uploads in, judged events out."""

__version__ = "0.1.0"
