"""Alerts that mean harm: shapes without end, well-formed noise. Refused by name, or taken for what they are."""

import math
from itertools import pairwise

import pytest
from cap_rig import SQUARE, AlertOf, InfoOf, area, element
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.cap.areas import MOST_SHAPES
from hub.cap.geo import Disc, Region, Shape, in_circle
from hub.cap.message import Circle, Points
from hub.cap.parse import CapError, parse
from hub.cap.plan import Plan, plan
from hub.cap.settings import CapSettings
from hub.cap.targets import Spot, covered
from hub.language import catalogue
from hub.people.rights import Place

HERE = Spot("29401/tram-bom", Place("29401", "thon-dong"), (10.5, 106.5))
AWAY = Spot("29401/loa-tay", Place("29401", "thon-tay"), (9.5, 105.5))


def written(areas: str, infos: int = 1) -> bytes:
    return AlertOf(infos=(InfoOf(areas=areas),) * infos).xml()


def come_to(data: bytes, *spots: Spot) -> Plan:
    alert = parse(data)
    return plan(alert, spots or (HERE, AWAY), CapSettings(commune_codes=("GSO",)), alert.sent)


def problems(data: bytes) -> set[str]:
    with pytest.raises(CapError) as caught:
        parse(data)
    keys = {problem.key for problem in caught.value.problems}
    assert keys <= catalogue("vi").keys(), "each has its sentence"
    return keys


def ring(corners: int) -> str:
    """Around (10.5, 106.5)."""
    angles = [2 * math.pi * n / corners for n in range(corners)]
    points = [f"{10.5 + 0.3 * math.sin(a):.6f},{106.5 + 0.3 * math.cos(a):.6f}" for a in angles]
    return " ".join([*points, points[0]])


class TestPolygons:
    def test_ten_thousand_corners_are_a_shape_as_any_other(self) -> None:
        assert come_to(written(area(polygon=ring(9_999)))).nodes == (HERE.address,)

    def test_more_than_that_are_refused_also_over_several_polygons(self) -> None:
        assert problems(written(area(polygon=ring(10_000)))) == {"cap.bad_points"}
        assert "cap.bad_points" in problems(written(area(polygon=ring(5_999)) * 2))

    def test_long_sides_without_end_do_not_fill_the_memory(self) -> None:
        zigzag = " ".join(f"{10 + n % 2},{106 + n / 10_000}" for n in range(9_997))
        shape = parse(written(area(polygon=f"{zigzag} 10,107 9.9,106 10,106"))).infos[0].areas[0].polygons[0]
        assert sum(map(len, Shape(shape)._bands)) < 10 * len(shape)

    def test_one_that_crosses_itself_holds_each_of_its_halves_and_nothing_beside(self) -> None:
        hourglass = "10,106 11,107 11,106 10,107 10,106"
        west, east, inside = (Spot(at, HERE.place, (10.5, x)) for at, x in (("w", 106.1), ("e", 106.9), ("m", 106.5)))
        north = Spot("n", HERE.place, (10.9, 106.5))
        assert come_to(written(area(polygon=hourglass)), west, east, inside, north).nodes == ("m", "n")

    @pytest.mark.parametrize(
        ("polygon", "key"),
        [
            ("10,106 11,106 11,107 10,107", "cap.bad_polygon_open"),
            ("10,106 11,106 10,106", "cap.bad_polygon_short"),
            ("10,106 10,106 10,106 91,106 10,106", "cap.bad_point"),
            ("10,106 11,181 11,107 10,106", "cap.bad_point"),
            ("10,106 11,1e2 11,107 10,106", "cap.bad_point"),
            ("10,106 11,NaN 11,107 10,106", "cap.bad_point"),
            ("10,106 11,Infinity 11,107 10,106", "cap.bad_point"),
            ("10;106 11;106 11;107 10;106", "cap.bad_point"),
            ("10,106 ١١,106 11,107 10,106", "cap.bad_point"),
            (f"10,106 11,{'1' * 400} 11,107 10,106", "cap.bad_point"),
        ],
    )
    def test_what_is_no_polygon_is_refused(self, polygon: str, key: str) -> None:
        assert problems(written(area(polygon=polygon))) == {key}

    def test_one_of_no_size_holds_only_itself(self) -> None:
        assert come_to(written(area(polygon="10.5,106.5 10.5,106.5 10.5,106.5 10.5,106.5"))).nodes == (HERE.address,)

    def test_one_over_the_180th_meridian_does_not_mean_all_the_rest_of_the_world(self) -> None:
        fiji = come_to(written(area("Fiji", polygon="-20,178 20,178 20,-178 -20,-178 -20,178")))
        assert (fiji.nodes, fiji.unknown) == ((), ("Fiji",))  # a person decides
        alert = parse(written(area("Fiji", polygon="-20,178 20,178 20,-178 -20,-178 -20,178")))
        assert alert.notes == ("cap.note_wide_polygon",)
        both = area("Fiji", polygon="-20,178 20,178 20,-178 -20,-178 -20,178") + area(polygon=SQUARE)
        assert come_to(written(both)).nodes == (HERE.address,)


class TestCircles:
    @pytest.mark.parametrize(
        ("circle", "nodes"),
        [
            ("10.5,106.5 0", (HERE.address,)),
            ("10.5,106.5001 0", ()),
            ("10.5,106.5 20100", (AWAY.address, HERE.address)),
            ("-10.5,-73.5 20016", (AWAY.address, HERE.address)),  # the other side of the earth
            ("89.9,-170 8850", (HERE.address,)),  # over the pole
        ],
    )
    def test_small_and_huge_ones_hold_what_lies_in_them(self, circle: str, nodes: tuple[str, ...]) -> None:
        assert come_to(written(area(polygon=None, circle=circle))).nodes == nodes

    @pytest.mark.parametrize("radius", ["-1", "-0.001", "20101", "999999", "1e3", "NaN", "", "1 2", "9" * 400])
    def test_of_a_radius_that_is_none_nothing_is_taken(self, radius: str) -> None:
        assert problems(written(area(polygon=None, circle=f"10.5,106.5 {radius}"))) == {"cap.bad_circle"}

    @given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 20_100), st.floats(-90, 90), st.floats(-180, 180))
    def test_the_box_around_one_leaves_nothing_out(self, y: float, x: float, km: float, ny: float, nx: float) -> None:
        circle = Circle(y, x, km)
        assert Disc(circle).holds(ny, nx) == in_circle(circle, ny, nx)


class TestMany:
    def test_two_hundred_areas_are_taken_and_no_more(self) -> None:
        many = "".join(area(f"Vùng {n}", polygon="0,0 1,0 1,1 0,0") for n in range(199))
        assert come_to(written(many + area(polygon=SQUARE))).nodes == (HERE.address,)
        assert problems(written(many + area() * 2)) == {"cap.bad_many"}

    def test_shapes_without_number_are_refused(self) -> None:
        circles = "".join(f"<area><areaDesc>{n}</areaDesc>{'<circle>1,1 1</circle>' * 199}</area>" for n in range(4))
        assert problems(written(circles, infos=2)) == {"cap.bad_shapes"}
        assert len(parse(written(circles)).infos[0].areas) == 4 and MOST_SHAPES >= 4 * 199

    def test_every_commune_of_the_country_may_be_named(self) -> None:
        codes = [f"{n:05d}" for n in range(26_100, 29_402)]
        geocodes = "".join(f"<geocode>{element('valueName', 'GSO')}{element('value', c)}</geocode>" for c in codes)
        named = f"<area>{element('areaDesc', 'Cả nước')}{geocodes}</area>"
        assert come_to(written(named)).nodes == (AWAY.address, HERE.address)

    def test_codes_without_number_are_refused(self) -> None:
        code = f"<geocode>{element('valueName', 'GSO')}{element('value', '1')}</geocode>"
        assert problems(written(f"<area><areaDesc>x</areaDesc>{code * 5_001}</area>")) == {"cap.bad_many"}
        assert problems(written(f"<area><areaDesc>x</areaDesc>{code * 4_000}</area>" * 2)) == {"cap.xml_many"}

    def test_places_hold_as_they_do_one_by_one(self) -> None:
        codes = [{"name": "V", "value": f"{n}", "covers": [place]} for n, place in enumerate(PLACES)]
        known = CapSettings.model_validate({"geocodes": codes})
        spot = Spot("29401/tram-bom", Place("29401", "thon-dong", "tram-bom"))
        for n, place in enumerate(PLACES):
            alert = parse(written(area(polygon=None, V=f"{n}")))
            found = covered(alert.infos[0].areas, [spot], known).nodes
            assert bool(found) == Place.parse(place).holds(spot.place), place


PLACES = ("29401", "29401//thon-dong", "29401/tram-bom", "29401//thon-tay", "29401/loa-tay", "29402", "29402/tram-bom")


@st.composite
def polygons(draw: st.DrawFn) -> Points:
    corners = draw(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=12))
    return tuple((float(y), float(x)) for y, x in (*corners, corners[0]))


def winding(points: Points, y: float, x: float) -> bool:
    """Whether an odd number of borders lies to the east: all sides looked at one by one, with whole numbers."""
    inside = False
    for (y1, x1), (y2, x2) in pairwise(points):
        if (y1 > y) != (y2 > y) and (x - x1) * abs(y2 - y1) < (y - y1) * (x2 - x1) * (1 if y2 > y1 else -1):
            inside = not inside
    return inside


@given(polygons(), st.integers(-8, 8), st.integers(-80, 80))
def test_any_polygon_holds_what_lies_within_an_odd_number_of_its_borders(points: Points, y: int, x: int) -> None:
    at = (y / 2 + 0.25, x / 16 + 0.0078125)  # on no corner
    lies_on = any((x2 - x1) * (at[0] - y1) == (y2 - y1) * (at[1] - x1) for (y1, x1), (y2, x2) in pairwise(points))
    assert lies_on or Shape(points).holds(*at) == winding(points, *at)
    region = Region([points, points], [])
    assert region.holds(*at) == region.holds(*at) == Shape(points).holds(*at)


WORDS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "Actual",
            "Alert",
            "Cancel",
            "Public",
            "vi-VN",
            "Met",
            "Extreme",
            "-1",
            "10,106 11,106 11,107 10,106",
            "1,1 -5",
        ]
    ),
    st.sampled_from(["2026-11-23T05:30:00+07:00", "2026-02-30T05:30:00Z", "9999-12-31T23:59:59-14:00", "a,b,c", "١"]),
)
NAMES = st.sampled_from(
    [
        *("alert", "identifier", "sender", "sent", "status", "msgType", "scope", "references", "info", "language"),
        *("category", "event", "urgency", "severity", "certainty", "expires", "parameter", "valueName", "value"),
        *("area", "areaDesc", "polygon", "circle", "geocode", "resource", "x"),
    ]
)


def node(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def text_of(words: str) -> str:
    kept = "".join(
        c for c in words if c == "\n" or (ord(c) >= 32 and not 0xD800 <= ord(c) < 0xE000 and ord(c) < 0xFFFE)
    )
    return element("x", kept).removeprefix("<x>").removesuffix("</x>")


TREES = st.recursive(
    WORDS.map(text_of), lambda inner: st.lists(st.builds(node, NAMES, inner), max_size=6).map("".join), max_leaves=25
)


@settings(max_examples=300, deadline=None)
@given(TREES, st.booleans())
def test_well_formed_nonsense_is_refused_with_codes_that_have_sentences(inner: str, inside: bool) -> None:
    data = f'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">{inner}</alert>'.encode()
    if inside:
        data = AlertOf().xml().replace(b"</area>", f"{inner}</area>{inner}".encode())
    try:
        come_to(data)
    except CapError as error:
        assert error.problems
        assert {problem.key for problem in error.problems} <= catalogue("vi").keys()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["polygon", "circle", "value"]))
def test_any_text_in_a_shape_is_a_shape_or_refused(text: str, name: str) -> None:
    shape = area(polygon=text_of(text) if name == "polygon" else None, circle=text if name == "circle" else None)
    data = written(shape.replace("\x00", "") if name != "value" else area(polygon=None, GSO=text_of(text)))
    try:
        come_to(data)
    except CapError as error:
        assert error.problems
