"""Birth records: what an installer saw and a box measured when it was accepted at its pole."""
