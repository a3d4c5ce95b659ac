"""The base class of all lists of the console."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from apps.accounts.models import User
from apps.console.paging import BoundedPaginator, IndexedChangeList
from apps.core.db.ids import parse_id
from apps.moderation.roles import may_change_rules


def is_administrator(request: HttpRequest) -> bool:
    """Whether the user has the role admin."""
    user = cast(User, request.user)
    return user.is_active and user.is_staff and "admin" in user.roles


def change_url(label: str, pk: Any) -> str:
    """The page of a row of a model, such as "content.Post"."""
    return reverse(f"admin:{label.replace('.', '_').lower()}_change", args=[pk])


def linked(name: str, description: str = "") -> Callable[[Model], str]:
    """A column that links to the row of a foreign key."""

    @admin.display(description=description or name.replace("_", " "))
    def column(row: Model) -> str:
        other = getattr(row, name)
        return format_html('<a href="{}">{}</a>', change_url(other._meta.label, other.pk), other) if other else "–"

    return column


class Related(NamedTuple):
    """A link from a row to a list: the rows of `model` whose `lookup` is the id of the row."""

    title: str
    model: str
    lookup: str


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold carries no types
    """Lists, search and details for staff. Changes go through services only.

    Lists may be of any length. So each has one order, searches exact values of indexed columns, and only has the
    filters that its class names (docs/decisions/0008-console-and-second-factor.md).
    """

    paginator = BoundedPaginator
    # Counting all rows scans the table.
    show_full_result_count = False
    list_per_page = 50
    # There is no page with all rows.
    list_max_show_all = 0
    sortable_by: Sequence[str] = ()
    list_disable_select_all = True
    change_form_outer_before_template = "console/related.html"

    # The columns that the search compares: ids, users (by handle, e-mail address or id), and texts.
    searched_ids: Sequence[str] = ()
    searched_people: Sequence[str] = ()
    searched_texts: Sequence[str] = ()
    # The columns by which links of other pages may filter the list: foreign keys, or columns with an id.
    narrowed_by: Sequence[str] = ()
    related: Sequence[Related] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[IndexedChangeList]:
        return IndexedChangeList

    # ── Search ───────────────────────────────────────────────────────────────────────────────────────────
    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        """A list without fields has no search. `get_search_results` defines how they are searched."""
        return [*self.searched_ids, *self.searched_people, *self.searched_texts, *self.search_fields]

    @property
    def search_help_text(self) -> str:
        people = ["a handle or an e-mail address"] if self.searched_people else []
        ids = ["an id"] if self.searched_ids or self.searched_people else []
        texts = [name.split("__")[0].replace("_", " ") for name in (*self.searched_texts, *self.search_fields)]
        return f"Exact match of {', '.join(people + ids + texts)}."

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        term = search_term.strip()
        return (queryset.filter(self.search_condition(request, term)) if term else queryset), False

    def search_condition(self, request: HttpRequest, term: str) -> Q:
        """A condition for the rows that the search term names."""
        found = Q(pk__in=[])
        if row_id := parse_id(term):
            for column in self.searched_ids:
                found |= Q(**{column: row_id})
        if self.searched_people and (person := self.find_user(request, term)):
            for column in self.searched_people:
                found |= Q(**{column: person.pk})
        for column in self.searched_texts:
            found |= Q(**{column: term})
        return found

    @staticmethod
    def find_user(request: HttpRequest, term: str) -> User | None:
        """The user that the term names. Only users who may read e-mail addresses can search by address."""
        by_mail = "@" in term.removeprefix("@")
        if by_mail and not may_change_rules(cast(User, request.user)):
            return None
        person: User | None = User.objects.named(term).first()
        return person

    # ── Links ────────────────────────────────────────────────────────────────────────────────────────────
    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Django would accept filters by any column, including private ones."""
        columns = [
            name if isinstance(name, str) else name[0] for name in self.list_filter if not isinstance(name, type)
        ]
        return lookup in {
            f"{column}{ending}"
            for column in columns
            for ending in ("", "__exact", "__isnull", "__isempty", "__gte", "__lt")
        } | {f"{column}__exact" for column in self.narrowed_by}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        links = {"related_links": self.related_links(request, object_id)}
        response: HttpResponse = super().change_view(request, object_id, form_url, (extra_context or {}) | links)
        return response

    def related_links(self, request: HttpRequest, object_id: str) -> list[tuple[str, str]]:
        """(title, URL) of the related lists that the user may view."""
        links = []
        for title, label, lookup in self.related:
            model = apps.get_model(label)
            if admin.site.get_model_admin(model).has_view_permission(request):
                path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
                links.append((title, f"{path}?{urlencode({f'{lookup}__exact': object_id})}"))
        return links
