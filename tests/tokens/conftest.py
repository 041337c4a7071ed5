"""Real faces."""

from tests.real_faces import anny

__all__ = ["anny"]
