"""The job that keeps the order of /explore."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.content.models import Post
from apps.core.db.batches import BatchRunner
from apps.core.models import JobRun
from apps.feed import explore, tasks
from apps.feed.models import ExploreScore
from tests.factories import PostFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def posts(alice):
    posts = [PostFactory(author=alice, photos=0, published_at=timezone.now()) for _ in range(3)]
    return sorted(posts, key=lambda post: post.pk)


def scored():
    return set(ExploreScore.objects.values_list("post", flat=True))


def test_result_is_the_number_of_changed_and_deleted_scores(posts):
    assert explore.keep_scores() == 3
    assert explore.keep_scores() == 0
    Post.objects.filter(pk=posts[0].pk).update(like_count=50)
    assert explore.keep_scores() == 1
    Post.objects.filter(pk=posts[1].pk).update(published_at=timezone.now() - timedelta(days=15))
    assert explore.keep_scores() == 1
    assert scored() == {posts[0].pk, posts[2].pk}


def test_interrupted_run_continues_from_its_checkpoint(posts):
    runner = BatchRunner(rows_per_second=1, on_progress=lambda rows, place: runner.stop())
    assert explore.keep_scores(runner) == 1
    assert scored() == {posts[0].pk}
    assert explore.keep_scores(BatchRunner(checkpoint=runner.checkpoint)) == 2
    assert len(scored()) == 3


def test_job_works_in_slices(posts, monkeypatch, settings, deliver):
    settings.MAINTENANCE_ROWS_PER_SECOND = 1
    monkeypatch.setattr(BatchRunner, "wait", lambda runner, seconds: runner.stop())
    assert tasks.keep_explore_scores() == 1
    assert JobRun.objects.get().unfinished
    deliver()
    assert len(scored()) == 3
    assert JobRun.objects.get().fixed == 3
