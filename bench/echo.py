"""A plain paho client that sends back what comes: `python -m bench.echo PORT`."""

import socket
import sys

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Echo until ended."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_socket_open = lambda _c, _d, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.on_message = lambda c, _d, message: c.publish("echo/back", message.payload, 1)
    client.on_connect = lambda c, *_: c.subscribe("echo/there", 1)
    client.on_subscribe = lambda c, *_: c.publish("echo/ready", b"", 1, retain=True)
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.loop_forever()


if __name__ == "__main__":
    main()
