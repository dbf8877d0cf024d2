"""Vietnamese number words, in the northern or the southern way."""

from tts.reading.settings import Region

DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")

# Longer runs of digits are no quantities that anybody can follow: they are read digit by digit.
_LONGEST = 18


class Numbers:
    """Number words of one region: linh, nghìn, hai mươi tư (north) or lẻ, ngàn, hai mươi bốn (south)."""

    def __init__(self, region: Region = "north") -> None:
        north = region == "north"
        self.thousand = "nghìn" if north else "ngàn"
        self._odd = "linh" if north else "lẻ"
        self._four = "tư" if north else "bốn"

    def digits(self, text: str) -> str:
        """Return the digits of `text` one by one; other characters are passed over."""
        return " ".join(DIGITS[int(char)] for char in text if char in "0123456789")

    def whole(self, text: str) -> str:
        """Return a run of digits as a whole number; leading zeros count only when nothing else is there."""
        text = text.lstrip("0") or "0"
        return self.digits(text) if len(text) > _LONGEST else self._whole(int(text))

    def decimal(self, whole: str, fraction: str, mark: str = "phẩy") -> str:
        """Return the words of a number with a fraction, `mark` between them.

        A fraction of two digits is read as a number (phẩy hai mươi lăm), one that is longer or begins with a zero
        digit by digit.
        """
        as_number = len(fraction) == 1 or (len(fraction) == 2 and fraction[0] != "0")
        return f"{self.whole(whole)} {mark} {self.whole(fraction) if as_number else self.digits(fraction)}"

    def _whole(self, number: int) -> str:
        if number == 0:
            return DIGITS[0]
        billions, rest = divmod(number, 10**9)
        words = [f"{self._whole(billions)} tỷ"] if billions else []
        for power, name in ((6, " triệu"), (3, f" {self.thousand}"), (0, "")):
            part = rest // 10**power % 1000
            if part:
                # A lower group keeps its hundreds: một nghìn không trăm mười lăm.
                words.append(self._below_thousand(part, keep_hundreds=bool(words)) + name)
        return " ".join(words)

    def _below_thousand(self, number: int, *, keep_hundreds: bool) -> str:
        hundreds, rest = divmod(number, 100)
        tens, ones = divmod(rest, 10)
        words = [f"{DIGITS[hundreds]} trăm"] if hundreds or keep_hundreds else []
        if tens == 0:
            if ones:
                words += [self._odd, DIGITS[ones]] if words else [DIGITS[ones]]
        elif tens == 1:
            words.append("mười" if ones == 0 else f"mười {'lăm' if ones == 5 else DIGITS[ones]}")
        else:
            words.append(f"{DIGITS[tens]} mươi" + (f" {self._after_tens(ones)}" if ones else ""))
        return " ".join(words)

    def _after_tens(self, ones: int) -> str:
        return {1: "mốt", 4: self._four, 5: "lăm"}.get(ones, DIGITS[ones])
