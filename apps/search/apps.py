from apps.core import privacy


class SearchConfig(privacy.NoUserDataConfig):
    """Search for people, posts and tags."""

    name = "apps.search"
