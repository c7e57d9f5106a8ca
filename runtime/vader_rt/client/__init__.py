"""What the mattes of a call tell of the client that made them."""

from vader_rt.client.fingerprint import Fingerprint

__all__ = ["Fingerprint"]
