"""Who this node is, provably: its key, the certificate that the hub signed, and how both are renewed."""
