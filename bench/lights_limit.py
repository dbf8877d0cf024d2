"""What the broker alone needs for many messages: sent in one piece, read and acknowledged without looking at them."""

import socket
import threading
import time

_CONNECT = 0x10
_SUBSCRIBE = 0x82
_PUBLISH_1 = 0x32
_PUBACK = b"\x40\x02"


def _packet(kind: int, body: bytes) -> bytes:
    size, length = b"", len(body)
    while True:
        length, low = divmod(length, 128)
        size += bytes([low | (128 if length else 0)])
        if not length:
            return bytes([kind]) + size + body


def _text(words: str) -> bytes:
    return len(words).to_bytes(2) + words.encode()


def _connected(port: int, name: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(_packet(_CONNECT, _text("MQTT") + b"\x04\x02\x00\x00" + _text(name)))
    sock.recv(4)
    return sock


def _read(sock: socket.socket, count: int) -> None:
    """Take so many messages at QoS 1 and acknowledge each."""
    buffer = b""
    while count:
        buffer += sock.recv(262144)
        place, answers = 0, []
        while len(buffer) - place > 2:
            length, shift, at = 0, 0, place + 1
            while True:
                if at >= len(buffer):
                    break
                length |= (buffer[at] & 127) << shift
                shift, at = shift + 7, at + 1
                if not buffer[at - 1] & 128:
                    break
            if at + length > len(buffer) or buffer[at - 1] & 128:
                break
            topic = int.from_bytes(buffer[at : at + 2])
            answers.append(_PUBACK + buffer[at + 2 + topic : at + 4 + topic])
            place, count = at + length, count - 1
        buffer = buffer[place:]
        if answers:
            sock.sendall(b"".join(answers))


def broker_times(port: int, messages: int, size: int, rounds: int) -> list[float]:
    """Milliseconds for messages of a size, QoS 1, from one client to another."""
    writer, reader = _connected(port, "limit-w"), _connected(port, "limit-r")
    reader.sendall(_packet(_SUBSCRIBE, b"\x00\x01" + _text("limit/#") + b"\x01"))
    reader.recv(5)
    body = b"x" * size
    packets = [_packet(_PUBLISH_1, _text(f"limit/{n}") + (n + 1).to_bytes(2) + body) for n in range(messages)]
    blob, times = b"".join(packets), []
    for _ in range(rounds):
        began = time.perf_counter()
        sending = threading.Thread(target=writer.sendall, args=(blob,))
        sending.start()
        _read(reader, messages)
        times.append((time.perf_counter() - began) * 1000)
        sending.join()
        left = 4 * messages
        while left:
            left -= len(writer.recv(min(left, 65536)))
    writer.close()
    reader.close()
    return times
