"""Everybody's own page of the console: their second factor."""

from django.contrib import admin
from django.urls import path

from apps.accounts.api import console_views as views

urlpatterns = [
    path("", admin.site.admin_view(views.two_factor_page), name="console_two_factor"),
    path("recovery-codes/", admin.site.admin_view(views.renew_codes), name="console_recovery_codes"),
]
