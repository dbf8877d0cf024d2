"""Devices that speak MQTT on the local broker: Zigbee2MQTT and Tasmota."""
