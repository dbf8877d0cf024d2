"""Measures besides ESTOI: HASPI (pyclarity), and an index after ANSI S3.5 (SII)."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

from bench.voice_estoi import Estoi
from bench.voice_model import RATE, Sentence, rms, to_10k

Doubles = NDArray[np.float64]

# ANSI S3.5-1997, table 3: importance of the third octaves from 160 Hz to 8 kHz for average speech.
_IMPORTANCE = np.array(
    [83, 95, 150, 289, 440, 578, 653, 711, 818, 844, 882, 898, 868, 844, 771, 527, 364, 185], np.float64
) / 10_000  # fmt: skip
_CENTRES = 1000 * 2.0 ** (np.arange(-8, 10) / 3)


def sii(sentence: Sentence, played: Doubles, kind: str) -> float:
    """Speech intelligibility index at 0 dB: band importance times audibility from -15 to +15 dB.

    Of the standard's procedure only this core: long-term band levels, no spread of masking, no level distortion, no
    hearing threshold.
    """
    speech, masker = (_band_powers(x) for x in (sentence.place.heard(played), sentence.noises[kind]))
    audible = np.clip((10 * np.log10(speech / masker) + 15) / 30, 0, 1)
    return float(audible @ _IMPORTANCE)


def _band_powers(samples: Doubles) -> Doubles:
    hz, density = welch(samples, RATE, nperseg=2048)
    edges = _CENTRES[:, None] * 2.0 ** np.array([-1 / 6, 1 / 6])
    return np.array([density[(hz >= low) & (hz < high)].sum() for low, high in edges]) + 1e-20


def haspi(sentence: Sentence, played: Doubles, kind: str) -> float:
    """HASPI version 2 at 0 dB, 0 to 1, normal hearing, 65 dB SPL (Kates, Arehart, Speech Comm. 131, 2021)."""
    from clarity.evaluator.haspi import haspi_v2
    from clarity.utils.audiogram import Audiogram

    normal = Audiogram(levels=np.zeros(6), frequencies=np.array([250, 500, 1000, 2000, 4000, 6000]))
    heard = sentence.place.heard(played) + sentence.noises[kind]
    np.random.seed(0)  # the model's own inner noise comes from here
    clean = sentence.clean
    return float(haspi_v2(clean / rms(clean), RATE, heard / rms(heard), RATE, normal, level1=65)[0])


def check_estoi(sentence: Sentence) -> None:
    """Our quick ESTOI is pystoi's.

    Raises:
        AssertionError: it is not.
    """
    from pystoi import stoi

    noisy = sentence.untouched + sentence.noises["ssn"]
    theirs = stoi(sentence.clean, noisy, RATE, extended=True)
    own = Estoi(to_10k(sentence.clean))(to_10k(noisy))
    assert abs(theirs - own) < 1e-6, (theirs, own)
