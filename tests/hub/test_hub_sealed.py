"""Secrets cannot be read in the database; what earlier versions kept open is sealed; a lost key is told clearly."""

import html
import stat
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from hub_rig import Mosquitto, Running, config_for, serving
from notify_rig import hook
from people_rig import client
from test_hub_people import enrolled, enter, person

from hub.alerts.tables import channels
from hub.people.accounts import people
from hub.people.rights import Grant, Place, Role
from hub.sealed import KeyLost, Seal, is_sealed

SECRET = "Mat-Khau-Rieng"


def test_only_its_own_key_opens_a_secret(tmp_path: Path) -> None:
    seal = Seal(tmp_path / "data" / "secrets.key")
    kept = seal.seal(SECRET)
    assert SECRET not in kept and is_sealed(kept) and seal.open(kept) == SECRET
    assert stat.S_IMODE(seal.file.stat().st_mode) == 0o600
    assert seal.open("mở từ trước") == "mở từ trước" and seal.seal("") == ""
    assert Seal(seal.file).open(kept) == SECRET
    with pytest.raises(KeyLost):
        Seal(tmp_path / "other.key").open(kept)
    with pytest.raises(KeyLost):
        seal.open(f"{kept[:-8]}AAAAAAA=")
    (tmp_path / "bad.key").write_text("không phải chìa khoá")
    with pytest.raises(KeyLost):
        Seal(tmp_path / "bad.key").seal(SECRET)


async def _value(hub: Running, column: sa.Column[Any]) -> str:
    return str(await hub.hub.store.read(lambda c: c.execute(sa.select(column).where(column != "")).scalar_one()))


async def test_addresses_and_second_factors_are_sealed_and_a_lost_key_is_told(
    broker: Mosquitto, tmp_path: Path
) -> None:
    config = config_for(tmp_path, broker.port)
    async with hook() as there:
        form = {"kind": "web", "web": f"http://user:{SECRET}@127.0.0.1:{there.port}/hook", "name": "Trực điện"}
        form |= {"place": "*", "rule_lamp": "1"}
        async with serving(config, connected=False) as hub, client(hub.url) as http:
            await person(hub, "lan", Grant(Role.STAFF, Place("29401")))
            await enter(http)
            secret, papers = await enrolled(http)
            await hub.http.post("/notify", data=form)
            for column in (channels.c.url, people.c.totp):
                kept = await _value(hub, column)
                assert is_sealed(kept) and SECRET not in kept and secret not in kept
            opened = {channels.c.url: form["web"].replace("http", "json"), people.c.totp: secret}
            for column, value in opened.items():  # as an earlier version kept it
                there_before = sa.update(column.table).where(column != "").values({column.name: value})
                await hub.hub.store.call(lambda c, change=there_before: c.execute(change).rowcount)
        key = config.data / "secrets.key"
        async with serving(config, connected=False) as hub, client(hub.url) as http:
            assert is_sealed(await _value(hub, channels.c.url)) and is_sealed(await _value(hub, people.c.totp))
            await enter(http)
            assert (await http.post("/sign-in/second", data={"code": papers[0]})).status_code == 303
        key.rename(tmp_path / "elsewhere.key")
        async with serving(config, connected=False) as hub, client(hub.url) as http:
            assert "tệp chìa khoá secrets.key" in html.unescape((await hub.http.get("/notify")).text)
            await enter(http)
            refused = await http.post("/sign-in/second", data={"code": pyotp.TOTP(secret).now()})
            assert refused.status_code == 422 and "mã ghi trên giấy" in html.unescape(refused.text)
            assert (await http.post("/sign-in/second", data={"code": papers[1]})).status_code == 303
            changed = {"name": "Trực đèn", "place": "*", "rule_lamp": "1", "on": "1"}
            (id_,) = [channel.id for channel in hub.hub.notify._channels.all()]
            assert (await hub.http.post(f"/notify/{id_}", data=changed)).status_code == 303
        (tmp_path / "elsewhere.key").replace(key)
        async with serving(config, connected=False) as hub:
            (channel,) = hub.hub.notify._channels.all()
            assert (channel.name, SECRET in channel.url) == ("Trực đèn", True), "put back, nothing was lost"
