"""Context rules: what is written with figures, capitals and signs -> words."""
