"""Sensors that the Linux kernel reads: 1-Wire, hwmon, iio."""
