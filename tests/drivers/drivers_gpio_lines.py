"""Simulated lines behind a module that speaks the RPi.GPIO interface; edges come from a foreign thread, as in life."""

import threading


class FakePwm:
    def __init__(self, gpio, pin, frequency):
        self.gpio, self.pin, self.frequency, self.duty = gpio, pin, frequency, None

    def start(self, duty):
        self.ChangeDutyCycle(duty)

    def ChangeDutyCycle(self, duty):
        self.gpio.calls.append(("duty", self.pin, duty))
        self.duty = duty
        self.gpio.levels[self.pin] = int(duty == 100)

    def ChangeFrequency(self, frequency):
        self.frequency = frequency

    def stop(self):
        self.gpio.output(self.pin, 0)

    def __del__(self):
        self.gpio.levels[self.pin] = 0  # as both modules do


class FakeGpio:
    """Keeps what each pin was told, in order; can be made to short a pin, to fail, or to know no edges."""

    BCM, BOARD, OUT, IN = 11, 10, 0, 1
    PUD_OFF, PUD_DOWN, PUD_UP, RISING, FALLING, BOTH = 20, 21, 22, 31, 32, 33

    def __init__(self):
        self.calls, self.levels, self.shorted, self.error, self.edges = [], {}, {}, None, True
        self.directions, self.claimed, self.listening, self.fakes = {}, set(), {}, {}

    def _fail(self):
        if self.error:
            raise self.error

    def setwarnings(self, value):
        self.calls.append(("setwarnings", value))

    def setmode(self, mode):
        self._fail()
        self.calls.append(("setmode", mode))

    def setup(self, channel, direction, *, initial=None, pull_up_down=None):
        self._fail()
        self.calls.append(("setup", channel, direction, pull_up_down if direction == self.IN else initial))
        self.directions[channel] = direction
        self.claimed.add(channel)
        if initial is not None:
            self.levels[channel] = initial
        elif direction == self.IN:
            self.levels.setdefault(channel, int(pull_up_down == self.PUD_UP))

    def output(self, channel, value):
        if self.directions.get(channel) != self.OUT:
            raise RuntimeError("The GPIO channel has not been set up as an OUTPUT")
        self.calls.append(("output", channel, value))
        self.levels[channel] = value

    def input(self, channel):
        self._fail()
        if channel not in self.claimed:
            raise RuntimeError("You must setup() the GPIO channel first")
        return self.shorted.get(channel, self.levels[channel])

    def gpio_function(self, channel):
        return self.directions.get(channel, self.IN)

    def PWM(self, channel, frequency):
        self.fakes[channel] = FakePwm(self, channel, frequency)
        return self.fakes[channel]

    def add_event_detect(self, channel, edge, *, callback):
        if not self.edges:
            raise RuntimeError("Failed to add edge detection")
        self.listening[channel] = (edge, callback)

    def remove_event_detect(self, channel):
        self.listening.pop(channel, None)

    def drive(self, channel, *levels):
        """What the world does to an input, in a thread of the module; back when it has told."""

        def run():
            for level in levels:
                before, self.levels[channel] = self.levels[channel], level
                edge, callback = self.listening.get(channel, (None, None))
                if before != level and edge in (self.BOTH, self.RISING if level else self.FALLING):
                    callback(channel)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
