"""Search for people, posts and tags, and explore."""

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Post, PostTag, Tag
from apps.core.db.ids import new_id
from apps.core.db.queries import load
from apps.core.tasks import jobs
from apps.search import reads
from apps.search.querysets import find_posts, find_tags
from tests.conftest import Caller
from tests.factories import BlockFactory, MediaFactory, MuteFactory, UserFactory, many
from tests.plans import analyze, explain, explain_kept, indexes_used, nodes, rows_read

pytestmark = pytest.mark.django_db


def handles(caller, query):
    return [row["handle"] for row in caller.get("/search/users", {"q": query}).json()["results"]]


def captions(caller, query):
    return [row["caption"] for row in caller.get("/search/posts", {"q": query}).json()["results"]]


def counted(caller, query):
    return {row["tag"]: row["posts"] for row in caller.get("/search/tags", {"q": query}).json()["results"]}


def posted(author, caption, **fields):
    return content.create_post(
        author_id=author.pk, media_ids=[MediaFactory(owner=author).pk], caption=caption, **fields
    )


class TestPeople:
    def test_people_are_ranked_by_exact_handle_prefix_and_followers(self, anonymous):
        for handle, followers in [("mario", 1), ("mariola", 5), ("marion", 9), ("marlon", 99), ("xaver", 999)]:
            User.objects.filter(pk=UserFactory(handle=handle).pk).update(follower_count=followers)
        found = handles(anonymous, "Mario")
        assert found[:3] == ["mario", "marion", "mariola"]
        assert "xaver" not in found

    def test_similar_names_follow_on_the_page_after_prefix_matches(self, anonymous):
        for handle in ("marina_a", "marina_b", "marian", "mariana"):
            UserFactory(handle=handle)
        first = anonymous.get("/search/users", {"q": "marina", "limit": 2}).json()
        assert {row["handle"] for row in first["results"]} == {"marina_a", "marina_b"}
        rest = anonymous.get("/search/users", {"q": "marina", "cursor": first["next_cursor"]}).json()
        assert {row["handle"] for row in rest["results"]} == {"marian", "mariana"}

    @pytest.mark.parametrize("query", ["zoe", "Zoë", "ZOE", "zoë müller", "Zoe Muller", "muller", "@zoe"])
    def test_people_search_ignores_accents_and_case(self, anonymous, query):
        person = UserFactory(handle="zoe_m")
        User.objects.filter(pk=person.pk).update(display_name="Zoë Müller")
        UserFactory(handle="other")
        assert handles(anonymous, query) == ["zoe_m"]

    @pytest.mark.parametrize("query", ["Νίκος", "νικοσ", "ΝΙΚΟΣ", "Νίκος Παπάς", "ΝΙΚΟΣ ΠΑΠΑΣ", "νικοσ παπασ"])
    def test_names_with_a_greek_final_sigma_are_found_as_prefixes(self, anonymous, query):
        for handle, name in [("upper", "ΝΙΚΟΣ ΠΑΠΑΣ"), ("mixed", "Νίκος Παπάς"), ("longer", "Νίκος Παπάσογλου")]:
            User.objects.filter(pk=UserFactory(handle=handle).pk).update(display_name=name)
        results = reads.find_people(query, viewer_id=None, after=None, limit=9)
        by_rank = {User.objects.get(pk=found.id).handle for found in results if found.rank == 1}
        assert by_rank == {"upper", "mixed", "longer"}

    @pytest.mark.parametrize("query", ["alcie_photo", "alice_phto", "alicephoto"])
    def test_people_search_finds_names_with_typos(self, anonymous, query):
        UserFactory(handle="alice_photo")
        UserFactory(handle="zzz_unlike")
        assert handles(anonymous, query) == ["alice_photo"]

    @pytest.mark.promise("P5")
    def test_people_search_excludes_blocked_and_suspended_users(self, api, anonymous, alice, carol, mallory):
        assert handles(anonymous, "alice") == ["alice"]
        assert handles(api(mallory), "alice") == []
        assert handles(api(alice), "mallory") == []
        accounts.suspend(alice, reason="spam")
        assert handles(anonymous, "alice") == []

    def test_people_search_returns_the_relationship(self, api, alice, bob):
        [found] = api(bob).get("/search/users", {"q": "alice"}).json()["results"]
        assert found["viewer"]["following"] is True
        assert found["counts"]["followers"] == 1

    def test_a_wildcard_is_searched_as_a_character(self, anonymous, alice):
        for query in ("%", "_", "\\", "a%e"):
            assert handles(anonymous, query) == []


class TestPosts:
    def test_post_search_needs_every_word_and_tag_newest_first(self, anonymous, alice):
        for caption in ("Low tide at #Husum", "High tide", "low TIDE again", "#husum"):
            posted(alice, caption)
        assert captions(anonymous, "tide") == ["low TIDE again", "High tide", "Low tide at #Husum"]
        assert captions(anonymous, "tide low") == ["low TIDE again", "Low tide at #Husum"]
        assert captions(anonymous, "#husum") == ["#husum", "Low tide at #Husum"]
        assert captions(anonymous, "#husum tide") == ["Low tide at #Husum"]
        assert captions(anonymous, "tid") == []

    def test_post_search_ignores_accents(self, anonymous, alice):
        posted(alice, "Café à Liège")
        assert captions(anonymous, "cafe liege") == ["Café à Liège"]

    def test_post_search_finds_words_beside_punctuation_and_in_every_script(self, anonymous, alice):
        texts = [
            "black/white",
            "https://x.example/lake-como",
            "#art/design",
            "東京タワーの夜景",
            "เว็บพนันออนไลน์",
            "οδός",
        ]
        for caption in texts:
            posted(alice, caption)
        queries = ["white", "como", "design", "夜景", "พนัน", "ΟΔΟΣ"]
        assert [captions(anonymous, query) for query in queries] == [[caption] for caption in texts]
        assert [captions(anonymous, query) for query in ("lak", "夜の", "!", "\u20e3")] == [[]] * 4

    def test_tag_of_a_query_matches_in_any_case_and_with_or_without_accents(self, anonymous, alice):
        for caption in ("#οδός", "#ΟΔΟΣΗΜΑ", "#straße", "#2026"):
            posted(alice, caption)
        for query, caption in [
            ("#ΟΔΟΣ", "#οδός"),
            ("#strasse", "#straße"),
            ("＃STRASSE", "#straße"),
            ("#2026", "#2026"),
        ]:
            assert captions(anonymous, query) == [caption]
        assert captions(anonymous, "#nothing") == []

    def test_post_of_the_previous_release_is_found_before_and_after_the_repair(self, anonymous, alice):
        posted(alice, "Café by night")
        posted(alice, "東京タワー")
        Post.objects.update(words=None)
        assert captions(anonymous, "cafe night") == ["Café by night"]
        assert captions(anonymous, "東京タワー") == ["東京タワー"]
        jobs.repair_search()
        assert captions(anonymous, "cafe night") == ["Café by night"]
        assert captions(anonymous, "タワー") == ["東京タワー"]

    @pytest.mark.parametrize("query", ["'", "a & b | !", "<->", "\\", "#", "##", "!!", "(", ":*"])
    def test_search_operators_are_searched_as_text(self, anonymous, alice, query):
        posted(alice, "tide")
        assert captions(anonymous, query) in ([], ["tide"])

    @pytest.mark.promise("P2")
    def test_post_search_finds_only_visible_posts(self, api, anonymous, alice, bob, carol, mallory):
        posted(alice, "tide for followers", visibility="followers")
        public = posted(alice, "tide for all")
        assert captions(anonymous, "tide") == captions(api(carol), "tide") == ["tide for all"]
        assert captions(api(bob), "tide") == ["tide for all", "tide for followers"]
        assert captions(api(mallory), "tide") == []
        content.take_down(public)
        assert captions(anonymous, "tide") == []
        content.restore(public)
        accounts.update_profile(alice, changes={"is_private": True})
        assert captions(api(carol), "tide") == []
        assert len(captions(api(bob), "tide")) == 2
        accounts.suspend(alice, reason="spam")
        assert captions(api(bob), "tide") == []

    @pytest.mark.promise("P6")
    def test_an_edited_caption_is_found_by_its_new_words(self, anonymous, alice):
        post = posted(alice, "before")
        content.update_post(post, changes={"caption": "after"})
        assert (captions(anonymous, "before"), captions(anonymous, "after")) == ([], ["after"])


class TestTags:
    def test_tag_search_returns_prefix_matches_with_post_counts(self, anonymous, alice):
        for caption in ("#husum #hut", "#husum", "#Hund", "#other"):
            posted(alice, caption)
        assert counted(anonymous, "hu") == counted(anonymous, "#HU") == {"hund": 1, "husum": 2, "hut": 1}
        assert counted(anonymous, "hus") == {"husum": 2}

    def test_tag_search_ignores_accents_case_and_width(self, anonymous, alice):
        for caption in ("#ΟΔΟΣΗΜΑ", "#café", "#İzmir", "#straße", "#ｓｕｍｍｅｒ", "#ﾀﾜｰ"):
            posted(alice, caption)
        queries = ["ΟΔΟΣ", "οδός", "cafe", "izm", "STRASS", "summer", "タワ"]
        expected = ["οδοσημα", "οδοσημα", "café", "i̇zmir", "straße", "ｓｕｍｍｅｒ", "ﾀﾜｰ"]
        assert [list(counted(anonymous, query)) for query in queries] == [[tag] for tag in expected]

    def test_tag_list_is_read_page_by_page_also_with_tags_of_the_previous_release(self, anonymous, alice):
        posted(alice, " ".join(f"#{tag}" for tag in ("cab", "café", "cafe", "cage", "CÂGE", "cat")))
        Tag.objects.filter(name__in=["café", "cage"]).update(searchable_name=None)
        for _ in range(2):
            found, cursor = [], None
            while cursor or not found:
                page = anonymous.get("/search/tags", {"q": "ca", "limit": 1} | ({"cursor": cursor} if cursor else {}))
                found += [row["tag"] for row in page.json()["results"]]
                cursor = page.json()["next_cursor"] if len(found) < 10 else None
            assert found == ["cab", "cafe", "café", "cage", "câge", "cat"]
            jobs.repair_search()

    @pytest.mark.promise("P2")
    def test_tag_search_counts_only_visible_posts(self, api, anonymous, alice, bob, mallory):
        posted(alice, "#secret #husum", visibility="followers")
        posted(alice, "#husum")
        assert counted(anonymous, "secret") == {}
        assert counted(anonymous, "husum") == {"husum": 1}
        assert counted(api(bob), "husum") == {"husum": 2}
        assert counted(api(bob), "secret") == {"secret": 1}
        assert counted(api(mallory), "husum") == {}


class TestTheQuery:
    @pytest.mark.parametrize("kind", ["users", "posts", "tags"])
    def test_a_query_has_1_to_100_characters(self, anonymous, kind):
        for bad in (
            {},
            {"q": ""},
            {"q": "  "},
            {"q": "x" * 101},
            {"q": "a\u0000"},
            {"q": "\u202ea"},
            {"q": "\u200b\u3164"},
        ):
            answer = anonymous.get(f"/search/{kind}", bad)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")
        assert anonymous.get(f"/search/{kind}", {"q": " " + "x" * 100 + " "}).status_code == 200

    @pytest.mark.promise("I2")
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(query=st.text(max_size=110), kind=st.sampled_from(["users", "posts", "tags"]))
    def test_any_text_gets_a_result_or_a_client_error(self, alice, query, kind):
        assert Caller().get(f"/search/{kind}", {"q": query}).status_code in {200, 400}


class TestExplore:
    @pytest.fixture
    def explored(self):
        from apps.feed import explore

        def explored(caller):
            explore.keep_scores()
            return [row["caption"] for row in caller.get("/explore").json()["results"]]

        return explored

    def test_explore_lists_popular_public_posts_first(self, explored, api, anonymous, alice, bob):
        for caption, fields in [
            ("quiet", {}),
            ("loved", {"like_count": 50}),
            ("sensitive", {"sensitive": True}),
            ("followers", {"visibility": "followers"}),
        ]:
            post = posted(alice, caption)
            Post.objects.filter(pk=post.pk).update(**fields)
        assert explored(anonymous) == explored(api(bob)) == ["loved", "quiet"]

    @pytest.mark.promise("P2", "P5")
    def test_explore_checks_visibility_on_each_request(self, explored, api, anonymous, alice, carol, mallory):
        post = posted(alice, "hers")
        assert explored(anonymous) == ["hers"]
        assert explored(api(mallory)) == []
        MuteFactory(muter=carol, muted=alice)
        assert explored(api(carol)) == []
        content.take_down(post)
        assert explored(anonymous) == []
        content.restore(post)
        accounts.update_profile(alice, changes={"is_private": True})
        assert explored(anonymous) == []

    def test_explore_drops_old_posts(self, explored, anonymous, alice):
        from datetime import timedelta

        from django.utils import timezone

        from apps.feed.models import ExploreScore

        post = posted(alice, "old")
        assert explored(anonymous) == ["old"]
        Post.objects.filter(pk=post.pk).update(published_at=timezone.now() - timedelta(days=15))
        assert explored(anonymous) == []
        assert not ExploreScore.objects.exists()


class TestIndexes:
    @pytest.fixture
    def crowd(self, alice):
        people = many(
            User(handle=f"p{n:05}", email=f"p{n}@example.org", password="!", display_name=f"Zoë {n}")
            for n in range(6000)
        )
        writers = [alice, *people[:50]]
        made = many(
            Post(
                id=new_id(), author=writers[n % 51], status="published", caption=f"low tide {'rare' * (n % 2000 == 0)}"
            )
            for n in range(8000)
        )
        names = many(Tag(name=f"tag{n:05}") for n in range(4000))
        many(PostTag(post=post, tag=names[n % 4000], position=0) for n, post in enumerate(made))
        analyze("accounts_user", "content_post", "content_tag", "content_posttag")
        return people

    @pytest.mark.slow
    def test_no_search_scans_a_table(self, crowd):
        """One test for three searches, because creating the rows takes long."""
        self._people()
        self._a_rare_word_by_the_word_index_and_a_common_one_in_the_order_of_the_list()
        self._tags()

    def _people(self):
        values = {"query": "p00042", "least_similarity": reads.LEAST_SIMILARITY, "limit": 21}
        values |= dict.fromkeys(["rank", "similarity", "followers", "id"])
        plan = explain_kept(load("search/people", visible=reads.VISIBLE.sql(viewer=None)), values)
        assert "people_by_folded_likeness" in indexes_used(plan)
        assert indexes_used(plan) & {"people_by_handle_prefix", "one_account_per_handle"}
        assert "people_by_folded_name" in indexes_used(plan)
        scans = [n for n in nodes(plan) if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "accounts_user"]
        assert not scans

    def _a_rare_word_by_the_word_index_and_a_common_one_in_the_order_of_the_list(self):
        rare = explain(find_posts("rare", viewer_id=None).order_by("-id")[:21])
        assert "posts_by_stored_words" in indexes_used(rare)
        common = explain(find_posts("tide", viewer_id=None).order_by("-id")[:21])
        assert rows_read(common) < 500

    def _tags(self):
        plan = explain(find_tags("tag0001", viewer_id=None).order_by("searched", "plain")[:21])
        assert "tags_by_searchable_name" in indexes_used(plan)
        assert not [n for n in nodes(plan) if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "content_post"]

    def test_photogram_folded_removes_accents_case_and_the_final_sigma(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT photogram_folded('Zoë ÅNGSTRÖM Νίκος ΝΙΚΟΣ')")
            assert cursor.fetchone() == ("zoe angstrom νικοσ νικοσ",)


def test_a_user_blocked_between_two_pages_is_not_on_the_second(api, alice):
    for n in range(4):
        UserFactory(handle=f"walker{n}")
    first = api(alice).get("/search/users", {"q": "walker", "limit": 2}).json()
    BlockFactory(blocker=alice, blocked=User.objects.get(handle="walker0"))
    rest = api(alice).get("/search/users", {"q": "walker", "limit": 2, "cursor": first["next_cursor"]}).json()
    assert [row["handle"] for row in [*first["results"], *rest["results"]]] == ["walker3", "walker2", "walker1"]
