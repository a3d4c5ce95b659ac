import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.content.captions import mentions_in, normalise_tag, tags_in

SPICE = "#﹟＃@._/ aZÄé日ह्ب\u0301\u200c\u200dİΣ9\ufe0f\u20e3\u3164\u00ad。)(☀"
texts = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(SPICE)), max_size=80)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("Low tide at #Husum", ["husum"]),
        ("#one #two#three #One", ["one", "two"]),
        ("＃全角 #日本語 ﹟small", ["全角", "日本語", "small"]),
        ("日本#tag です #tag2", ["tag2"]),
        ("#हिन्दी", ["हिन्दी"]),
        ("#caf\u0065\u0301", ["café"]),
        ("#2026 #24h #___ #_x", ["24h", "_x"]),
        ("a#b &#39; x.org/#frag", []),
        ("(#paren) #under_score! abc.#def", ["paren", "under_score", "def"]),
        ("# #! ##x", []),
        ("#" + "x" * 101, []),
        ("#" + "x" * 100, ["x" * 100]),
        ("#end.", ["end"]),
        (
            "☀️#summer ❤️\ufe0e#love 👍🏽#nice 👨‍👩‍👧#kin 🏴\U000e0067\U000e007f#flag",
            ["summer", "love", "nice", "kin", "flag"],
        ),
        ("1️⃣#first *️⃣#star ℹ️#info", ["first", "star", "info"]),
        ("a\ufe0f#no é\u0301#no a\u00ad#no", []),
        ("#\u3164 #\u115f #\uffa0 #\u3164a #\u2800", []),
        ("\u3164#after a\u200b#zero \u200f#mark", ["after", "zero", "mark"]),
        ("#fog\ufe0f #fog #fog\ufe0e\u200b #fo\u00adg #f\ufe0fog #fog\U000e0100", ["fog"]),
        ("#葛\U000e0100城 #葛城", ["葛城"]),
        ("#️⃣photo #\u20e3photo #\u0301photo", []),
        ("#24️⃣x", []),
    ],
)
def test_tags_are_parsed(text, tags):
    assert tags_in(text) == tags


@pytest.mark.parametrize("url", ["https://x.org/#frag", "HTTP://x.org/?q=#frag", "https://x.org/a-#frag,#more"])
def test_urls_contain_no_tags_and_mentions(url):
    assert tags_in(f"#before {url} #after") == ["before", "after"]
    assert mentions_in(f"{url}/@bob?u=@bob") == []


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("https://x.example/a。#猫", ["猫"]),
        ("https://x.example/a、#猫！https://x.example/b！#犬", ["猫", "犬"]),
        ("「https://x.example/a」#tag （https://x.example/a）#two", ["tag", "two"]),
        ("(https://x.example/a)#tag [https://x.example/a]#two <https://x.example/a>#three", ["tag", "two", "three"]),
        ('“https://x.example/a”#tag "https://x.example/a"#two «https://x.example/a»#three', ["tag", "two", "three"]),
        ("https://x.example/a\u200b#tag", ["tag"]),
        ("https://x.example/a(b)#frag https://x.example/a(b[c])?q=1#frag https://[::1]/#frag", []),
        ("https://x.example/猫・犬#frag https://x.example/col·lecció#frag", []),
        ("https://x.example/https://y.example/#frag", []),
        ("https://x.example/a؟#tag https://x.example/a।#two", ["tag", "two"]),
        ("https://x.example/a〜#tag https://x.example/a～#two https://x.example/a｜#three", ["tag", "two", "three"]),
        ("https://x.example/１２#frag https://x.example/a–b#frag", []),
    ],
)
def test_url_ends_before_foreign_punctuation_and_unopened_brackets(text, tags):
    assert tags_in(text) == tags
    assert [mention.handle for mention in mentions_in(text.replace("#", "@bob "))] == ["bob"] * len(tags)


def test_zero_width_joiner_is_kept_only_where_it_matters():
    assert tags_in("#می\u200cخواهم") == ["می\u200cخواهم"]
    assert tags_in("#क्\u200dष") == ["क्\u200dष"]
    assert tags_in("#cat\u200d #cat\u200c #cat") == ["cat"]
    assert normalise_tag("c\u200dat") is None


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("Hello @Alice, @bob.", [("alice", 6, 6), ("bob", 14, 4)]),
        ("👩‍👩‍👧 @bob", [("bob", 6, 4)]),
        ("a@b.c alice@example.org josé@bob.com a.b+c@bob.com x-@bob.com", []),
        ("@al @alice.b. @" + "x" * 31, [("alice.b", 4, 8)]),
        ("@aliceé x/@bob @@bob @bob@example.org @bob\u0301", []),
        ("@alice.bé", []),
        ("@alice..b", [("alice", 0, 6)]),
        (".@bob (@bob) @bob's", [("bob", 1, 4), ("bob", 7, 4), ("bob", 13, 4)]),
        ("@bobさん、こんにちは@bob", [("bob", 0, 4), ("bob", 12, 4)]),
        ("❤️@alice 👍🏽@bob", [("alice", 2, 6), ("bob", 11, 4)]),
        ("1️⃣@bob @bob❤️", [("bob", 3, 4), ("bob", 8, 4)]),
        ("\u3164@bob \u200f@bob\u200f", [("bob", 1, 4), ("bob", 7, 4)]),
        ("a\ufe0f@bob a\u00ad@bob @bob\ufe0f@example.org @bo\u00adb @bob\u00adby", []),
    ],
)
def test_mentions_are_parsed(text, handles):
    assert [(m.handle, m.offset, m.length) for m in mentions_in(text)] == handles


@given(texts)
def test_position_of_a_mention_is_correct(text):
    for mention in mentions_in(text):
        assert text[mention.offset : mention.offset + mention.length].lower() == f"@{mention.handle}"


@given(texts)
def test_tags_are_stable_under_normalisation_and_parsing(text):
    normal = unicodedata.normalize("NFC", text)
    for tag in tags_in(normal):
        assert unicodedata.is_normalized("NFC", tag)
        assert normalise_tag(tag) == tag
        assert tags_in(f"#{tag}") == [tag]


@given(texts)
def test_tag_is_found_in_any_case_and_composition(text):
    for tag in tags_in(unicodedata.normalize("NFC", text)):
        assert normalise_tag(unicodedata.normalize("NFD", tag)) == tag


@given(texts)
def test_surrounding_words_do_not_change_a_tag(text):
    normal = unicodedata.normalize("NFC", text)
    around = f"#before @before {normal} #after @after"
    assert set(tags_in(around)) == {"before", *tags_in(normal), "after"}
    assert [m.handle for m in mentions_in(around)] == ["before", *(m.handle for m in mentions_in(normal)), "after"]
