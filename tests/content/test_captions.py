import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.content.captions import mentions_in, tags_in

texts = st.text(st.one_of(st.characters(), st.sampled_from("#＃@._ aÄé日ह\u0301")), max_size=80)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("Low tide at #Husum", ["husum"]),
        ("#one #two#three #One", ["one", "two"]),
        ("＃全角 #日本語", ["全角", "日本語"]),
        ("#हिन्दी", ["हिन्दी"]),
        ("#caf\u0065\u0301", ["café"]),
        ("#2026 #24h", ["24h"]),
        ("a#b https://x.org/#frag https://x.org/a#frag &#39;", []),
        ("(#paren) #under_score!", ["paren", "under_score"]),
        ("# #! ##x", []),
        ("#" + "x" * 101, []),
    ],
)
def test_tags(text, tags):
    assert tags_in(text) == tags


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("Hello @Alice, @bob.", [("alice", 6, 6), ("bob", 14, 4)]),
        ("👩‍👩‍👧 @bob", [("bob", 6, 4)]),
        ("a@b.c alice@example.org", []),
        ("@al @alice.b.", [("alice.b", 4, 8)]),
        ("@aliceé x/@bob @@bob", []),
    ],
)
def test_mentions(text, handles):
    assert [(m.handle, m.offset, m.length) for m in mentions_in(text)] == handles


@given(texts)
def test_a_mention_stands_where_it_says(text):
    for mention in mentions_in(text):
        assert text[mention.offset : mention.offset + mention.length].lower() == f"@{mention.handle}"


@given(texts)
def test_tags_are_stable_under_normalisation_and_their_own_parsing(text):
    normal = unicodedata.normalize("NFC", text)
    for tag in tags_in(normal):
        assert unicodedata.is_normalized("NFC", tag)
        assert tags_in(f"#{tag}") == [tag]
