"""A post as a moderator needs to know it."""

from typing import Any

from apps.moderation.admin import plots
from apps.moderation.admin.pages import ConsolePage, member, photo_of
from apps.moderation.console import profiles as dossiers
from apps.moderation.roles import may_change_rules


class PostPage(ConsolePage):
    title = "Post"
    template_name = "console/post.html"

    def shown(self) -> dict[str, Any]:
        dossier = dossiers.of_post(self.kwargs["post_id"])
        return {
            "title": f"Post of {dossier.post.author}",
            "dossier": dossier,
            "post": dossier.post,
            "may_ban": may_change_rules(member(self.request)),
            "photos": [photo_of(item, sensitive=dossier.post.sensitive or item.unpleasant) for item in dossier.photos],
            "likes": plots.columns(
                "likes",
                "Likes by day",
                f"{sum(number for _, number in dossier.likes)} likes in the last {dossiers.LIKE_DAYS} days.",
                [(f"{day:%-d %b}", [number]) for day, number in dossier.likes],
                series=["likes"],
            ),
        }
