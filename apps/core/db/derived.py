"""Columns that repeat a text of their row in the form in which it is searched.

The form is computed in Python, by the functions of `core/words.py`, when the row is written through the ORM: insert it,
or save it with the column among `update_fields`. The column is null where that has not happened: in rows older than the
column and in rows of a process of the release before it. `repair` fills and corrects them.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.core import words
from apps.core.db.batches import BatchRunner, walk
from apps.core.db.counters import Drift


class DerivedField(models.Field):  # type: ignore[type-arg]
    """A column that is computed from the text in the column `source` of the same row."""

    def __init__(self, source: str, **options: Any) -> None:
        self.source = source
        super().__init__(**options | {"null": True, "editable": False})

    def derive(self, text: str) -> Any:
        raise NotImplementedError

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, options | {"source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.derive(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, value)
        return value

    @property
    def label(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def repair(self, runner: BatchRunner, *, after: str | None = None, dry_run: bool = False) -> Iterator[Drift]:
        """Compare the column of the rows behind `after` with their texts, in batches. Yields each wrong value, which is
        corrected unless it is a dry run."""
        rows = self.model._base_manager.all()
        for pks in walk(rows, runner, after=after, field=self.label):
            for pk, text, stored in rows.filter(pk__in=pks).values_list("pk", self.source, self.attname):
                true = self.derive(text)
                if stored == true:
                    continue
                # Without a lock: if the text has changed meanwhile, its writer has written this column as well.
                if not dry_run:
                    rows.filter(pk=pk, **{self.source: text}).update(**{self.attname: true})
                yield Drift(self.label, pk, stored, true)


class WordsField(DerivedField, ArrayField):  # type: ignore[type-arg]
    """The words of a text. Search for them with `search_words` in `apps/search/words.py`."""

    def __init__(self, source: str, **options: Any) -> None:
        super().__init__(source, **options | {"base_field": models.TextField()})

    def derive(self, text: str) -> list[str]:
        return words.words(text)


class SearchableField(DerivedField, models.CharField):  # type: ignore[type-arg]
    """A short text without accents and case, for a search by prefix. It is cut at `max_length`."""

    def derive(self, text: str) -> str:
        return words.searchable(text)[: self.max_length]


def every_field() -> list[DerivedField]:
    """All columns of this kind, in the order of their names."""
    fields = [field for model in apps.get_models() for field in model._meta.fields if isinstance(field, DerivedField)]
    return sorted(fields, key=lambda field: field.label)


def repair(runner: BatchRunner, *, only: str = "", dry_run: bool = False) -> Iterator[Drift]:
    """Compare all columns of this kind, or the column `only`, with the texts, from `runner.checkpoint` on. Yields each
    wrong value, which is corrected unless it is a dry run."""
    begun, after = runner.checkpoint.get("field", ""), runner.checkpoint.get("after")
    for field in every_field():
        if field.label >= begun and only in ("", field.label):
            yield from field.repair(runner, after=after if field.label == begun else None, dry_run=dry_run)
