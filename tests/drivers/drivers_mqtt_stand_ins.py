"""A broker, and devices that speak as Zigbee2MQTT and Tasmota do, to a real mosquitto on loopback."""

import json
import time

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


class Voice:
    """A client that publishes, and hears what it is told."""

    def __init__(self, port, listens, username=None, password=None):
        self.heard = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        if username:
            self._client.username_pw_set(username, password)
        ready = []
        self._client.on_subscribe = lambda *_: ready.append(1)
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in listens])
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        end = time.monotonic() + 10
        while not ready and time.monotonic() < end:
            time.sleep(0.01)
        assert ready

    def say(self, topic, body, retain=False):
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        self._client.publish(topic, text, qos=1, retain=retain).wait_for_publish(10)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client, _data, message):
        self.heard.append((message.topic, message.payload.decode()))
        self.told(message.topic, message.payload.decode())

    def told(self, topic, body):
        """What it does about it."""

    def _later(self, topic, body):
        self._client.publish(topic, json.dumps(body), qos=0)


class Zigbee(Voice):
    """A lamp behind Zigbee2MQTT: /set and /get, answered with its whole state. `mood`: obeys, deaf, stubborn."""

    def __init__(self, port, name="Đèn sân", state=None):
        self.name, self.mood = name, "obeys"
        self.state = state or {"state": "OFF", "brightness": 254, "linkquality": 120}
        super().__init__(port, [f"zigbee2mqtt/{name}/set", f"zigbee2mqtt/{name}/get"])

    def told(self, topic, body):
        if self.mood == "deaf":
            return
        if topic.endswith("/set") and self.mood == "obeys":
            self.state |= json.loads(body)
        self._later(f"zigbee2mqtt/{self.name}", self.state)

    def available(self, state, plain=False):
        topic = f"zigbee2mqtt/{self.name}/availability"
        self.say(topic, state if plain else {"state": state}, retain=True)


class Tasmota(Voice):
    """A plug with Tasmota: cmnd/NAME/POWER.., Dimmer, STATE, STATUS 10. Each change is told twice, as it does.

    `so4`: SetOption4, answers on a topic of the command's name; `so26`: POWER1 also when there is only one relay.
    """

    def __init__(self, port, name="tasmota_A1", relays=1, full="%prefix%/%topic%/", so4=False, so26=False):
        self.name, self.mood, self.dimmer, self.full, self.so4 = name, "obeys", 100, full, so4
        self.power = {("POWER" if relays == 1 and not so26 else f"POWER{n}"): "OFF" for n in range(1, relays + 1)}
        self.sensors = {
            "Time": "2026-11-22T19:00:00",
            "ENERGY": {"Total": 3.185, "Power": 41, "Voltage": 223, "Current": [0.183, 0.2]},
            "AM2301": {"Temperature": 28.4, "Humidity": None},
        }
        super().__init__(port, [f"{self.topic('cmnd')}#"])

    def topic(self, prefix, command=""):
        return self.full.replace("%prefix%", prefix).replace("%topic%", self.name) + command

    def told(self, topic, body):
        if self.mood == "deaf":
            return
        command = topic.rpartition("/")[2]
        index = {"POWER": "POWER1", "POWER1": "POWER"}.get(command, command)
        if command == "STATUS" and body == "10":
            self._later(self.topic("stat", "STATUS10"), {"StatusSNS": self.sensors})
        elif command == "STATE":
            self._answer("STATE", {"Time": "x", **self.power, "Dimmer": self.dimmer, "Wifi": {}})
        elif command == "Dimmer":
            key = next(iter(self.power))
            self.dimmer, self.power[key] = int(body), "ON"
            self._answer("DIMMER", {key: "ON", "Dimmer": self.dimmer})
        elif command in self.power or index in self.power:
            self.press(command if command in self.power else index, body)
        else:
            self._answer("COMMAND", {"Command": "Unknown"})

    def press(self, key, word, plain_only=False):
        """A relay switches: by an order, or by the button on the device."""
        self.power[key] = word
        if not plain_only:
            self._answer(key, {key: word})
        self._client.publish(self.topic("stat", key), word, qos=0)

    def _answer(self, command, body):
        self._later(self.topic("stat", command if self.so4 else "RESULT"), body)

    def available(self, word):
        self.say(self.topic("tele", "LWT"), word, retain=True)
