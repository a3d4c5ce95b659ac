"""Operations of the API for scripts of pages, with the browser's session instead of a token.

The views are those of the API, so that input, limits, idempotency and errors are the same.
"""

from typing import Any

from django.urls import path
from rest_framework.viewsets import GenericViewSet

from apps.accounts.api.registration import ChallengeViewSet
from apps.accounts.api.second_factors import SecondFactorViewSet
from apps.accounts.api.views import AuthViewSet
from apps.content.api.views import PostViewSet
from apps.media.api.views import MediaViewSet, UploadViewSet
from apps.notifications.api.views import NotificationViewSet, PushViewSet
from apps.search.api.views import SearchViewSet
from apps.web.authentication import WebSessionAuthentication


def _view(viewset: type[GenericViewSet[Any]], **actions: Any) -> Any:
    """A view of the API for signed-in browsers. `actions`: {method: action}. The OpenAPI document leaves it out."""
    options: dict[str, Any] = {}
    for action in actions.values():
        # What `@action` sets, for example the serializer of its body.
        options |= getattr(getattr(viewset, action), "kwargs", {})
    # Without an ETag: browsers store nothing that belongs to a session.
    options |= {"authentication_classes": [WebSessionAuthentication], "etag_actions": frozenset(), "schema": None}
    return viewset.as_view(actions, **options)


urlpatterns = [
    path("passkey-options", _view(AuthViewSet, post="passkey_options")),
    path("passkeys/options", _view(SecondFactorViewSet, post="passkey_options")),
    path("uploads", _view(UploadViewSet, post="create")),
    path("uploads/<uuid:media_id>/complete", _view(UploadViewSet, post="complete")),
    path("uploads/<uuid:media_id>", _view(UploadViewSet, get="status")),
    path("media/<uuid:media_id>", _view(MediaViewSet, delete="destroy")),
    path("posts", _view(PostViewSet, post="create")),
    path("posts/<uuid:post_id>", _view(PostViewSet, get="retrieve")),
    path("unread", _view(NotificationViewSet, get="unread_count")),
    path("notifications/read", _view(NotificationViewSet, post="read_all")),
    path("push-subscriptions", _view(PushViewSet, get="list", post="create")),
    path("push-subscriptions/<uuid:subscription_id>", _view(PushViewSet, delete="destroy")),
    path("sign-up-challenge", _view(ChallengeViewSet, get="retrieve"), name="web_challenge"),
    # What `@` and `#` complete.
    path("search/users", _view(SearchViewSet, get="users")),
    path("search/tags", _view(SearchViewSet, get="tags")),
]
