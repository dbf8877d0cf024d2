"""What an alert comes to: nodes, level, words, and what may air by itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cap_rig import SENDER, AlertOf, InfoOf, area, now
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.cap.geo import Shape, distance_km, in_circle
from hub.cap.level import level_of
from hub.cap.message import Alert, Circle, Info
from hub.cap.parse import parse
from hub.cap.plan import Plan, plan
from hub.cap.rules import why_not, why_part_waits
from hub.cap.settings import CapSettings
from hub.cap.spoken import MOST_SPOKEN
from hub.cap.targets import Spot
from hub.people.rights import Place

DONG = Spot("29401/loa-dong", Place("29401", "thon-dong", "loa-dong"), (10.5, 106.5))
TAY = Spot("29401/loa-tay", Place("29401", "thon-tay", "loa-tay"), (10.5, 105.5))
NEW = Spot("29401/loa-moi", Place("29401", "thon-tay", "loa-moi"))
OTHER = Spot("26734/loa", Place("26734", "", "loa"), (21.0, 105.8))
ALL = (DONG, TAY, NEW, OTHER)
NAME = "Đài khí tượng"


def settings(**more: Any) -> CapSettings:
    sender = {"id": SENDER, "name": NAME, "feeds": ["kttv"], "auto": {"from_level": 3}}
    feeds = [{"name": "kttv", "url": "https://kttv.example/feed"}]
    return CapSettings.model_validate({"senders": [sender], "feeds": feeds, **more})


def alert_of(*infos: InfoOf, **more: Any) -> Alert:
    return parse(AlertOf(infos=infos or (InfoOf(),), **more).xml())


def info_of(**more: Any) -> Info:
    return alert_of(InfoOf(**more)).infos[0]


def come_to(*infos: InfoOf, at: CapSettings | None = None, **more: Any) -> Plan:
    return plan(alert_of(*infos, **more), ALL, at or settings(), now())


class TestShapes:
    L = Shape(((0, 0), (4, 0), (4, 1), (1, 1), (1, 4), (0, 4), (0, 0)))

    @pytest.mark.parametrize("point", [(0.5, 0.5), (3.9, 0.5), (0.5, 3.9), (0, 0), (4, 1), (0, 2), (2, 1), (1, 1)])
    def test_inside_and_on_the_border(self, point: tuple[float, float]) -> None:
        assert self.L.holds(*point)

    @pytest.mark.parametrize("point", [(1.1, 1.1), (2, 2), (-0.1, 0.5), (4.1, 0.5), (0.5, 4.1), (3, -1)])
    def test_outside(self, point: tuple[float, float]) -> None:
        assert not self.L.holds(*point)

    @given(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5))
    def test_a_square_holds_what_a_square_holds(self, y: float, x: float) -> None:
        square = Shape(((0, 0), (0, 1), (1, 1), (1, 0), (0, 0)))
        clear = min(abs(y), abs(x), abs(y - 1), abs(x - 1)) > 1e-9
        assert not clear or square.holds(y, x) == (0 <= y <= 1 and 0 <= x <= 1)

    @given(st.integers(3, 200), st.floats(-80, 80), st.floats(-170, 170), st.floats(0.01, 5))
    def test_a_ring_holds_its_middle_and_nothing_far_away(self, n: int, y: float, x: float, r: float) -> None:
        import math

        ring = [(y + r * math.sin(2 * math.pi * k / n), x + r * math.cos(2 * math.pi * k / n)) for k in range(n)]
        shape = Shape((*ring, ring[0]))
        assert shape.holds(y, x)
        assert not shape.holds(y + 1.01 * r, x) and not shape.holds(y, x - 1.01 * r)

    def test_distances_are_those_of_the_globe(self) -> None:
        assert distance_km(0, 0, 0, 90) == pytest.approx(10007.56, rel=1e-4)
        assert distance_km(21.0285, 105.8542, 10.8231, 106.6297) == pytest.approx(1138, rel=0.005)  # Ha Noi, Sai Gon
        assert distance_km(0, 179.5, 0, -179.5) == pytest.approx(111.2, rel=1e-3)
        assert distance_km(10, 106, 10, 106) == 0

    def test_a_circle_ends_at_its_radius(self) -> None:
        assert in_circle(Circle(10, 106, 1.12), 10.01, 106)
        assert not in_circle(Circle(10, 106, 1.10), 10.01, 106)
        assert in_circle(Circle(10, 106, 0), 10, 106)


class TestNodes:
    def test_polygon(self) -> None:
        found = come_to()
        assert found.nodes == (DONG.address,)
        assert found.unplaced == (NEW.address,)  # nobody knows where it stands
        assert found.unknown == ()

    def test_circle(self) -> None:
        assert come_to(InfoOf(areas=area(polygon=None, circle="10.5,105.49 2"))).nodes == (TAY.address,)

    def test_polygon_circle_and_code_together(self) -> None:
        found = come_to(InfoOf(areas=area(circle="10.5,105.5 1", GSO="26734")))
        assert found.nodes == tuple(sorted((DONG.address, TAY.address, OTHER.address)))

    def test_a_communes_own_code_is_known(self) -> None:
        found = come_to(InfoOf(areas=area(polygon=None, GSO="29401")))
        assert found.nodes == tuple(sorted((DONG.address, TAY.address, NEW.address)))
        assert found.unplaced == ()

    def test_a_configured_code_means_what_it_says(self) -> None:
        codes = [{"name": "kttv-vung", "value": "V7", "covers": ["29401//thon-tay", "26734/loa"]}]
        found = come_to(InfoOf(areas=area(polygon=None, **{"kttv-vung": "V7"})), at=settings(geocodes=codes))
        assert found.nodes == tuple(sorted((TAY.address, NEW.address, OTHER.address)))

    def test_a_code_of_another_name_is_another_code(self) -> None:
        codes = [{"name": "kttv-vung", "value": "V7", "covers": ["29401"]}]
        found = come_to(InfoOf(areas=area("Vùng 7", polygon=None, FIPS="V7")), at=settings(geocodes=codes))
        assert (found.nodes, found.unknown) == ((), ("Vùng 7",))

    def test_a_place_of_which_only_the_name_is_given_is_known_to_nobody(self) -> None:
        found = come_to(InfoOf(areas=area("Các xã ven biển", polygon=None)))
        assert (found.nodes, found.unknown) == ((), ("Các xã ven biển",))

    def test_a_node_in_two_areas_hears_the_gravest(self) -> None:
        mild = InfoOf(severity="Minor", headline="Mưa", areas=area(polygon=None, GSO="29401"))
        found = come_to(mild, InfoOf(headline="Lũ"))
        assert [(p.info.headline, p.nodes) for p in found.parts] == [
            ("Lũ", (DONG.address,)),
            ("Mưa", tuple(sorted((TAY.address, NEW.address)))),
        ]
        assert found.unplaced == ()

    def test_vietnamese_words_are_chosen_and_others_left(self) -> None:
        found = come_to(InfoOf("en", headline="Flood"), InfoOf("vi", headline="Lũ"))
        assert [p.info.headline for p in found.parts] == ["Lũ"]

    def test_what_is_over_is_no_part(self) -> None:
        found = come_to(InfoOf(expires=now() - timedelta(minutes=1)), InfoOf(headline="Còn hạn"))
        assert [p.info.headline for p in found.parts] == ["Còn hạn"]

    def test_without_an_end_it_lives_for_a_while(self) -> None:
        sent = now() - timedelta(hours=13)
        assert come_to(InfoOf(expires=None), sent=sent).parts == ()
        assert come_to(InfoOf(expires=None), sent=sent, at=settings(life_hours=14)).parts != ()


class TestLevels:
    @pytest.mark.parametrize(
        ("severity", "level"), [("Extreme", 4), ("Severe", 3), ("Moderate", 2), ("Minor", 1), ("Unknown", 0)]
    )
    def test_by_severity_and_never_five(self, severity: str, level: int) -> None:
        assert level_of(info_of(severity=severity), settings()) == level

    @pytest.mark.parametrize(("said", "level"), [("5", 5), ("Cấp 2", 2), ("cấp độ 3", 3), ("IV", 4), ("level 1", 1)])
    def test_the_senders_own_word_counts_first(self, said: str, level: int) -> None:
        for name in ("RiskLevel", "capdoruiro"):
            assert level_of(info_of(severity="Minor", parameters={name: said}), settings()) == level

    @pytest.mark.parametrize("said", ["0", "6", "33", "cao", "", "VI", "cấp 3-4"])
    def test_a_word_that_is_no_level_does_not_count(self, said: str) -> None:
        assert level_of(info_of(severity="Minor", parameters={"RiskLevel": said}), settings()) == 1

    def test_the_mapping_is_the_communes(self) -> None:
        assert level_of(info_of(), settings(levels={"extreme": 5})) == 5

    def test_a_siren_sounds_from_its_level_on(self) -> None:
        assert come_to(InfoOf(severity="Severe")).parts[0].class_ == "emergency"
        assert come_to(InfoOf(severity="Moderate")).parts[0].class_ == "priority"
        assert come_to(InfoOf(severity="Severe"), at=settings(siren_from=4)).parts[0].class_ == "priority"

    @pytest.mark.parametrize("status", ["Test", "Exercise", "System", "Draft"])
    def test_what_is_not_real_never_has_a_siren(self, status: str) -> None:
        part = come_to(InfoOf(parameters={"RiskLevel": "5"}), status=status).parts[0]
        assert part.class_ == "priority"
        assert part.spoken is not None
        assert part.spoken.text.startswith("Đây là nội dung diễn tập")
        assert part.spoken.text.endswith("không phải tình huống thật.")

    def test_all_clear_has_no_siren(self) -> None:
        assert come_to(InfoOf(response="AllClear")).parts[0].class_ == "priority"


class TestWords:
    def text(self, **more: Any) -> str:
        said = come_to(InfoOf(**more)).parts[0].spoken
        assert said is not None
        return said.text

    def test_the_senders_words_in_their_order(self) -> None:
        assert self.text() == (
            "Đài khí tượng thông báo. Lũ quét đang về trên suối Đông. Nước lên nhanh, có thể ngập cầu tràn. "
            "Bà con rời khỏi bờ suối ngay."
        )

    def test_a_headline_that_the_description_begins_with_is_said_once(self) -> None:
        assert self.text(headline="Lũ lớn", description="Lũ lớn đang về.").count("Lũ lớn") == 1

    def test_a_sender_who_names_himself_is_named_once(self) -> None:
        assert self.text(headline=f"{NAME} báo lũ").count(NAME) == 1

    def test_a_long_text_loses_whole_sentences_and_never_its_instruction(self) -> None:
        part = come_to(InfoOf(description="Nước lên nhanh ở hạ lưu. " * 200)).parts[0]
        assert part.spoken is not None and part.spoken.cut
        assert len(part.spoken.text) <= MOST_SPOKEN
        assert part.spoken.text.endswith("hạ lưu. Bà con rời khỏi bờ suối ngay.")

    @given(st.text(max_size=6000), st.text(max_size=6000), st.text(max_size=6000))
    def test_no_text_is_too_long_or_breaks_it(self, headline: str, description: str, instruction: str) -> None:
        made = replace(info_of(), headline=headline, description=description, instruction=instruction)
        found = plan(replace(alert_of(), infos=(made,)), ALL, settings(), now())
        said = found.parts[0].spoken
        assert said is None or 0 < len(said.text) <= MOST_SPOKEN + 10

    def test_english_alone_is_put_into_our_words_where_we_have_them(self) -> None:
        said = self.text(language="en-US", event="Flash Flood Warning", headline="x", response="Evacuate")
        assert said == (
            "Đài khí tượng thông báo. Cảnh báo lũ quét, mức đặc biệt nghiêm trọng. "
            "Bà con sơ tán theo hướng dẫn của chính quyền."
        )

    def test_an_event_that_we_have_no_word_for_has_no_words(self) -> None:
        assert come_to(InfoOf(language="en-US", event="Volcano")).parts[0].spoken is None


class TestRules:
    def reason(self, *infos: InfoOf, proved: bool = True, at: CapSettings | None = None, **more: Any) -> str:
        alert, chosen = alert_of(*infos, **more), at or settings()
        found = plan(alert, ALL, chosen, now())
        whole = why_not(alert, found, chosen, proved=proved, now=now())
        return whole or why_part_waits(found.parts[0], chosen.sender(alert.sender), now())

    def test_a_grave_certain_proved_alert_needs_nobody(self) -> None:
        assert self.reason() == ""

    @pytest.mark.parametrize("status", ["Test", "Exercise", "System", "Draft"])
    def test_what_is_not_real(self, status: str) -> None:
        assert self.reason(status=status) == "status"

    def test_what_is_not_public(self) -> None:
        assert self.reason(scope="Restricted", restriction="nội bộ") == "scope"

    def test_an_unknown_sender(self) -> None:
        assert self.reason(sender="ai-do@example") == "sender"

    def test_a_sender_whom_nothing_proves(self) -> None:
        assert self.reason(proved=False) == "unproved"

    def test_a_sender_without_a_rule(self) -> None:
        assert self.reason(at=CapSettings.model_validate({"senders": [{"id": SENDER}]})) == "rule"

    @pytest.mark.parametrize(
        ("more", "reason"),
        [
            ({"severity": "Moderate"}, "level"),
            ({"severity": "Unknown"}, "level"),
            ({"certainty": "Possible"}, "certainty"),
            ({"certainty": "Unknown"}, "certainty"),
            ({"urgency": "Past"}, "urgency"),
            ({"effective": now() + timedelta(days=1)}, "future"),
            ({"areas": area(polygon=None)}, "area"),
            ({"areas": ""}, "area"),
            ({"language": "en", "event": "Volcano"}, "language"),
        ],
    )
    def test_every_doubt_is_a_persons(self, more: dict[str, Any], reason: str) -> None:
        assert self.reason(InfoOf(**more)) == reason

    def test_a_message_from_the_future(self) -> None:
        assert self.reason(sent=now() + timedelta(hours=1)) == "future"


class TestConfiguration:
    @pytest.mark.parametrize(
        "raw",
        [
            {"senders": [{"id": SENDER, "auto": {}}]},
            {"senders": [{"id": SENDER, "feeds": ["x"]}]},
            {"senders": [{"id": SENDER}, {"id": SENDER}]},
            {"feeds": [{"name": "a", "url": "ftp://x/y"}]},
            {"feeds": [{"name": "a", "url": "https://u:p@x/y"}]},
            {"feeds": [{"name": "a", "url": "https://x/y"}, {"name": "a", "url": "https://x/z"}]},
            {"senders": [{"id": SENDER, "feeds": ["a"]}], "feeds": [{"name": "a", "url": "http://kttv.example/"}]},
            {"geocodes": [{"value": "1", "covers": [""]}]},
            {"siren_from": 6},
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, raw: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            CapSettings.model_validate(raw)

    def test_without_any_nothing_airs_by_itself(self) -> None:
        assert TestRules().reason(at=CapSettings()) == "sender"
