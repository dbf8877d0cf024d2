"""Loudspeakers: into a file, and through PortAudio in a process of its own."""
