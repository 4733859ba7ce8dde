"""No test of the configuration sees that of its machine."""

from tests.unit.config.isolation import house

__all__ = ["house"]
