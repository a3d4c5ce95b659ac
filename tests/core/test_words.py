"""The words of a text, and blank texts."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.text import is_blank
from apps.core.words import MAX_LENGTH, comparable, searchable, words, words_to_find

SPICE = "aZäßςΣİıﬁ#@'_-./。夜のタทยก็ກខ្မက\u0301\u0308\u3099\u200b\u200d\u00ad\ufe0f\u20e3٣３"
texts = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(SPICE)), max_size=80)


def is_found(text, query):
    wanted = words_to_find(query)
    return bool(wanted) and set(wanted) <= set(words(text))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("black/white", "white"),
        ("black/white", "black white"),
        ("24-70mm", "70mm"),
        ("24-70mm", "24-70mm"),
        ("Sunset.Amazing", "sunset"),
        ("<love>", "love"),
        ("fish&chips;", "chips"),
        ("canon.com", "canon"),
        ("https://x.example/lake-como/boats?from=feed#top", "boats"),
        ("#art/design", "design"),
        ("https://x.example/my%20holiday/M%C3%BCnchen", "holiday münchen"),
        ("HTTPS://x.example/wiki/%e6%9d%b1%e4%ba%ac%e9%a7%85", "東京"),
        ("https://x.example/%ff%zz/%", "zz"),
        ("100%cacao", "cacao"),
        ("under_score", "score"),
        ("(in)finite [brackets]", "brackets"),
        ("50%off,today", "today"),
        ("a+b=c", "b"),
        ("don't", "don’t"),
        ("l’été", "ete"),
        ("пʼять", "п'ять"),
        ("em\u2014dash\u2026end", "end"),
        ("you/سلام،شکر", "شکر"),
        ("नमस्ते।दुनिया", "दुनिया"),
        ("東京タワーの夜景", "夜景"),
        ("東京タワーの夜景", "タワー"),
        ("東京タワーの夜景", "景"),
        ("佐々木さん", "佐々木"),
        ("ｶﾞｰﾃﾞﾝの花", "ガーデン"),
        ("北京欢迎你", "欢迎"),
        ("東京towerの夜2026年", "tower 2026"),
        ("東京towerの夜2026年", "東京"),
        ("ร้านอาหารไทย", "อาหาร"),
        ("ຮ້ານອາຫານລາວ", "ອາຫານ"),
        ("ភ្នំពេញស្អាត", "ស្អាត"),
        ("ရန်ကုန်မြို့", "ကုန်"),
        ("ΟΔΟΣ", "οδός"),
        ("οδός", "ΟΔΟΣ"),
        ("ΟΔΟΣ οδός", "οδοσ"),
        ("Straße", "STRASSE"),
        ("STRASSE", "straße"),
        ("GROẞ", "gross"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "İstanbul"),
        ("DIYARBAKIR", "Diyarbakır"),
        ("ｓｕｍｍｅｒ", "summer"),
        ("summer", "ＳＵＭＭＥＲ"),
        ("𝓼𝓾𝓶𝓶𝓮𝓻", "summer"),
        ("Cafe\u0301", "café"),
        ("Łódź København smørrebrød", "lodz kobenhavn smorrebrod"),
        ("ﬁne œuvre", "fine oeuvre"),
        ("Việt Nam", "viet"),
        ("ёлка", "елка"),
        ("שָׁלוֹם", "שלום"),
        ("مَرْحَبًا", "مرحبا"),
        ("كتـــاب", "كتاب"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("su\u00admmer", "summer"),
        ("sum\u2060mer\ufeff", "summer"),
        ("☀️summer☀️", "summer"),
        ("#️⃣photo 1️⃣first", "photo first"),
        ("👍🏽nice", "nice"),
        ("\u200fשלום\u200e", "שלום"),
        ("٢٠٢٦", "2026"),
        ("a\u2800b", "b"),
        ("Nikon™lens №5", "nikon lens 5"),
        ("①first ❷second ⒊third", "first second third"),
        ("ℹ️info", "info"),
        ("ⓢⓤⓜⓜⓔⓡ", "summer"),
        ("5㎏ 3m²", "5kg 3m2"),
    ],
)
def test_text_is_found(text, query):
    assert is_found(text, query)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("classic", "ass"),
        ("tide", "tid"),
        ("夜の景色", "夜景"),
        ("ガーデン", "カーテン"),
        ("हिन्दी", "हन्द"),
        ("anything", ""),
        ("anything !", "!"),
        ("☀️", "☀️"),
    ],
)
def test_text_is_not_found(text, query):
    assert not is_found(text, query)


@given(texts)
def test_text_is_found_by_itself_in_any_composition_and_context(text):
    wanted = words_to_find(text)
    assert set(wanted) <= set(words(text)) & set(words(unicodedata.normalize("NFD", text)))
    assert set(wanted) <= set(words(f"before/ {text} /after"))
    assert all(0 < len(word) <= MAX_LENGTH and not word.isspace() for word in wanted)


@given(texts)
def test_forms_are_stable(text):
    assert comparable(comparable(text)) == comparable(text)
    assert searchable(unicodedata.normalize("NFD", text)) == searchable(text)
    assert searchable(text.upper()) == searchable(text.lower())


INVISIBLE = [
    *("", " \n\t", "\u00a0\u3000\u2028", "\u200b", "\u3164", "\u2800", "\u00ad", "\ufe0f\ufe0e", "\u115f\u1160"),
    *("\uffa0", "\u034f", "\u180e", "\u17b4", "\u2060\ufeff", "\u200e\u200f", "\U000e0020\U000e007f", "\U0001d159"),
]


@pytest.mark.parametrize("text", INVISIBLE)
def test_text_without_visible_characters_is_blank(text):
    assert is_blank(text)
    assert words(text) == []


@pytest.mark.parametrize("text", [".", "☀️", "\u200ba", "ㅤa", "👨‍👩‍👧", "\u20e3", "é", "๑"])
def test_text_with_a_visible_character_is_not_blank(text):
    assert not is_blank(text)
