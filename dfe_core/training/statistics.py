"""What training leaves behind: the model's files, with what each codeword does and how the training frames use it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokens.describe import describe_codewords
from dfe_core.tokens.encoding_stream import encode_frames

_FRAMES = 20_000


def describe_table(model: Tokenizer, face: FaceModel, psi: np.ndarray, seed: int) -> pd.DataFrame:
    """(K rows) uses, share_of_frames, main_stage, mean_intensity over a sample of training frames; description.

    uses counts tokens in the sample; a frame that holds a codeword twice counts once in share_of_frames.
    """
    rows = np.random.default_rng(seed).choice(len(psi), min(_FRAMES, len(psi)), replace=False)
    tokens, _, intensities, _ = encode_frames(model, np.asarray(psi[np.sort(rows)]), torch.zeros_like(model.frame))
    return sample_usage(tokens, intensities, len(model.quantizer.codewords)).assign(
        description=describe_codewords(model.codeword_psi(), face)
    )


def sample_usage(tokens: np.ndarray, intensities: np.ndarray, codewords: int) -> pd.DataFrame:
    """Use of each codeword by (T, N) tokens: uses, share_of_frames, main_stage (0-based, −1 unused), mean_intensity.

    mean_intensity is NaN for a codeword that is not used, and for rest, which has no intensity, as in `tokens.usage`.
    """
    frames, stages = tokens.shape
    by_stage = np.stack([np.bincount(tokens[:, s], minlength=codewords) for s in range(stages)])
    uses = by_stage.sum(0)
    strength = np.bincount(tokens.ravel(), intensities.ravel(), minlength=codewords)
    repeated = np.stack([(tokens[:, :s] == tokens[:, s, None]).any(1) for s in range(stages)], 1)
    present = np.bincount(tokens[~repeated], minlength=codewords)
    mean = np.divide(strength, uses, out=np.full(codewords, np.nan), where=uses > 0)
    mean[REST] = np.nan
    return pd.DataFrame(
        {
            "uses": uses,
            "share_of_frames": present / max(frames, 1),
            "main_stage": np.where(uses > 0, by_stage.argmax(0), -1),
            "mean_intensity": mean,
        }
    )
