"""What a channel may answer: `send(act)` delivers, or raises one of these."""


class NowhereToGo(Exception):
    """There is no address to deliver to; trying again would not help."""


class Undelivered(Exception):
    """Not this time; try again."""
