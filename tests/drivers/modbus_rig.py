"""Peers for the Modbus driver: pymodbus's server by TCP and on a serial line of socat, and a slave that misbehaves."""

import asyncio
import os
import socket
import struct
import subprocess
import time
from contextlib import asynccontextmanager, contextmanager, suppress

from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.modbus.driver import Modbus
from drivers.modbus.ear import crc

DIMMER = """
name: Dimmer of the tests
source: these tests
points:
  lamp: {register: holding, address: 0, type: u16, writable: true, level: [0, 255]}
  row: {register: holding, address: 1, type: u16, writable: true, level: [1000, 200]}
  valve: {register: holding, address: 2, type: u16, writable: true, on: 256, off: 512, reads_on: 256, reads_off: 512}
  flags: {register: holding, address: 3, bit: 4}
  door: {register: discrete, address: 0}
  depth: {register: input, address: 0, type: s16, scale: 0.01, unit: m, minimum: 0, maximum: 5, missing: [32767]}
  litres: {register: input, address: 1, type: u32, words: little, unit: L}
"""


def floats(*pairs, size=400):
    """`size` registers with 32-bit floats, high word first, at the given addresses."""
    words = [0] * size
    for at, number in pairs:
        words[at : at + 2] = struct.unpack(">HH", struct.pack(">f", number))
    return words


def device(unit, coils=16, discretes=16, holding=64, inputs=64):
    """A device of pymodbus; each part is how many registers there are, or what is in them."""

    def part(content, kind):
        values = [kind is DataType.BITS and False] * content if isinstance(content, int) else list(content)
        if kind is DataType.REGISTERS:
            values = [int(value) for value in values]
        return [SimData(0, values=values, datatype=kind)]

    return SimDevice(
        unit,
        simdata=(
            part(coils, DataType.BITS),
            part(discretes, DataType.BITS),
            part(holding, DataType.REGISTERS),
            part(inputs, DataType.REGISTERS),
        ),
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def tcp_server(devices, port=None, **more):
    port = port or free_port()
    server = ModbusTcpServer(devices, address=("127.0.0.1", port), **more)
    await server.serve_forever(background=True)
    server.port = port
    try:
        yield server
    finally:
        await server.shutdown()


@contextmanager
def serial_line(folder):
    """Two ends of a serial line, made by socat."""
    ends = [folder / "master", folder / "slave"]
    command = ["socat", *(f"pty,raw,echo=0,link={end}" for end in ends)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 10
        while not all(end.exists() for end in ends):
            assert process.poll() is None and time.monotonic() < limit, "socat made no line"
            time.sleep(0.01)
        yield ends
    finally:
        process.terminate()
        process.wait(10)


@asynccontextmanager
async def serial_server(devices, port, **more):
    settings = {"baudrate": 9600, "ignore_missing_devices": True, **more}
    server = ModbusSerialServer(devices, port=str(port), **settings)
    await server.serve_forever(background=True)
    try:
        yield server
    finally:
        await server.shutdown()


def frame(*body):
    """An RTU frame: bytes and their check sum."""
    data = bytes(body)
    return data + crc(data).to_bytes(2, "big")


def registers(unit, *words, function=3):
    return frame(unit, function, 2 * len(words), *b"".join(word.to_bytes(2, "big") for word in words))


class Slave:
    """The far end of a serial line. `answer` gets each question and gives back (seconds to wait, bytes) to send."""

    def __init__(self, port, answer):
        self.answer, self.asked, self._tasks = answer, [], set()
        self._buffer = b""
        self._file = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._file, self._read)

    def _read(self):
        with suppress(BlockingIOError):
            self._buffer += os.read(self._file, 1024)
        while len(self._buffer) >= 8:
            size = 9 + self._buffer[6] if self._buffer[1] in (15, 16) else 8
            if len(self._buffer) < size:
                return
            question, self._buffer = self._buffer[:size], self._buffer[size:]
            assert crc(question[:-2]) == int.from_bytes(question[-2:], "big")
            self.asked.append((asyncio.get_running_loop().time(), question))
            for delay, said in self.answer(question):
                task = asyncio.create_task(self._say(delay, said))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _say(self, delay, said):
        await asyncio.sleep(delay)
        os.write(self._file, said)

    def units(self):
        return [question[0] for _, question in self.asked]

    async def close(self):
        asyncio.get_running_loop().remove_reader(self._file)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        os.close(self._file)


@asynccontextmanager
async def slave(port, answer):
    peer = Slave(port, answer)
    try:
        yield peer
    finally:
        await peer.close()


def make(context, **config):
    return Modbus(Modbus.Config.model_validate(config), context)
