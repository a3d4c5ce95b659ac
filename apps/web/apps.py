from apps.core import privacy


class WebConfig(privacy.NoUserDataConfig):
    """The pages of members. Has no tables."""

    name = "apps.web"
