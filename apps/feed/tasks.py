"""Celery tasks: take ids, make one call.

Tasks enqueued by the previous release have `doubt` instead of `mark`.
"""

from uuid import UUID

from celery import shared_task

from apps.core.db.batches import BatchRunner
from apps.core.tasks.scheduled import scheduled
from apps.feed import explore, fanout, mode, newest, policy, snapshots


@shared_task
def push_post(*, post_id: str, author_id: str, mark: str = "", doubt: str = "", **_: object) -> None:
    fanout.push(UUID(post_id), author_id=UUID(author_id), mark=mark or doubt)


@shared_task
def settle_timeline(*, user_id: str, mark: str = "", doubt: str = "", **_: object) -> None:
    fanout.mark_clean(UUID(user_id), mark=mark or doubt)


@shared_task
def drop_timelines_of_readers(*, author_id: str, **_: object) -> None:
    fanout.drop_timelines_of_readers(UUID(author_id))


@shared_task
def drop_hidden_tags(**_: object) -> None:
    explore.drop_hidden_tags()


@scheduled
def decide_mode(**_: object) -> int:
    return int(mode.decide())


@scheduled
def keep_snapshots(*, runner: BatchRunner, **_: object) -> int:
    return snapshots.renew(runner, hurry=mode.current() == policy.NORMAL)


@scheduled
def repair_newest_posts(*, runner: BatchRunner, **_: object) -> int:
    return newest.repair(runner)


@scheduled
def keep_explore_scores(*, runner: BatchRunner, **_: object) -> int:
    return explore.keep_scores(runner)
