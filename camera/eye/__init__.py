"""Look at decoded key frames, in a process of its own: motion, tampering, snapshots. The only room of OpenCV."""
