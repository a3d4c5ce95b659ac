"""The profile of a user for moderators."""

from typing import Any

from apps.moderation import notes
from apps.moderation.admin.pages import ConsolePage, current_user
from apps.moderation.admin.photos import photo_of_item, thumbnail
from apps.moderation.admin.views import FORM_KEYS
from apps.moderation.console.profiles import COUNTED, get_person_profile
from apps.moderation.roles import may_change_rules, outranks
from apps.moderation.verification import may_verify


class PersonPage(ConsolePage):
    title = "Person"
    template_name = "console/person.html"

    def get_page_context(self) -> dict[str, Any]:
        profile = get_person_profile(self.kwargs["person_id"])
        return {
            "title": str(profile.person),
            "profile": profile,
            "person": profile.person,
            "avatar": thumbnail(profile.person),
            "may_verify": may_verify(current_user(self.request), profile.person),
            "may_read_private": may_change_rules(current_user(self.request)),
            "photos": [
                photo_of_item(item, sensitive=item.post.sensitive or item.unpleasant) for item in profile.photos
            ],
            "counted": COUNTED,
            "team_notes": notes.list_about(profile.person.pk, by=current_user(self.request)),
            "may_note": outranks(current_user(self.request), profile.person),
            "keys": [("n", "write a note"), *FORM_KEYS],
        }
