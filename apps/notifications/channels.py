"""The errors of a channel. Its `send(event)` delivers, or raises one of these."""


class NowhereToGo(Exception):
    """There is no address to deliver to. Another attempt would not help."""


class Undelivered(Exception):
    """This attempt failed; a later one may succeed."""
