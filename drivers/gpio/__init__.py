"""The GPIO header of a Raspberry Pi: lines that are switched and dimmed, contacts, pulses."""
