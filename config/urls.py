"""Every route. Each app names its own paths below /v1."""

from django.contrib import admin
from django.urls import include, path

handler400 = "apps.core.api.problems.bad_request"
handler403 = "apps.core.api.problems.forbidden"
handler404 = "apps.core.api.problems.not_found"
handler500 = "apps.core.api.problems.internal_error"

# From higher apps to lower ones, so that a literal path (users/suggestions) comes before a pattern (users/{user}).
API_APPS = [
    "feed",
    "engagement",
    "content",
    "notifications",
    "social",
    "accounts",
    "media",
    "search",
    "moderation",
    "core",
]

# In workers no other code imports the admin classes (config/worker_settings.py).
admin.autodiscover()
urlpatterns = [
    *(path("v1/", include(f"apps.{app}.api.urls")) for app in API_APPS),
    path("", include("apps.core.api.service_urls")),
    path("admin/", include("apps.accounts.api.console_urls")),
    path("admin/", admin.site.urls),
    path("web/", include("apps.web.script_urls")),
    path("", include("apps.web.urls")),
]
