"""The people of the demo data."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Person:
    """`scenes` are what the person photographs, `popularity` is the relative chance of being followed."""

    handle: str
    name: str
    bio: str
    scenes: tuple[str, ...]
    is_private: bool = False
    website: str = ""
    popularity: float = 1.0

    @property
    def email(self) -> str:
        return f"{self.handle}@example.org"


CAST = [
    Person(
        "alice",
        "Alice Marlow",
        "Mountains before breakfast. Film when I can, phone when I can't.",
        ("mountains", "lake", "clouds", "forest"),
        website="https://alice.example.org",
        popularity=6,
    ),
    Person(
        "bob", "Bob Ferreira", "Coffee, cities, long way home.", ("coffee", "skyline", "rain", "facade"), popularity=3
    ),
    Person("carol", "Carol Nyström", "Nights under dark skies.", ("milky_way", "aurora", "lake"), is_private=True),
    Person(
        "jonas.w", "Jonas Weber", "Up here it is quiet. Guide, 47° N.", ("mountains", "clouds", "lake"), popularity=4
    ),
    Person("marisol", "Marisol Vega", "Salt, sand, sea. 🌊", ("sea", "shore", "dunes"), popularity=5),
    Person("emre_k", "Emre Kaya", "I count windows.", ("facade", "skyline", "rain"), popularity=2),
    Person("hana.fields", "Hana Sato", "Rows of things that grow.", ("field", "oranges", "forest"), popularity=3),
    Person("lucie", "Lucie Moreau", "Market days and still lifes.", ("oranges", "coffee", "field"), popularity=2),
    Person("tomasz", "Tomasz Zieliński", "Baltic. Mostly fog.", ("sea", "forest", "lake"), popularity=1.5),
    Person("priya.rao", "Priya Rao", "Deserts, trains, tea.", ("dunes", "coffee", "skyline"), popularity=2.5),
    Person(
        "ingrid", "Ingrid Solheim", "69° N. The dark half of the year.", ("aurora", "milky_way", "sea"), popularity=3.5
    ),
    Person("sam.okafor", "Sam Okafor", "For friends and family.", ("shore", "rain", "forest"), is_private=True),
]

GIVEN = [
    *("Ada", "Agnes", "Alba", "Amir", "Anna", "Anton", "Ariane", "Aylin", "Beatriz", "Bela", "Bruno", "Camille"),
    *("Cem", "Chiara", "Clara", "Daniel", "Daria", "Diego", "Dilan", "Elena", "Elias", "Emil", "Emma", "Enzo"),
    *("Eva", "Fatima", "Felix", "Fiona", "Frida", "Giulia", "Greta", "Hugo", "Ida", "Ilse", "Imran", "Ines"),
    *("Iris", "Ivan", "Jana", "Jasper", "Joana", "Johan", "Jule", "Kaja", "Karim", "Kenji", "Lars", "Laura"),
    *("Lea", "Leon", "Lina", "Luca", "Magda", "Malik", "Mara", "Marta", "Mateo", "Mila", "Milan", "Mona"),
    *("Nadia", "Naomi", "Nils", "Nina", "Noah", "Nora", "Olga", "Omar", "Oscar", "Paula", "Pavel", "Petra"),
    *("Rafael", "Ravi", "Renata", "Rosa", "Ruben", "Samira", "Selma", "Simon", "Sofia", "Stefan", "Tara", "Teo"),
    *("Thea", "Tobias", "Ulla", "Vera", "Viktor", "Wanda", "Yara", "Yusuf", "Zoe"),
]
FAMILY = [
    *("Adler", "Almeida", "Andersen", "Bakker", "Banerjee", "Barros", "Becker", "Bianchi", "Blom", "Brandt", "Costa"),
    *("Demir", "Diaz", "Dubois", "Eriksen", "Fabre", "Fischer", "Fontaine", "Gallo", "Garcia", "Haddad", "Hansen"),
    *("Horvat", "Ibrahim", "Ito", "Jansen", "Jovanovic", "Keller", "Khan", "Klein", "Kovacs", "Kowalska", "Lang"),
    *("Larsen", "Leclerc", "Lehmann", "Lindqvist", "Lopez", "Marino", "Martins", "Mehta", "Moser", "Nagy", "Nielsen"),
    *("Novak", "Okoye", "Oliveira", "Olsen", "Papadakis", "Pereira", "Petrov", "Quist", "Rahman", "Ricci", "Rossi"),
    *("Sandoval", "Schmid", "Silva", "Sorensen", "Sousa", "Tanaka", "Toth", "Vasquez", "Vogel", "Weiss", "Yilmaz"),
]
PLACES = [
    *("Lisbon", "Leipzig", "Ghent", "Oslo", "Turin", "Porto", "Tartu", "Graz", "Brno", "Bergen", "Izmir", "Malmö"),
    *("Utrecht", "Bilbao", "Nantes", "Gdańsk", "Trieste", "Kaunas", "Thessaloniki", "Cork"),
]
BIOS = [
    "{place}. Pictures of where I walk.",
    "Slow photographs from {place}.",
    "Learning to look.",
    "{place} → wherever the train goes.",
    "One picture a day, more or less.",
    "Weekend hiker, weekday baker. {place}.",
    "35 mm, mostly.",
    "Light chaser in {place}.",
    "Architect by day.",
    "I mostly photograph weather.",
    "Parent of two, owner of too many lenses.",
    "",
]


def generate_people(rng: np.random.Generator, count: int, tastes: list[str]) -> Iterator[Person]:
    """`count` people with unique handles in addition to the cast. Few are popular, one in eight is private."""
    taken = {person.handle for person in CAST}
    while count:
        given, family = str(rng.choice(GIVEN)), str(rng.choice(FAMILY))
        spelled = [f"{given}.{family}", f"{given}_{family}", f"{given}{family}", f"{given}.{family[0]}{family[1]}"]
        handle = spelled[int(rng.integers(len(spelled)))].lower()
        bio = str(rng.choice(BIOS)).format(place=rng.choice(PLACES))
        scenes = tuple(str(scene) for scene in rng.choice(tastes, size=3, replace=False))
        private, popularity = bool(rng.uniform() < 0.125), float(rng.pareto(1.3) + 0.1)
        if handle not in taken:
            taken.add(handle)
            count -= 1
            yield Person(handle, f"{given} {family}", bio, scenes, private, popularity=popularity)
