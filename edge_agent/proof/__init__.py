"""Proof that it was heard: airings matched at the microphone, idle speakers watched, horns tested by a sweep."""
