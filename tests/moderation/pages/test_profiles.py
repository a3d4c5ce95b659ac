"""The pages of a person and of a post."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Session
from apps.content.models import Post
from apps.engagement.models import Comment, Like
from apps.moderation import services
from apps.moderation.console import profiles
from tests.factories import BlockFactory, CommentFactory, FollowFactory, MediaFactory, PostFactory, UserFactory, many
from tests.plans import analyze, explain, nodes

pytestmark = pytest.mark.django_db


def person_page(client, person):
    return client.get(reverse("admin:moderation_person", args=[person.pk])).text


def post_page(client, post):
    return client.get(reverse("admin:moderation_post", args=[post.pk])).text


class TestPerson:
    def test_profile_network_and_record(self, browser, mod, alice, bob, carol):
        alice.bio = "Mountains, mostly."
        alice.save()
        FollowFactory(follower=alice, followed=carol)
        BlockFactory(blocker=carol, blocked=alice)
        flag = services.flag(PostFactory(author=bob), by=alice.pk, category="spam")[0]
        services.resolve_flag(flag, by=mod, resolution="dismissed")
        profile = profiles.get_person_profile(alice.pk)
        assert (profile.followers, profile.followed) == ([bob], [carol])
        assert (profile.counts["blocked_by"], profile.counts["blocks"]) == (1, 0)
        assert (profile.counts["flags_made"], profile.counts["flags_made_dismissed"]) == (1, 1)
        page = person_page(browser(mod), alice)
        for shown in ("Mountains, mostly.", "@bob", "@carol", "1: 0 upheld, 1 dismissed"):
            assert shown in page

    def test_photos_link_to_posts_and_sensitive_ones_are_blurred(self, browser, mod, alice):
        plain, sensitive = PostFactory(author=alice, photos=2), PostFactory(author=alice, sensitive=True)
        page = person_page(browser(mod), alice)
        for post in (plain, sensitive):
            assert reverse("admin:moderation_post", args=[post.pk]) in page
        assert len(re.findall("<img", page)) - page.count('alt="Avatar') >= 3
        assert page.count('class="pg-sensitive"') == 1

    @pytest.mark.parametrize(
        ("category", "resolution", "blurred"),
        [("violence", "", 1), ("violence", "resolved", 1), ("violence", "dismissed", 1), ("spam", "", 0)],
    )
    def test_photos_with_unpleasant_category_are_blurred(self, browser, mod, alice, bob, category, resolution, blurred):
        flag = services.flag(PostFactory(author=alice), by=bob.pk, category=category)[0]
        if resolution:
            services.resolve_flag(flag, by=mod, resolution=resolution)
        pages = person_page(browser(mod), alice), post_page(browser(mod), Post.objects.get())
        assert [page.count('class="pg-sensitive"') for page in pages] == [blurred, blurred]

    def test_pages_link_to_the_case(self, browser, mod, alice, bob):
        post = PostFactory(author=alice)
        comment = CommentFactory(post=post, author=bob)
        for kind, row, page in (
            ("user", alice, person_page(browser(mod), alice)),
            ("post", post, post_page(browser(mod), post)),
            ("comment", comment, post_page(browser(mod), post)),
        ):
            there = reverse("admin:moderation_flag_case", args=[kind, row.pk])
            assert there in page
            assert browser(mod).get(there).status_code == 200

    def test_addresses_are_shortened(self, browser, mod, alice):
        for address in ("203.0.113.77", "2001:db8:aaaa:bbbb::1", None):
            Session.objects.create(
                user=alice,
                address=address,
                device_name="Pixel 9",
                expires_at=timezone.now() + timedelta(days=1),
            )
        page = person_page(browser(mod), alice)
        for shown in ("203.0.113.***", "2001:db8:aaaa::/48", "unknown", "Pixel 9", "a***@e***.org"):
            assert shown in page
        for hidden in ("203.0.113.77", "bbbb", "alice@example.org"):
            assert hidden not in page

    def test_timeline_lists_reports_decisions_and_appeals_by_time(self, browser, mod, alice, bob):
        post = PostFactory(author=alice)
        services.flag(post, by=bob.pk, category="spam", note="Sells watches.")
        action = services.take_down_post(post, by=mod, reason="It does sell watches.", category="spam")
        services.appeal(action, by=alice.pk, text="They are paintings.")
        page = person_page(browser(mod), alice)
        assert page.index("It does sell watches.") < page.index("Sells watches.”")
        assert "They are paintings." in page

    def test_suspended_user_has_a_page(self, browser, mod, alice):
        services.suspend(alice, by=mod, reason="Repeated spam.", category="spam")
        assert "Repeated spam." in person_page(browser(mod), alice)

    def test_action_of_deleted_actor_is_shown(self, browser, mod, alice):
        former = UserFactory(handle="former", is_superuser=True)
        services.take_down_post(PostFactory(author=alice), by=former, reason="Kept.", category="spam")
        former.delete()
        page = person_page(browser(mod), alice)
        assert "Kept." in page
        assert "deleted account" in page

    @pytest.mark.slow
    def test_neighbours_are_read_by_index(self, alice, mod):
        people = [UserFactory() for _ in range(40)]
        for person in people:
            FollowFactory(follower=person, followed=alice)
            for other in people[:20]:
                if other != person:
                    FollowFactory(follower=person, followed=other)
        analyze("social_follow", "accounts_user")
        followers, followed = profiles._neighbours(alice.pk)
        assert (len(followers), followed) == (profiles.NEIGHBOURS, [])
        assert followers[0] == people[-1]


class TestPost:
    def test_photos_caption_comments_and_history(self, browser, mod, alice, bob):
        post = PostFactory(author=alice, photos=3, caption="Evening at the pier")
        comment = CommentFactory(post=post, author=bob, text="What a colour!")
        services.take_down_comment(comment, by=mod, reason="Spam.", category="spam")
        services.flag(post, by=bob.pk, category="nudity", note="Look at the second.")
        services.take_down_post(post, by=mod, reason="Seen.", category="nudity")
        page = post_page(browser(mod), post)
        for shown in ("Evening at the pier", "What a colour!", "Look at the second.", "Seen.", "@bob", "taken down"):
            assert shown in page
        assert page.count("<img") >= 3
        assert reverse("admin:moderation_person", args=[alice.pk]) in page

    def test_photo_that_is_not_ready_shows_its_status(self, browser, mod, alice):
        post = PostFactory(author=alice, photos=0, status="processing")
        post.items.create(medium=MediaFactory(owner=alice, status="processing"), position=0)
        assert '<span class="pg-nophoto">processing</span>' in post_page(browser(mod), post)

    def test_likes_are_plotted_by_day_with_a_table(self, browser, mod, alice):
        post = PostFactory(author=alice)
        now = timezone.now()
        for days, number in ((0, 2), (3, 5), (40, 1)):
            with time_machine.travel(now - timedelta(days=days)):
                likes = [Like(post=post, user=UserFactory(), created_at=timezone.now()) for _ in range(number)]
            many(likes)
        likes = profiles.get_post_profile(post.pk).likes
        assert len(likes) == profiles.LIKE_DAYS
        assert likes[-1] == (now.date(), 2)
        assert likes[-4] == ((now - timedelta(days=3)).date(), 5)
        page = post_page(browser(mod), post)
        assert "7 likes in the last 30 days." in page
        assert page.count('<rect class="pg-series-0"') == 2
        assert 'role="img" aria-labelledby="plot-likes-title plot-likes-desc"' in page
        assert f'<th scope="row">{now:%-d %b}</th><td>2</td>' in page

    @pytest.mark.slow
    def test_comments_of_a_post_are_read_by_index(self, alice, bob):
        busy, other = PostFactory(author=alice), PostFactory(author=alice)
        many(Comment(post=other if n % 20 else busy, author=bob, text="x") for n in range(6000))
        analyze("engagement_comment")
        comments = busy.comments.order_by("-id").filter(parent=None)[:10]
        assert not [node for node in nodes(explain(comments)) if node["Node Type"] == "Seq Scan"]


class TestLinks:
    """Both ways between our pages and the rows."""

    @pytest.mark.parametrize("name", ["accounts_user", "content_post"])
    def test_rows_and_pages_link_to_each_other(self, browser, mod, alice, name):
        row = alice if name == "accounts_user" else PostFactory(author=alice)
        page = reverse(f"admin:moderation_{'person' if row is alice else 'post'}", args=[row.pk])
        change = reverse(f"admin:{name}_change", args=[row.pk])
        client = browser(mod)
        assert page in client.get(reverse(f"admin:{name}_changelist")).text
        assert page in client.get(change).text
        assert change in client.get(page).text
