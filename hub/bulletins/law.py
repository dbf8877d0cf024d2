"""What the law has against a plan, in the words of who plans: its true cause, lengths in minutes and seconds."""

from edge_agent.contract.sentences import Language
from hub.bulletins.hours import Unlawful
from hub.bulletins.machine import NotNow
from hub.language import Translate, translator

_LENGTHS = ("hours.session_too_long", "hours.session_full", "hours.window_end")
"""Rules that speak of how long it is."""


def words(each: Unlawful, seconds: float, language: Language) -> str:
    """Why this instant is not allowed. `seconds`: how long the bulletin is."""
    if each.fault.code not in _LENGTHS:
        return each.fault.text(language)
    t, params = translator(language), each.fault.params
    rule = each.fault.code.removeprefix("hours.")
    said = t(f"plan.law_{rule}", **{**params, "length": length(seconds, t)})
    return said + (" " + t("plan.law_next", next=params["next"]) if each.next else "")


def refusal(each: Unlawful, seconds: float) -> NotNow:
    """Why it cannot be handed in: another time, or shorter where no other time helps."""
    if each.next is not None:
        return NotNow("plan.unlawful")
    minutes, rest = divmod(round(seconds), 60)
    return NotNow("plan.too_long", minutes=minutes, seconds=rest)


def length(seconds: float, t: Translate) -> str:
    """`2 phút 15 giây`, `3 phút`, `40 giây`."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return t("bulletins.seconds", count=rest)
    whole = t("plan.minutes", count=minutes)
    return f"{whole} {t('bulletins.seconds', count=rest)}" if rest else whole
