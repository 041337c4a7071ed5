"""A tokenizer as one small binary for a browser: what `encoder.LiveEncoder` computes with, in the layout of packed
faces.

Arrays (S coefficients of the source, E of the face, K codewords, L levels, D latent dimensions): products (S, K), gram
(K, K), norms (K,), stride, top and partner (K,), cost (K, L + 1), refund (K,), psi (K, E), sizes (S,). With a network
also codewords (K, D), into_latent (S, D) and its weights by their names in the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.live.encoder import LINK_S, ORDER_FRAMES, LiveEncoder
from dfe_core.live.rest import coefficient_sizes
from dfe_core.render.scene import pack_arrays

if TYPE_CHECKING:
    from dfe_core.tokenizer.model import Tokenizer


def pack_tokenizer(model: Tokenizer, face: FaceModel) -> bytes:
    """The tokenizer of a codebook for the scripts of the page *Live*.

    Raises `DataError` for a face that does not answer to ARKit's coefficients.
    """
    from dfe_core.tokenizer.kernel import plain_tables

    encoder, config = LiveEncoder(model, face), model.config
    gram, norms, stride, top, cost, refund, partner, _ = plain_tables(model.quantizer.tables())
    header = {
        "names": list(encoder.names),
        "encoder": config.encoder,
        "places": config.stages,
        "sweeps": config.sweeps,
        "step": encoder.step,
        "weight": config.temporal_bits * config.rate_weight,
        "link_s": LINK_S,
        "order_frames": ORDER_FRAMES,
        "chunk": config.chunk,
        "heads": config.heads,
        "layers": config.layers,
    }
    arrays = {
        "products": encoder.products,
        "gram": gram,
        "norms": norms,
        "stride": stride.astype(np.int32),
        "top": top.astype(np.int32),
        "partner": partner.astype(np.int32),
        "cost": cost,
        "refund": refund.astype(np.float32),
        "psi": model.codeword_psi().astype(np.float32),
        "sizes": coefficient_sizes(face, encoder.matrix).astype(np.float32),
    }
    return pack_arrays(header, **arrays, **_network(model, encoder.matrix))


def _network(model: Tokenizer, matrix: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of a network that proposes tokens; nothing without one."""
    if model.config.encoder == "linear":
        return {}
    weights = {name: value.detach().numpy() for name, value in model.correction.state_dict().items()}
    into_latent = matrix.astype(np.float64) @ model.frame.double().numpy()
    codewords = model.quantizer.codewords.detach().numpy()
    return {"codewords": codewords, "into_latent": into_latent.astype(np.float32), **weights}
