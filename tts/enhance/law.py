"""From band levels to band gains: an equaliser of modulations."""

import numpy as np
from numpy.typing import NDArray

from tts.enhance.learned import Correction
from tts.enhance.tuning import EQ_HZ, Tuning

Doubles = NDArray[np.float64]

CENTRES = 160.0 * 2.0 ** (np.arange(18) / 3)  # third-octave bands from 160 Hz to 8.1 kHz
OUT_DB = -20.0  # dBFS, the speech's level when it may change
_MEAN_DB = -20.0  # a usual band's level against that of the whole speech
_START_DB = -26.0  # dBFS, first guess of the level of what comes in
_MOST_SHAPE_DB = 30.0


class GainLaw:
    """Gains that make speech stand out of noise, frame by frame.

    The levels (dB, against the speech's own long-term level) are split in two directions. Across the spectrum: the
    mean of all bands (how loud the moment is) and each band's distance from it (which sound it is). Along time: what
    changed within `tau_m` (onsets, transitions), within `tau_s` (syllables), and slower. Each part is scaled by a
    factor of the `Tuning`: 1 keeps it, 0 takes it away, more than 1 exaggerates it. Taking away differences of loudness
    while keeping or sharpening those of the spectrum lifts consonants and syllable ends out of the noise, as in
    SSDRC (Zorila, Kandia, Stylianou, Interspeech 2012) and AdaptDRC (Schepker, Rennies, Doclo, JASA 138, 2015).
    """

    def __init__(self, hop_s: float, tuning: Tuning, static_db: Doubles) -> None:
        """`static_db` (18 bands of `CENTRES`) is added to the tuning's own equaliser."""
        self._t = t = tuning
        self._horn = static_db
        self._static = static_db + np.interp(np.log2(CENTRES), np.log2(EQ_HZ), t.eq)
        slope = np.clip(np.log2(CENTRES / 1400.0) / 2, -1, 1)
        heard = np.abs(np.log(CENTRES / 1400.0)) < np.log(4.6)  # 300 Hz to 6.4 kHz
        weight = heard * np.exp(t.w_tilt * slope)
        self._weight = weight / weight.sum()
        self._d_up = t.d_up + slope * t.d_fast_slope
        self._d_down = t.d_down + slope * t.d_fast_slope
        self._d_mid = t.d_mid + slope * t.d_mid_slope
        self._d_slow = t.d_slow + slope * t.d_slow_slope
        self._blur = _blur(1.5)
        self._floor = 10 ** (t.floor / 10)
        self._lag_m, self._lag_s = 1 - np.exp(-hop_s / t.tau_m), 1 - np.exp(-hop_s / t.tau_s)
        self._m, self._s = np.full(len(CENTRES), t.floor), np.full(len(CENTRES), t.floor)
        self._in = Level(hop_s, _START_DB)
        self._out = Level(hop_s, _START_DB if t.keep else OUT_DB)
        self._queue = np.zeros((t.ahead, len(CENTRES)))
        self._correction = Correction(hop_s) if t.learned else None

    def gains(self, energies: Doubles) -> Doubles:
        """Return the gains in dB, (frames, 18), of the frames `ahead` before those of `energies`, (frames, 18)."""
        reference, late, gain = self.plan(energies)
        if self._correction:
            relative = energies * 10 ** (-reference[:, None] / 10)
            gain += self._t.learned * self._correction.gains(relative, gain - self._horn)
        out = self._out.track((late * 10 ** (gain / 10)).sum(axis=1))
        return np.asarray(gain + ((reference if self._t.keep else OUT_DB) - out)[:, None])

    def plan(self, energies: Doubles) -> tuple[Doubles, Doubles, Doubles]:
        """Return the speech's level, dB (frames,); the energies of the frames `ahead` before, and the law's gains, dB.

        The gains are those before the correction, and before the level that came in is restored.
        """
        t, count = self._t, len(energies)
        reference = self._in.track(energies.sum(axis=1))
        queue = np.concatenate([self._queue, energies])
        late, self._queue = queue[:count], queue[count:]
        relative = 10 ** (-reference[:, None] / 10)
        mid, slow = self._lags(10 * np.log10(energies * relative + self._floor))
        late_db = 10 * np.log10(late * relative + self._floor)
        loud, loud_m, loud_s = late_db @ self._weight, mid @ self._weight, slow @ self._weight
        shape = self._shape(late_db - loud[:, None], mid - loud_m[:, None], slow - loud_s[:, None])
        energy = 10 * np.log10((late * relative * 10 ** (shape / 10)).sum(axis=1) + self._floor)
        had = loud + t.energy * (energy + _MEAN_DB - loud)
        up = np.minimum(self._loudness(loud, loud_m, loud_s) - had, t.most)
        return reference, late, shape + (up + 2 * np.minimum(0, loud - t.gate))[:, None]

    def _loudness(self, now: Doubles, mid: Doubles, slow: Doubles) -> Doubles:
        """How loud each frame shall be, dB."""
        t, fast, off = self._t, now - mid, mid - _MEAN_DB
        wanted = np.where(fast > 0, t.b_up, t.b_down) * fast + t.b_mid * (mid - slow) + t.b_slow * (slow - _MEAN_DB)
        return np.asarray(wanted + t.b_curve * off * np.abs(off) / 20 + _MEAN_DB)

    def _shape(self, now: Doubles, mid: Doubles, slow: Doubles) -> Doubles:
        """Gain of each band that turns the spectrum's shape into the wanted one, dB."""
        fast = now - mid
        wanted = np.where(fast > 0, self._d_up, self._d_down) * fast + self._d_mid * (mid - slow) + self._d_slow * slow
        wanted += self._t.d_fine * (now - now @ self._blur)
        return np.asarray(np.clip(wanted - now, -_MOST_SHAPE_DB, _MOST_SHAPE_DB) + self._static)

    def _lags(self, level: Doubles) -> tuple[Doubles, Doubles]:
        mid, slow = np.empty_like(level), np.empty_like(level)
        m, s, lag_m, lag_s = self._m, self._s, self._lag_m, self._lag_s
        for k, now in enumerate(level):
            m += lag_m * (now - m)
            s += lag_s * (m - s)
            mid[k] = m
            slow[k] = s
        return mid, slow


class Level:
    """The long-term level of speech in dB: rises in a tenth of a second, falls over seconds, passes over pauses."""

    _PAUSE_DB = 20.0  # so far below the level nobody speaks
    _SETTLED_S = 1.0  # until then the level is still searched for, downwards too
    _SILENCE_DB = -60.0

    def __init__(self, hop_s: float, start_db: float) -> None:
        self._up, self._down = 1 - float(np.exp(-hop_s / 0.15)), 1 - float(np.exp(-hop_s / 3.0))
        self._settled = self._SETTLED_S / hop_s
        self._count = 0.1 / hop_s  # the first guess counts as a tenth of a second
        self._db = start_db

    def track(self, energies: Doubles) -> Doubles:
        """Return the level at each frame of `energies`."""
        out = np.empty(len(energies))
        for k, now in enumerate((10 * np.log10(energies + 1e-12)).tolist()):
            if now > self._db - self._PAUSE_DB or (now > self._SILENCE_DB and self._count < self._settled):
                self._count += 1
                lag = max(self._up if now > self._db else self._down, 1 / self._count)
                self._db += lag * (now - self._db)
            out[k] = self._db
        return out


def _blur(bands: float) -> Doubles:
    """(18, 18): mean over neighbouring bands, Gaussian of `bands` width."""
    place = np.arange(len(CENTRES))
    weights = np.exp(-0.5 * ((place[:, None] - place) / bands) ** 2)
    return np.asarray(weights / weights.sum(axis=0))
