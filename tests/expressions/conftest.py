"""Real faces."""

from tests.real_faces import anny, ict, ict_source

__all__ = ["anny", "ict", "ict_source"]
