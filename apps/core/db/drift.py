"""What a repair finds: a field or a counter that is not what the rows say."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Drift:
    """`field` of the row `pk` was `shown`, and the rows say `true`."""

    field: str
    pk: UUID
    shown: object
    true: object
