"""On air: what clusters play now and next, notices spoken now, the live microphone, emergencies."""
