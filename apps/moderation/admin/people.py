"""A person as a moderator needs to know them."""

from typing import Any

from apps.moderation.admin.pages import ConsolePage, Photo, avatar_of, member, photo_of
from apps.moderation.console import profiles as dossiers
from apps.moderation.roles import may_change_rules


class PersonPage(ConsolePage):
    title = "Person"
    template_name = "console/person.html"

    def shown(self) -> dict[str, Any]:
        dossier = dossiers.of_person(self.kwargs["person_id"])
        photos: list[Photo] = [
            photo_of(item, sensitive=item.post.sensitive or item.unpleasant, size="thumb") for item in dossier.photos
        ]
        return {
            "title": str(dossier.person),
            "dossier": dossier,
            "person": dossier.person,
            "avatar": avatar_of(dossier.person),
            "may_read_private": may_change_rules(member(self.request)),
            "photos": photos,
            "counted": dossiers.COUNTED,
        }
