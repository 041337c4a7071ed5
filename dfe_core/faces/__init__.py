"""Face models: a face that can be deformed."""

from dfe_core.faces.archive import save_face
from dfe_core.faces.library import list_faces, open_face
from dfe_core.faces.model import REGIONS, SIDES, FaceModel

__all__ = ["REGIONS", "SIDES", "FaceModel", "list_faces", "open_face", "save_face"]
