"""Says at once that nothing can be sent, before anything is begun, used up or taken from a form."""

from hub.forms import FormError
from hub.shown import Shown

UNSENT = "outcome.unsent"
"""The broker is away."""


def linked(shown: Shown) -> None:
    """Raises FormError while the broker is away: nothing of what somebody wants done now is kept for later."""
    if not shown.link.connected:
        raise FormError(UNSENT)
