"""Recordings, whatever they come as, and parts of their time or picture."""
