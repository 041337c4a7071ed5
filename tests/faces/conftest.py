"""Real faces."""

from tests.real_faces import anny, face, ict, ict_source

__all__ = ["anny", "face", "ict", "ict_source"]
