"""When the first sample of a play was heard."""

from drivers.audio.card import Card

_LATER_S = 2.0


class Beginning:
    """The frame of the card that was the first sample; what is known of its time becomes better for a while.

    `target`: when it should have left the card (None: at any time); `latency_s`: from there to the ear.
    """

    def __init__(self, card: Card, frame: float, target: float | None, latency_s: float) -> None:
        self._card, self._frame = card, frame
        self._target, self._latency_s = target, latency_s
        self._epoch = card.epoch
        self._final = False
        left = card.now + (frame - card.written + card.waiting) / card.rate
        self._left = card.time_of(frame) if card.ready else left

    @property
    def heard(self) -> float:
        """CLOCK_MONOTONIC, seconds."""
        return self._left + self._latency_s

    @property
    def error_s(self) -> float | None:
        """How much later than wanted."""
        return None if self._target is None else self._left - self._target

    def look_again(self, *, last: bool = False) -> None:
        """Take once more what the card's clock says, two seconds on, or now if it is the `last` chance."""
        card = self._card
        if self._final or not (last or card.now - self._left > _LATER_S):
            return
        self._final = True
        if self._epoch == card.epoch and card.ready:
            self._left = card.time_of(self._frame)
