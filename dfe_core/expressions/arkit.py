"""The 52 ARKit face coefficients, where readers look for them; the names live with the faces that carry them."""

from dfe_core.faces.arkit import ARKIT_NAMES, canonical_name

__all__ = ["ARKIT_NAMES", "canonical_name"]
