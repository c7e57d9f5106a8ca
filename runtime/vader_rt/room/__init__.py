"""The room behind the caller: from leaking pixels to one picture, with its confidence."""
