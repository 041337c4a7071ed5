"""What frames can go through before they are encoded, so that a perturbation changes their tokens less.

A projection on the codebook's manifold, after PuFace, which projects perturbed pictures of faces on a learned one; and
the model of gaps, asked for every second frame from those around it: a blind-spot denoiser (after Krull et al. 2019,
Noise2Void) that is told what was hidden or lost, as a tracker's confidence tells it, and nothing else.

Letters of the shapes: T frames, E coefficients.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np

from dfe_core.expressions.recording import Recording
from dfe_core.gaps.filling import FillOptions, fill_recording, predictions
from dfe_core.gaps.model import GapModel
from dfe_core.gaps.own_spread import LAGS_S
from dfe_core.gaps.people import activity, thinning
from dfe_core.gaps.planting import HALF_S, SECONDS, GapKind
from dfe_core.gaps.series import LOST, SEEN, Stretch
from dfe_core.robustness.perturb import Perturbed, SeenFrames
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.temporal_smoothing import linked_frames

PROJECTION_RATE = 4.0
"""Times the rate weight of the codebook: the projection keeps tokens that are worth four times what they cost."""
_PREDICTED = 1.5  # variance of the mean of two noisy neighbours against one noisy frame, in variances of noise
_LEAST_FRAMES = 8
_KNOWN = 0.02


def projecting(model: Tokenizer) -> Tokenizer:
    """A tokenizer of the same codewords that writes fewer tokens; what it decodes to is the projection."""
    sparse = copy.deepcopy(model)
    sparse.quantizer.rate_weight *= PROJECTION_RATE
    return sparse


@dataclass(frozen=True, eq=False, kw_only=True)
class MaskedModel:
    """The purifier of the model of gaps. names: of the coefficients."""

    model: GapModel
    names: tuple[str, ...]

    def purified(self, found: Perturbed, seen: SeenFrames) -> Perturbed:
        """Lost frames filled, hidden halves filled, else noise taken off."""
        if found.lost:
            return self._filled(found, seen)
        if found.hidden:
            return self._shown(found, seen)
        return found if len(found.psi) < _LEAST_FRAMES else replace(found, psi=self._denoised(found, seen))

    def _filled(self, found: Perturbed, seen: SeenFrames) -> Perturbed:
        count = len(seen.psi)
        psi, valid = np.zeros(seen.psi.shape, np.float32), np.zeros(count, bool)
        psi[found.rows], valid[found.rows] = found.psi, True
        recording = Recording(
            name="",
            names=self.names,
            psi=psi,
            time_s=seen.time_s,
            frame=seen.number,
            valid=valid,
            fps=seen.fps,
            space="",
            extractor="",
        )
        filled = fill_recording(recording, self.model, FillOptions(count_filled=True))
        rows = np.flatnonzero(valid | (filled.filled > 0))
        return replace(
            found,
            psi=filled.psi[rows],
            rows=rows,
            linked=linked_frames(seen.number[rows]),
            touched=np.ones(len(rows), bool),
        )

    def _shown(self, found: Perturbed, seen: SeenFrames) -> Perturbed:
        """The half that touched frames hide, from the other half and from the frames around."""
        kind = GapKind(hides=found.hidden, seconds=HALF_S).name
        if kind not in self.model.methods or found.touched.all():
            return found
        state = np.where(found.touched, self.model.state_of(found.hidden), SEEN)
        mean = found.psi[~found.touched].mean(0)
        guess, _, unknown = predictions(self._stretch(found.psi - mean, state, seen.fps), self.model)
        psi = np.where(unknown > _KNOWN, guess(self.model.methods[kind]) + mean, found.psi)
        return replace(found, psi=psi.astype(np.float32))

    def _stretch(self, psi: np.ndarray, state: np.ndarray, rate: float) -> Stretch:
        own = activity(psi[state == SEEN], self.model.scale)
        return Stretch(psi=psi.astype(np.float32), state=state, rate=rate, activity=own, spread=self.model.straying)

    def _denoised(self, found: Perturbed, seen: SeenFrames) -> np.ndarray:
        """Every frame a mean of itself and of what the frames around it say, each weighed by its variance. How noisy
        the recording is follows from how much farther it strays from its neighbours than the people of the model do."""
        mean, count = found.psi.mean(0), len(found.psi)
        psi, step = found.psi - mean, thinning(seen.fps)
        turn = np.arange(count) // step % 2
        guessed = np.zeros(psi.shape, np.float32)
        for odd in (0, 1):
            state = np.where(turn == odd, LOST, SEEN)
            if not (state == SEEN).any():
                return found.psi
            method = self.model.methods.get(GapKind(hides="frames", seconds=SECONDS[0]).name, "linear")
            guess = predictions(self._stretch(psi, state, seen.fps), self.model)[0](method)
            guessed[turn == odd] = guess[turn == odd]
        usual = self._usual(seen.fps) ** 2
        noise = np.maximum(((psi - guessed) ** 2).mean(0) - usual, 0) / _PREDICTED
        own = (usual + noise / 2) / np.maximum(usual + _PREDICTED * noise, 1e-18)
        return (mean + guessed + own * (psi - guessed)).astype(np.float32)

    def _usual(self, rate: float) -> np.ndarray:
        """(E,) distance of a frame from its neighbours among the people that the model was fitted to."""
        place = np.interp(np.log(max(thinning(rate) / rate, LAGS_S[0])), np.log(LAGS_S), np.arange(len(LAGS_S)))
        low = min(int(place), len(LAGS_S) - 2)
        return (low + 1 - place) * self.model.straying[low] + (place - low) * self.model.straying[low + 1]
