"""Console pages of the current user, included before those of Django."""

from django.contrib import admin
from django.urls import path

from apps.accounts.api import console_views as views

urlpatterns = [
    path("two-factor/", admin.site.admin_view(views.two_factor_page), name="console_two_factor"),
    path("two-factor/recovery-codes/", admin.site.admin_view(views.renew_codes), name="console_recovery_codes"),
    path("password_change/", admin.site.admin_view(views.password_page)),
]
