"""Signing in, the second factor, invitations, and what an administrator changes; over real HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from hub_rig import Mosquitto, Running, config_for, now, serving
from people_rig import EAST, Somebody, Village, client, village

from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.commands import CancelBulletin, PlanBulletin
from edge_agent.contract.errors import Fault
from hub.commands import Outcome
from hub.people import passwords
from hub.people.accounts import Account
from hub.people.acting import acting
from hub.people.asked import Asked
from hub.people.chain import verify
from hub.people.rights import EVERYWHERE, Grant, Place, Role
from hub.people.sessions import COOKIE, HALF, IDLE, LONGEST, STRONG_IDLE, STRONG_LONGEST

ON_BOTH_DATABASES = "long"
PASSWORD = "con trâu đi trước"


@pytest.fixture
async def place(hub: Running, broker: Mosquitto) -> AsyncIterator[Village]:
    async with village(hub, broker) as made:
        yield made


async def person(hub: Running, login: str = "lan", *given: Grant) -> Account:
    """Somebody with a password."""
    kept = await passwords.Passwords().make(PASSWORD)
    return await hub.hub.accounts.add(login, "Nguyễn Thị Lan", given or [Grant(Role.VIEWER, EVERYWHERE)], password=kept)


async def enter(http: httpx.AsyncClient, login: str = "lan", password: str = PASSWORD, **more: str) -> httpx.Response:
    return await http.post("/sign-in", data={"login": login, "password": password, **more})


async def row_of(hub: Running, act: str) -> dict[str, Any]:
    """The newest row of an act, once it is written: that is not waited for where it is noted."""
    async with asyncio.timeout(10):
        while not (rows := (await hub.http.get(f"/audit.json?act={act}")).json()):
            await asyncio.sleep(0.05)
    return dict(rows[0])


async def test_name_and_password_open_the_page_that_was_asked_for(hub: Running) -> None:
    await person(hub)
    async with client(hub.url) as http:
        first = await http.get("/calendar?where=x")
        assert first.headers["location"] == "/sign-in?next=/calendar%3Fwhere%3Dx"
        entered = await enter(http, " LAN ", next="/calendar?where=x")
        assert (entered.status_code, entered.headers["location"]) == (303, "/calendar?where=x")
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie
        assert (await http.get("/calendar")).status_code == 200
    row = await row_of(hub, "person.sign_in")
    assert (row["name"], row["outcome"]) == ("Nguyễn Thị Lan", "done")


@pytest.mark.parametrize("after", ["//evil.example", "https://evil.example", "/\\evil.example", "/sign-out", "x"])
async def test_nobody_is_led_to_another_site(hub: Running, after: str) -> None:
    await person(hub)
    async with client(hub.url) as http:
        assert (await enter(http, next=after)).headers["location"] == "/"


async def test_a_cookie_is_new_at_each_sign_in_and_the_one_of_before_is_void(hub: Running) -> None:
    await person(hub)
    async with client(hub.url) as http:
        await enter(http)
        before = http.cookies[COOKIE]
        await enter(http)
        assert http.cookies[COOKIE] != before
    async with client(hub.url, before) as old:
        assert (await old.get("/calendar")).status_code == 303


async def test_wrong_names_and_wrong_passwords_get_the_same_answer(hub: Running) -> None:
    await person(hub)
    async with client(hub.url) as http:
        known, unknown = await enter(http, password="sai mật khẩu"), await enter(http, "ai-do", "sai mật khẩu")
    assert (known.status_code, unknown.status_code) == (422, 422)
    assert known.text.replace('value="lan"', "") == unknown.text.replace('value="ai-do"', "")
    assert COOKIE not in known.headers.get("set-cookie", "")


@pytest.mark.parametrize("login", ["lan", "khong-ai-ten-nay"])
async def test_who_guesses_waits_also_with_the_right_password(hub: Running, login: str) -> None:
    account = await person(hub)
    async with client(hub.url) as http:
        answers = [(await enter(http, login, "sai mật khẩu")).status_code for _ in range(6)]
        assert answers == [422] * 5 + [429]
        last = await enter(http, login)
        assert last.status_code == 429 and int(last.headers["retry-after"]) > 0 and "mở khoá" in last.text
        await hub.http.post(f"/people/{account.person.id}/unlock")
        assert (await enter(http)).status_code == 303


async def test_who_guesses_elsewhere_keeps_nobody_from_the_device_they_know(hub: Running) -> None:
    """With a count of its own on that device: password and second factor alike. An unlock holds for both."""
    account = await person(hub, "lan", Grant(Role.STAFF, Place("29401")))
    async with client(hub.url) as known, client(hub.url) as other, client(hub.url) as forger:
        await enter(known)
        _, papers = await enrolled(known)
        await known.post("/sign-out")
        await enter(other)
        wrong = [(await other.post("/sign-in/second", data={"code": f"{n:06}"})).status_code for n in range(6)]
        wrong += [(await enter(other, password="sai mật khẩu")).status_code for _ in range(6)]
        assert wrong == ([422] * 5 + [429]) * 2
        cookies = {name: value for name, value in known.cookies.items() if name.startswith("hub_device_")}
        assert len(cookies) == 1 and account.person.id not in str(cookies)
        for name, value in cookies.items():
            forger.cookies.set(name, f"{value[:-9]}AAAA{value[-5:]}")
        assert (await enter(forger)).status_code == 429
        assert (await enter(known)).headers["location"].startswith("/sign-in/second")
        assert (await known.post("/sign-in/second", data={"code": papers[0]})).headers["location"] == "/"
        await known.post("/sign-out")
        assert [(await enter(known, password="sai")).status_code for _ in range(6)] == [422] * 5 + [429]
        await hub.http.post(f"/people/{account.person.id}/unlock")
        assert (await enter(known)).status_code == (await enter(other)).status_code == 303


async def test_many_guesses_at_once_are_no_more_guesses(hub: Running) -> None:
    await person(hub)
    async with client(hub.url) as http:
        answers = await asyncio.gather(*(enter(http, password=f"sai mật khẩu {n}") for n in range(20)))
    assert sum(answer.status_code == 422 for answer in answers) == 5


async def test_waiting_outlives_a_restart(broker: Mosquitto, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.port)
    async with serving(config) as hub:
        await person(hub)
        async with client(hub.url) as http:
            for _ in range(6):
                await enter(http, password="sai mật khẩu")
    async with serving(config) as hub, client(hub.url) as http:
        assert (await enter(http)).status_code == 429


async def enrolled(http: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Set up the second factor: its secret, and the codes on paper."""
    page = await http.get("/sign-in/enrol")
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', page.text)
    assert found and "<svg" in page.text
    secret = found[1].replace(" ", "")
    done = await http.post("/sign-in/enrol", data={"code": pyotp.TOTP(secret).now()})
    assert done.status_code == 200
    return secret, re.findall(r"<li>([a-z0-9]{5}-[a-z0-9]{5})</li>", done.text)


async def test_who_speaks_to_a_commune_must_set_up_a_second_factor_first(hub: Running) -> None:
    await person(hub, "lan", Grant(Role.STAFF, Place("29401")))
    async with client(hub.url) as http:
        assert (await enter(http, next="/nodes")).headers["location"] == "/sign-in/enrol?next=/nodes"
        for path in ("/", "/nodes", "/me", "/live"):
            assert (await http.get(path)).headers["location"].startswith("/sign-in/second")
        weak = http.cookies[COOKIE]
        _, papers = await enrolled(http)
        assert len(set(papers)) == 10
        assert (await http.get("/nodes")).status_code == 200
        assert http.cookies[COOKIE] != weak
    async with client(hub.url, weak) as old:
        assert (await old.get("/nodes")).status_code == 303


async def test_each_code_works_once_the_phones_and_those_on_paper(hub: Running) -> None:
    await person(hub, "lan", Grant(Role.STAFF, Place("29401")))
    async with client(hub.url) as http:
        await enter(http)
        secret, papers = await enrolled(http)
        replayed = pyotp.TOTP(secret).now()
        await http.post("/sign-out")
        assert (await enter(http)).headers["location"] == "/sign-in/second?next=/"
        assert (await http.post("/sign-in/second", data={"code": replayed})).status_code == 422
        both = await asyncio.gather(*(http.post("/sign-in/second", data={"code": papers[0]}) for _ in range(2)))
        assert sorted(answer.headers.get("location", "") for answer in both)[-1] == "/"
        await http.post("/sign-out")
        await enter(http)
        assert (await http.post("/sign-in/second", data={"code": papers[0]})).status_code == 422
        assert (await http.post("/sign-in/second", data={"code": papers[1].upper()})).status_code == 303


async def test_guessing_the_second_factor_waits_too(hub: Running) -> None:
    await person(hub, "lan", Grant(Role.STAFF, Place("29401")))
    async with client(hub.url) as http:
        await enter(http)
        _, papers = await enrolled(http)
        await http.post("/sign-out")
        await enter(http)
        answers = [(await http.post("/sign-in/second", data={"code": f"{n:06}"})).status_code for n in range(6)]
        assert answers == [422] * 5 + [429]
        assert (await http.post("/sign-in/second", data={"code": papers[0]})).status_code == 429


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("be tí xíu", "cần từ 10 ký tự"),
        ("matkhau123", "dễ bị đoán"),
        ("Mật Khẩu 12345", "dễ bị đoán"),
        ("qwertyuiop", "dễ bị đoán"),
        ("0123456789", "dễ bị đoán"),
        ("aaaaaaaaaaaa", "dễ bị đoán"),
        ("abcabcabcabc", "dễ bị đoán"),
        ("nguyenthilan1", "tên hoặc số điện thoại"),
        ("0912345678", "tên hoặc số điện thoại"),
        ("x" * 201, "nhiều nhất 200"),
    ],
)
async def test_passwords_that_are_refused(hub: Running, password: str, why: str) -> None:
    link = await invited(hub, hub.http, Role.VIEWER, "29401")
    async with client(hub.url) as http:
        typed = {"name": "Nguyễn Thị Lan", "login": "0912 345 678", "password": password}
        answer = await http.post(link, data=typed)
        assert answer.status_code == 422 and why in answer.text
        assert 'value="Nguyễn Thị Lan"' in answer.text and 'value="0912 345 678"' in answer.text
        assert password not in answer.text
        assert (await http.post(link, data={**typed, "password": PASSWORD})).status_code == 303


async def invited(hub: Running, http: httpx.AsyncClient, role: Role, place: str) -> str:
    """Make an invitation; its path."""
    made = await http.post("/people/invite", data={"name": "Lan", "role": role, "place": place})
    assert made.status_code == 303, made.text
    card = await http.get(made.headers["location"])
    found = re.search(rf"{re.escape(hub.url)}(/invite/[\w-]+)", card.text)
    assert found and "<svg" in card.text
    return found[1]


async def test_an_invitation_works_once(hub: Running) -> None:
    link = await invited(hub, hub.http, Role.AREA_HEAD, "29401//thon-dong")
    typed = {"name": "Lê Văn Đông", "password": PASSWORD}
    async with client(hub.url) as http, client(hub.url) as other:
        both = await asyncio.gather(
            http.post(link, data={**typed, "login": "0911"}), other.post(link, data={**typed, "login": "0922"})
        )
        assert sorted(answer.status_code for answer in both) in ([303, 422], [303, 410])
        assert (await http.get(link)).status_code == 410
    made = [a for a in hub.hub.accounts.all if a.person.name == "Lê Văn Đông"]
    assert [a.person.grants for a in made] == [(Grant(Role.AREA_HEAD, Place("29401", "thon-dong")),)]


async def test_an_invitation_that_was_revoked_is_gone(hub: Running) -> None:
    link = await invited(hub, hub.http, Role.VIEWER, "29401")
    page = (await hub.http.get("/people")).text
    revoke = re.search(r"/people/invitations/[\w-]+/revoke", page)
    assert revoke
    assert (await hub.http.post(revoke[0])).status_code == 303
    async with client(hub.url) as http:
        assert (await http.get(link)).status_code == 410
        assert (await http.post(link, data={"name": "Lan", "login": "lan9", "password": PASSWORD})).status_code == 410


async def test_nobody_gives_more_than_they_have(place: Village) -> None:
    chief = await place.be(Role.ADMINISTRATOR, "29401")
    head = await place.be(Role.AREA_HEAD, "29401//thon-dong")
    for where in ("*", "30001", "30001/xa-ben"):
        said = await chief.http.post("/people/invite", data={"name": "Lan", "role": "viewer", "place": where})
        assert said.status_code == 422 and "không trao được" in said.text
        granted = await chief.http.post(f"/people/{head.id}/grant", data={"role": "viewer", "place": where})
        assert granted.status_code == 422
    assert (
        await chief.http.post(f"/people/{head.id}/grant", data={"role": "viewer", "place": EAST})
    ).status_code == 303
    lord = next(a for a in place.hub.hub.accounts.all if a.login == "quan-tri")
    for act in ("disable", "sessions", "second", "password", "name", "take", "grant"):
        answer = await chief.http.post(f"/people/{lord.person.id}/{act}", data={"name": "Ai đó"})
        assert answer.status_code == 303 and answer.headers["location"].startswith("/people?")
    assert place.hub.hub.accounts.get(lord.person.id) == lord
    assert (await place.hub.http.get("/nodes")).status_code == 200


async def test_who_reaches_beyond_a_commune_is_shown_there_but_not_changed(place: Village) -> None:
    chief = await place.be(Role.ADMINISTRATOR, "29401")
    both = await place.be(Role.STAFF, "29401")
    await place.hub.hub.accounts.grant(both.id, [Grant(Role.STAFF, Place("29401")), Grant(Role.STAFF, Place("30001"))])
    assert (await chief.http.get(f"/people/{both.id}")).status_code == 200
    answer = await chief.http.post(f"/people/{both.id}/disable")
    assert answer.status_code == 422 and "ngoài nơi ông bà quản trị" in answer.text


async def test_a_role_that_was_taken_stays_taken_whatever_else_is_changed_at_the_same_time(place: Village) -> None:
    """What is given, taken and set at once, each by who looked a moment ago, is all done."""
    acts, accounts = place.hub.hub.people.acts, place.hub.hub.accounts
    who = await place.be(Role.STAFF, "29401")
    seen, viewer = accounts.get(who.id), Grant(Role.VIEWER, Place("29401"))
    assert seen
    await asyncio.gather(acts.take(seen, "staff", "29401"), acts.grant(seen, viewer), acts.name(seen, "Bà Lan"))
    now_ = accounts.get(who.id)
    assert now_ and (now_.person.grants, now_.person.name) == ((viewer,), "Bà Lan")
    await accounts.load()
    assert accounts.get(who.id) == now_


async def test_two_administrators_who_take_it_from_each_other_leave_one(place: Village) -> None:
    acts, accounts = place.hub.hub.people.acts, place.hub.hub.accounts
    await place.be(Role.ADMINISTRATOR, "")
    both = accounts.administrators
    assert len(both) == 2
    done = await asyncio.gather(*(acts.take(one, "administrator", "") for one in both), return_exceptions=True)
    assert sum(isinstance(one, Exception) for one in done) == 1 and len(accounts.administrators) == 1


async def test_the_last_administrator_stays(hub: Running) -> None:
    lord = hub.hub.accounts.administrators[0]
    taken = await hub.http.post(f"/people/{lord.person.id}/take", data={"grant": "administrator|"})
    assert taken.status_code == 422 and "người quản trị cuối cùng" in taken.text
    assert (await hub.http.post(f"/people/{lord.person.id}/disable")).status_code == 422
    assert hub.hub.accounts.administrators == (lord,)


async def test_a_card_for_a_new_password_ends_the_sessions_of_before(place: Village) -> None:
    head = await place.be(Role.AREA_HEAD, "29401//thon-dong")
    card = await place.hub.http.post(f"/people/{head.id}/password")
    found = re.search(r"/password/[\w-]+", (await place.hub.http.get(card.headers["location"])).text)
    assert found
    async with client(place.hub.url) as http:
        assert (await http.post(found[0], data={"password": PASSWORD})).status_code == 303
        assert (await http.get("/nodes")).status_code == 200
        assert (await http.post(found[0], data={"password": PASSWORD + "!"})).status_code == 410
    assert (await head.http.get("/nodes")).status_code == 303


async def test_own_devices_are_ended_one_by_one(place: Village) -> None:
    head = await place.be(Role.AREA_HEAD, "29401//thon-dong")
    hub = place.hub.hub
    other = client(place.hub.url, await hub.sessions.open(head.id, "điện thoại cũ", strong=False))
    stranger = await place.be(Role.AREA_HEAD, "29401//thon-dong")
    page = (await head.http.get("/me")).text
    assert "điện thoại cũ" in page and "máy này" in page
    ends = re.findall(r"/me/devices/\w{16}/end", page)
    assert len(ends) == 1
    await stranger.http.post(ends[0])
    assert (await other.get("/nodes")).status_code == 200, "of somebody else's devices nobody ends any"
    await head.http.post(ends[0])
    assert (await other.get("/nodes")).status_code == 303
    assert (await head.http.get("/nodes")).status_code == 200
    await other.aclose()


async def test_a_new_password_takes_the_present_one(hub: Running) -> None:
    await person(hub)
    async with client(hub.url) as http:
        await enter(http)
        wrong = await http.post("/me/password", data={"current": "không phải", "password": PASSWORD + " 2"})
        assert wrong.status_code == 422 and "Mật khẩu đang dùng không đúng" in wrong.text
        done = await http.post("/me/password", data={"current": PASSWORD, "password": PASSWORD + " 2"})
        assert done.status_code == 303
        assert (await http.get("/calendar")).status_code == 200
        assert (await enter(http, password=PASSWORD)).status_code == 422
        assert (await enter(http, password=PASSWORD + " 2")).status_code == 303


async def test_language_goes_with_the_person(hub: Running) -> None:
    await person(hub)
    async with client(hub.url) as http:
        await enter(http)
        await http.post("/me/language", data={"language": "en"})
    async with client(hub.url) as http:
        await enter(http)
        assert '<html lang="en">' in (await http.get("/calendar")).text


async def test_the_first_run_makes_one_administrator(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port)) as hub:
        code = hub.hub.people.first_code
        assert re.fullmatch(r"[A-Z2-9]{4}(-[A-Z2-9]{4}){2}", code)
        lord = hub.hub.accounts.administrators[0]
        await hub.hub.accounts.renew(lord.person.id, disabled=True)
        async with client(hub.url) as http:
            assert (await http.get("/sign-in")).headers["location"] == "/first-run"
            typed = {"name": "Vũ Quốc Quản", "login": "quan", "password": PASSWORD}
            weak = {**typed, "password": "1234567890", "code": "AAAA-BBBB-CCCC"}
            both = (await http.post("/first-run", data=weak)).text
            assert "Mã không đúng" in both and "dễ bị đoán" in both
            wrong = await http.post("/first-run", data={**typed, "code": "AAAA-BBBB-CCCC"})
            assert wrong.status_code == 422 and "Mã không đúng" in wrong.text and "Vũ Quốc Quản" in wrong.text
            done = await http.post("/first-run", data={**typed, "code": code.lower().replace("-", " ")})
            assert done.headers["location"].startswith("/sign-in/enrol")
            await enrolled(http)
            assert (await http.get("/people")).status_code == 200
            again = await http.post("/first-run", data={**typed, "login": "hai", "code": code})
            assert again.headers["location"] == "/sign-in"
        assert [a.login for a in hub.hub.accounts.administrators] == ["quan"]


async def test_a_write_with_a_cookie_must_say_whose_page_it_comes_from(place: Village) -> None:
    head = await place.be(Role.AREA_HEAD, "29401//thon-dong")
    silent = httpx.AsyncClient(timeout=30, base_url=place.hub.url, cookies={COOKIE: head.secret})
    async with silent as http:
        cases: list[tuple[dict[str, str], int]] = [
            ({}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": "http://evil.example"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "same-site"}, 403),
            ({"Sec-Fetch-Site": "same-origin"}, 303),
            ({"Origin": place.hub.url}, 303),
        ]
        for headers, status in cases:
            answer = await http.post("/me/language", data={"language": "vi"}, headers=headers)
            assert answer.status_code == status, headers


async def test_by_https_the_cookie_is_secure_but_only_a_known_proxy_is_believed(
    broker: Mosquitto, tmp_path: Path
) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    for proxies, secure in ((["127.0.0.1"], True), (["127.0.0.9"], False)):
        folder = tmp_path / str(secure)
        folder.mkdir()
        listen: Any = {"port": 0, "proxies": proxies}
        async with serving(config_for(folder, broker.port, listen=listen)) as hub:
            await person(hub)
            async with client(hub.url) as http:
                answer = await http.post("/sign-in", data={"login": "lan", "password": PASSWORD}, headers={**forwarded})
                assert ("secure" in answer.headers["set-cookie"].lower()) is secure


async def test_sessions_end_by_themselves(place: Village) -> None:
    """Unused for too long, or too long after they began; sooner for who needs a second factor."""
    staff, head = await place.be(Role.STAFF, "29401"), await place.be(Role.AREA_HEAD, EAST)
    half = await place.be(Role.STAFF, "29401", strong=False)
    known = {who.id: place.hub.hub.sessions.of(who.id)[0] for who in (staff, head, half)}

    async def comes_in(who: Somebody, *, unused: timedelta = timedelta(), began: timedelta = timedelta()) -> bool:
        session = known[who.id]
        session.seen, session.began = now() - unused, now() - began
        return (await who.http.get("/nodes")).status_code == 200

    assert await comes_in(staff, unused=STRONG_IDLE - timedelta(hours=1))
    assert not await comes_in(staff, unused=STRONG_IDLE + timedelta(hours=1))
    assert not await comes_in(staff, began=STRONG_LONGEST + timedelta(hours=1))
    assert await comes_in(head, unused=IDLE - timedelta(hours=1), began=LONGEST - timedelta(hours=1))
    assert not await comes_in(head, unused=IDLE + timedelta(hours=1))
    assert not await comes_in(head, began=LONGEST + timedelta(hours=1))
    assert (await half.http.get("/sign-in/enrol")).status_code == 200
    known[half.id].began = now() - HALF - timedelta(minutes=1)
    assert (await half.http.get("/sign-in/enrol")).status_code == 303


async def test_names_are_text_never_html(hub: Running) -> None:
    bad = "<img src=x onerror=alert(1)>"
    await person(hub)
    await hub.hub.accounts.add("ten-xau", bad, [Grant(Role.VIEWER, EVERYWHERE)])
    await hub.http.post("/people/invite", data={"name": bad, "role": "viewer", "place": "*"})
    for path in ("/people", "/audit", "/people/invite", "/me"):
        assert bad not in (await hub.http.get(path)).text
    async with client(hub.url) as http:
        assert bad not in (await enter(http, bad, "sai")).text


async def test_the_audit_log_says_who_did_what_and_is_whole(place: Village) -> None:
    staff = await place.be(Role.STAFF, "29401")
    await staff.http.post(f"/nodes/{EAST}/lights/cong-thon", data={"level": "100"})
    row = await row_of(place.hub, "node.switch.override")
    assert (row["person"], row["place"], row["what"], row["outcome"]) == (staff.id, EAST, "cong-thon 100", "done")
    csv = (await place.hub.http.get("/audit.csv?act=node.switch.override")).text
    assert csv.count("\r\n") == 2 and EAST in csv and '"Bật, tắt đèn, máy",xong' in csv
    at = re.search(r"\d{4}-\d\d-\d\dT[\d:.]+\+07:00", csv)
    assert at and datetime.fromisoformat(at[0]) == datetime.fromisoformat(row["at"])
    page = (await place.hub.http.get("/audit?act=node.switch.override")).text
    assert "staff" in page and "cong-thon 100" in page
    assert "Trạm bơm Đông" in page and EAST not in page  # in words; the exports have the address
    verdict = await place.hub.hub.people._store.read(verify)
    assert verdict.is_whole and verdict.rows >= 2


async def test_the_audit_log_tells_of_bulletins_and_of_many_nodes_in_words(place: Village) -> None:
    chief = await place.be(Role.ADMINISTRATOR, "29401")
    whole = {"id": "b-1", "title": "Họp thôn", "text": "Mời bà con họp.", "at": now() + timedelta(days=1)}
    planned, asked = PlanBulletin(bulletin=Bulletin.model_validate(whole)), Asked(place.hub.hub.audit)
    no_such = Outcome("rejected", Fault.of("command.unknown_thing", kind="bulletin", id="b-1", known="-"))
    late = Outcome("rejected", Fault.of("command.expired", expires="2026-01-01"))
    with acting(next(a for a in place.hub.hub.accounts.all if a.person.id == chief.id).person):
        asked.one(EAST, planned, Outcome("done"))
        asked.many("29401", CancelBulletin(bulletin="b-1"), {"a": Outcome("done"), "b": no_such, "c": late})
    assert (await row_of(place.hub, "node.bulletin.plan"))["what"] == "Họp thôn"
    await row_of(place.hub, "node.bulletin.cancel")
    page = (await place.hub.http.get("/audit?act=node.bulletin.cancel")).text
    assert "không được: 1 cụm: xong, 1 cụm: cụm không có thứ này, 1 cụm: Lệnh đã hết hạn lúc …" in page


async def test_the_audit_log_says_why_something_was_not_done(place: Village) -> None:
    """On pages, which answer a refusal by leading elsewhere, and over the API."""
    chief, staff = await place.be(Role.ADMINISTRATOR, "29401"), await place.be(Role.STAFF, "29401")
    lord = next(a for a in place.hub.hub.accounts.all if a.login == "quan-tri").person.id
    away = f"/nodes/{EAST}/lights/cong-thon"
    json = {"Content-Type": "application/json"}
    tries = [
        (chief, f"/people/{lord}/password", {}, "people.unknown"),
        (chief, f"/people/{lord}/disable", {}, "people.unknown"),
        (chief, f"/api/v1/people/{lord}/disable", json, "people.unknown"),
        (staff, away, {}, "form."),
        (staff, away, {"HX-Request": "true"}, "form."),
    ]
    for who, path, headers, _ in tries:
        assert (await who.http.post(path, headers=headers)).status_code in (200, 303, 404)
    async with asyncio.timeout(10):
        while len(rows := (await place.hub.http.get("/audit.json?act=web.act")).json()) < len(tries):
            await asyncio.sleep(0.05)
    for row, (_, path, _, why) in zip(reversed(rows), tries, strict=True):
        assert (row["what"], row["outcome"][: len(why)]) == (path, why)
    assert "Không có người này" in (await place.hub.http.get("/audit?act=web.act")).text


async def test_what_is_refused_again_and_again_does_not_fill_the_log(place: Village) -> None:
    viewer = await place.be(Role.VIEWER, "29401")
    for number in range(101):
        assert (await viewer.http.get(f"/people/{number}")).status_code == 403
    await viewer.http.post("/me/language", data={"language": "vi"})
    await row_of(place.hub, "person.language")
    rows = (await place.hub.http.get("/audit.json?act=web.refused")).json()
    assert len(rows) == 51 and rows[0]["details"] == {"times": 100} and rows[0]["what"] == "/people/99"


async def test_what_an_administrator_of_a_commune_sees_of_the_log(place: Village) -> None:
    chief = await place.be(Role.ADMINISTRATOR, "29401")
    warden = await place.be(Role.ADMINISTRATOR, "29401//thon-tay")
    staff = await place.be(Role.STAFF, "")
    for address in (EAST, "30001/xa-ben"):
        await staff.http.post(f"/nodes/{address}/lights/cong-thon", data={"level": "100"})
        await row_of(place.hub, f"node.switch.override&place={address}")

    async def places(who: Somebody) -> set[str]:
        return {row["place"] for row in (await who.http.get("/audit.json")).json()}

    assert EAST in await places(chief) and "30001/xa-ben" not in await places(chief)
    assert await places(warden) == set()
