"""Foreign alerts: CAP 1.2 messages taken in, judged, and aired by rule or by a person."""
