"""MQTT lights as Home Assistant discovers them: `python -m bench.lights_stub PORT PREFIX LIGHTS QOS`.

Each sends its new state back as soon as its command comes, without checking, writing or switching anything.
"""

import json
import socket
import sys

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def announce(client: mqtt.Client, prefix: str, lights: int, qos: int) -> None:
    """Discovery and first state of all."""
    client.subscribe(f"{prefix}/+/set", qos)
    for number in range(lights):
        root, id_ = f"{prefix}/{number}", f"{prefix}_{number}"
        told = {
            "name": id_,
            "unique_id": id_,
            "object_id": id_,
            "command_topic": f"{root}/set",
            "state_topic": f"{root}/state",
            "qos": qos,
        }
        client.publish(f"homeassistant/light/{id_}/config", json.dumps(told), 1, retain=True)
        client.publish(f"{root}/state", "OFF", 1, retain=True)


def main() -> None:
    """Answer until ended."""
    port, prefix, lights, qos = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(100)
    client.max_queued_messages_set(0)
    client.on_socket_open = lambda _c, _d, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.on_connect = lambda c, *_: announce(c, prefix, lights, qos)
    client.on_message = lambda c, _d, message: c.publish(message.topic[:-3] + "state", message.payload, qos)
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    main()
