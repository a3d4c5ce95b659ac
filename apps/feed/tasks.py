"""Doorbells."""

from celery import shared_task

from apps.feed import explore


@shared_task
def keep_explore_scores(**_: object) -> None:
    explore.keep_scores()
