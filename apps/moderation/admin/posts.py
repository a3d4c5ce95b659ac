"""The profile of a post for moderators."""

from typing import Any

from apps.moderation.admin import plots
from apps.moderation.admin.pages import ConsolePage, current_user
from apps.moderation.admin.photos import photo_of_item
from apps.moderation.console.profiles import LIKE_DAYS, get_post_profile
from apps.moderation.roles import may_change_rules


class PostPage(ConsolePage):
    title = "Post"
    template_name = "console/post.html"

    def get_page_context(self) -> dict[str, Any]:
        profile = get_post_profile(self.kwargs["post_id"])
        return {
            "title": f"Post of {profile.post.author}",
            "profile": profile,
            "post": profile.post,
            "may_ban": may_change_rules(current_user(self.request)),
            "photos": [
                photo_of_item(item, sensitive=profile.post.sensitive or item.unpleasant) for item in profile.photos
            ],
            "likes": plots.columns(
                "likes",
                "Likes by day",
                f"{sum(number for _, number in profile.likes)} likes in the last {LIKE_DAYS} days.",
                [(f"{day:%-d %b}", [number]) for day, number in profile.likes],
                series=["likes"],
            ),
        }
