"""Blocked words and domains are found however they are spelled, and nothing else is taken for one."""

import time
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.safety.texts import Term, Terms, comparable, comparable_domain


def words(*texts):
    return Terms.of(Term(uuid4(), comparable(text), is_domain=False, refused=True) for text in texts)


def domains(*texts):
    return Terms.of(Term(uuid4(), comparable_domain(text), is_domain=True, refused=True) for text in texts)


def hits(terms, text):
    return [term.text for term in terms.found_in(text)]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("viagra", "Buy viagra now"),
        ("viagra", "VIAGRA!"),
        ("viagra", "#viagra"),
        ("viagra", "via\u200bgra"),
        ("viagra", "v\u00adiagra"),
        ("viagra", "vi\ufe0fagra"),
        ("viagra", "vi\u2060ag\ufeffra"),
        ("viagra", "vi\u034fagra"),
        ("viagra", "ｖｉａｇｒａ"),
        ("viagra", "𝓿𝓲𝓪𝓰𝓻𝓪"),
        ("straße", "STRASSE"),
        ("café", "cafe\u0301"),
        ("buy followers", "buy \n\t followers"),
        ("buy followers", "BUY\u00a0FOLLOWERS."),
        ("c++", "I like c++, too"),
        ("🍆", "look🍆here"),
        ("賭博", "网上賭博網站"),
        ("casino", "賭casino博"),
        ("พนัน", "เว็บพนันออนไลน์"),
        ("viagra", "viagras, viagra"),
        ("İstanbul", "i̇stanbul"),
    ],
)
def test_word_is_found(word, text):
    assert hits(words(word), text) == [comparable(word)]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ass", "A classic, with grass"),
        ("ass", "assess"),
        ("ass", "ass_1"),
        ("ass", "ass1"),
        ("cafe", "café"),
        ("cafe", "cafe\u0301"),
        ("buy followers", "buyfollowers"),
        ("a", ""),
        ("รา", "รา\u0e49น"),
    ],
)
def test_part_of_a_word_is_not_found(word, text):
    assert hits(words(word), text) == []


@pytest.mark.parametrize(
    "text",
    [
        "https://spam.example",
        "see spam.example.",
        "HTTP://WWW.Spam.Example/path?x=1#y",
        "https://a.b.c.spam.example:8443/",
        "https://good.example@spam.example/",
        "//user:pw@spam.example",
        "https://sp%61m.example/",
        "https://spam%2Eexample/",
        "spam\u200b.example",
        "ｓｐａｍ．ｅｘａｍｐｌｅ",
        "spam。example",
        "看spam.example看",
        "(spam.example)",
        "[x](https://spam.example)",
        "mail me@spam.example",
        "https://spam.example./",
        "https://good.example/?to=spam.example",
    ],
)
def test_domain_is_found(text):
    assert hits(domains("spam.example"), text) == ["spam.example"]


@pytest.mark.parametrize(
    "text",
    [
        "https://notspam.example",
        "https://spam.example.org",
        "https://spam-example",
        "https://spam.examples",
        "spam example",
        "https://example/spam",
        "",
    ],
)
def test_other_domain_is_not_found(text):
    assert hits(domains("spam.example"), text) == []


@pytest.mark.parametrize("text", ["https://bücher.example", "xn--bcher-kva.example", "www.BÜCHER.example"])
@pytest.mark.parametrize("blocked", ["bücher.example", "xn--bcher-kva.example"])
def test_unicode_and_punycode_are_one_domain(blocked, text):
    assert hits(domains(blocked), text) == ["xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Spam.Example", "spam.example"),
        ("https://spam.example/path", "spam.example"),
        ("*.spam.example", "spam.example"),
        (" spam.example. ", "spam.example"),
        ("spam.example:80", "spam.example"),
        ("spam", None),
        ("spam..example", None),
        ("a b.example", None),
        ("", None),
        ("\u200b", None),
        ("*.", None),
    ],
)
def test_domains_are_recognised(typed, meant):
    assert comparable_domain(typed) == meant


@given(st.text(max_size=300))
def test_any_text_can_be_checked(text):
    every = Terms.of([*words("viagra", "賭博").words, *domains("spam.example").domains.values()])
    assert comparable(comparable(text)) == comparable(text)
    every.found_in(text)


@given(st.text(max_size=80), st.text(max_size=80))
def test_whole_word_is_found_in_any_context(before, after):
    assert hits(words("viagra"), f"{before} viagra {after}") == ["viagra"]


@given(st.text(max_size=80), st.text(max_size=80))
def test_link_is_found_in_any_context(before, after):
    assert hits(domains("spam.example"), f"{before} https://x.spam.example/ {after}") == ["spam.example"]


def test_long_text_and_many_terms_are_checked_quickly():
    many = Terms.of(
        [
            *words(*(f"word{number}" for number in range(2000))).words,
            *domains(*(f"site{number}.example" for number in range(2000))).domains.values(),
        ]
    )
    for text in ("a" * 2200, "a." * 1100, "%61" * 730, "word " * 440, "\u200b" * 2200):
        begun = time.perf_counter()
        many.found_in(text)
        assert time.perf_counter() - begun < 0.25
