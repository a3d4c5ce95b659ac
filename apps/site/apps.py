from apps.core import privacy


class SiteConfig(privacy.NoUserDataConfig):
    """What the operator sets for the whole site."""

    name = "apps.site"
