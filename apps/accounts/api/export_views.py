"""Taking one's data along."""

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import exports, services
from apps.accounts.api import schemas
from apps.accounts.api.auth_views import whole
from apps.accounts.api.bodies import AskForExport
from apps.accounts.api.cards import export_card
from apps.core import limits
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint


class ExportEndpoint(Endpoint):
    bodies = {"create": AskForExport}

    @documented(
        summary="Ask for an archive of all that is held on one, with the originals",
        request=AskForExport,
        responses={202: None},
        errors=[services.WrongPassword, services.ExportInProgress, services.ExportTooSoon],
    )
    def create(self, request: Request) -> Response:
        password = self.body(request)["password"]
        limits.require("password", str(self.caller_id))
        services.request_export(whole(self.caller_id), password=password)
        return Response(status=202)

    @documented(summary="How far one's archive is, and where", responses={200: schemas.DataExport})
    def retrieve(self, request: Request) -> Response:
        return Response(export_card(exports.latest(self.caller_id)))
