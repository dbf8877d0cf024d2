"""Print every record of every node: `python subscribe.py HOST PORT [USER PASSWORD_FILE]`. Needs only paho-mqtt 2."""

import sys
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion


def connected(client: Client, *_: object) -> None:
    """Ask anew after each connection: a broker may have forgotten."""
    client.subscribe([("edge/+/+/event", 1), ("edge/+/+/telemetry", 1)])


def hear(_client: Client, _data: object, message: MQTTMessage) -> None:
    """One message holds one record or more."""
    print(message.topic, message.payload.decode(), flush=True)


client = Client(CallbackAPIVersion.VERSION2, "ioc-subscribe", clean_session=False)
if len(sys.argv) > 3:
    client.username_pw_set(sys.argv[3], Path(sys.argv[4]).read_text(encoding="utf-8").strip())
client.on_connect = connected
client.on_message = hear
client.connect(sys.argv[1], int(sys.argv[2]))
client.loop_forever()
