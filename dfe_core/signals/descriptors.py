"""Acoustic descriptors of a sound by openSMILE: the 25 low-level descriptors of eGeMAPS (Eyben et al. 2016)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.signals.readers import SignalRecording, read_wav


def read_descriptors(path: Path) -> SignalRecording:
    """Read a sound and describe it every 10 ms: loudness, pitch, jitter, shimmer, formants, spectrum.

    Parameters
    ----------
    path
        A PCM WAV file; several channels are averaged.

    Returns
    -------
    SignalRecording
        Time is the middle of each window of openSMILE; channels are named as openSMILE names them, and pitch
        (semitones above 27.5 Hz) is 0 where there is no voice.

    Raises
    ------
    DataError
        Where opensmile is not installed, and for a file that is no PCM WAV.

    References
    ----------
    Eyben et al. (2016), The Geneva Minimalistic Acoustic Parameter Set, IEEE Transactions on Affective Computing 7.
    """
    try:
        import opensmile
    except ImportError as error:
        raise DataError(path, "opensmile is not installed", "the extra sound: `pip install dfe[sound]`") from error
    sound, rate = read_wav(path)
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.LowLevelDescriptors
    )
    table = smile.process_signal(sound.astype(np.float32), rate)
    starts, ends = (table.index.get_level_values(name).total_seconds().to_numpy() for name in ("start", "end"))
    channels = tuple(str(column) for column in table.columns)
    values = table.to_numpy(float)
    return SignalRecording(name=path.name, source="wav", channels=channels, time_s=(starts + ends) / 2, values=values)
