"""The environment of the process, and limits for its numbers: `env.int("TASK_TRIES", 5, validate=positive)`.

A number outside of its limits is refused at the start, with the name of its variable.
"""

from environs import Env, validate

env = Env()
positive = validate.Range(min=0, min_inclusive=False, error="must be greater than 0")
not_negative = validate.Range(min=0, error="must be 0 or greater")


def between(least: int, most: int) -> validate.Range:
    return validate.Range(least, most, error=f"must be from {least} to {most}")
