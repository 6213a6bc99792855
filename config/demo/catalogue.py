"""The sample merchant's catalogue: plausible articles in categories, the same for the same seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from config.simulation.seeding import SkuSeed

COUNT = 2000
COLOURS = ("Blue", "Red", "Sand", "Black", "White", "Forest", "Clay", "Mustard", "Slate", "Rose", "Navy", "Olive")
SIZES = ("XS", "S", "M", "L", "XL", "XXL")
BRANDS = ("Harbour & Pine", "Northloom", "Kestrel", "Oakwright", "Luma", "Fennel Row", "Tidewater", "Brightside")


@dataclass(frozen=True, slots=True)
class Category:
    """What a category sells: nouns with their price range and weight, and the words that go before them."""

    name: str
    prefix: str
    words: tuple[str, ...]
    nouns: tuple[tuple[str, int, int, int], ...]  # noun, lowest and highest price, grams
    variants: tuple[str, ...]


CATEGORIES = (
    Category(
        "Kitchen",
        "KIT",
        ("Enamel", "Stoneware", "Bamboo", "Cast Iron", "Glazed", "Speckled", "Everyday", "Copper"),
        (
            ("Mug", 9, 18, 350),
            ("Bowl", 12, 26, 480),
            ("Dinner Plate", 14, 28, 620),
            ("Teapot", 24, 48, 900),
            ("Chopping Board", 18, 45, 1100),
            ("Skillet", 29, 79, 2300),
            ("Storage Jar", 8, 22, 540),
            ("Milk Jug", 12, 24, 420),
        ),
        COLOURS[:8],
    ),
    Category(
        "Clothing",
        "CLO",
        ("Organic Cotton", "Merino", "Linen", "Relaxed", "Heavyweight", "Breton", "Ribbed"),
        (
            ("T-Shirt", 19, 35, 180),
            ("Hoodie", 45, 79, 620),
            ("Shirt", 39, 69, 260),
            ("Jumper", 55, 110, 520),
            ("Socks", 8, 16, 70),
            ("Beanie", 15, 29, 90),
            ("Overshirt", 69, 120, 700),
        ),
        tuple(f"{colour} {size}" for colour in COLOURS[:3] for size in SIZES),
    ),
    Category(
        "Home",
        "HOM",
        ("Woven", "Recycled", "Scented", "Velvet", "Jute", "Washed Linen", "Hand-Poured"),
        (
            ("Cushion", 18, 42, 480),
            ("Throw", 39, 95, 1200),
            ("Candle", 12, 34, 380),
            ("Rug", 59, 180, 3200),
            ("Table Lamp", 35, 120, 1600),
            ("Photo Frame", 9, 28, 350),
            ("Vase", 16, 55, 850),
        ),
        COLOURS,
    ),
    Category(
        "Garden",
        "GAR",
        ("Galvanised", "Terracotta", "Hardwood", "Weatherproof", "Heritage"),
        (
            ("Planter", 14, 60, 1800),
            ("Watering Can", 18, 40, 900),
            ("Hand Trowel", 9, 22, 300),
            ("Bird Feeder", 12, 35, 500),
            ("Lantern", 15, 49, 700),
            ("Kneeler", 14, 32, 650),
        ),
        ("Small", "Medium", "Large", "Green", "Zinc", "Rust"),
    ),
    Category(
        "Toys",
        "TOY",
        ("Wooden", "Plush", "My First", "Magnetic", "Giant"),
        (
            ("Train Set", 25, 60, 1400),
            ("Bear", 14, 35, 320),
            ("Puzzle", 9, 24, 450),
            ("Stacking Rings", 11, 22, 380),
            ("Dinosaur", 8, 30, 280),
            ("Tea Set", 18, 39, 700),
        ),
        ("Classic", "Forest", "Ocean", "Space", "Farm", "Rainbow", "Safari"),
    ),
    Category(
        "Stationery",
        "STA",
        ("Dotted", "Ruled", "Recycled", "Leather", "Pocket", "Weekly"),
        (
            ("Notebook", 6, 19, 260),
            ("Planner", 12, 29, 340),
            ("Pen", 4, 24, 30),
            ("Desk Pad", 14, 38, 600),
            ("Card Set", 5, 14, 120),
            ("Pencil Case", 8, 22, 150),
        ),
        COLOURS[:9],
    ),
    Category(
        "Outdoors",
        "OUT",
        ("Trail", "Summit", "Packable", "Insulated", "Dry", "Alpine"),
        (
            ("Backpack", 49, 160, 1100),
            ("Bottle", 15, 39, 330),
            ("Headlamp", 19, 65, 120),
            ("Sleeping Bag", 59, 199, 1500),
            ("Mug", 12, 24, 140),
            ("Tent Peg Set", 9, 25, 380),
        ),
        ("Slate", "Moss", "Ember", "Sky", "Black", "Sand"),
    ),
    Category(
        "Pets",
        "PET",
        ("Padded", "Chew-Proof", "Reflective", "Orthopaedic", "Natural"),
        (
            ("Dog Bed", 35, 110, 2400),
            ("Lead", 9, 28, 180),
            ("Cat Tunnel", 15, 35, 600),
            ("Food Bowl", 8, 24, 420),
            ("Harness", 18, 45, 260),
        ),
        ("Small", "Medium", "Large", "X-Large", "Red", "Blue"),
    ),
)


def catalogue(*, seed: int, count: int = COUNT) -> list[SkuSeed]:
    """So many SKUs, grouped into products by their variants."""
    draw = random.Random(f"{seed}:catalogue")
    return sorted(islice(_skus(draw), count), key=lambda sku: sku.code)


def _skus(draw: random.Random) -> Iterator[SkuSeed]:
    """Every category in turn, a product at a time, so that any count is a mixture."""
    pending = {category.name: _products(category, draw) for category in CATEGORIES}
    number = 0
    while pending:
        for category in CATEGORIES:
            product = next(pending.get(category.name, iter(())), None)
            if product is None:
                pending.pop(category.name, None)
                continue
            word, (noun, lowest, highest, grams) = product
            number += 1
            yield from _variants(category, draw, f"{word} {noun}", number, (lowest, highest, grams))


def _products(category: Category, draw: random.Random) -> Iterator[tuple[str, tuple[str, int, int, int]]]:
    products = [(word, noun) for word in category.words for noun in category.nouns]
    draw.shuffle(products)
    return iter(products)


def _variants(
    category: Category, draw: random.Random, name: str, number: int, terms: tuple[int, int, int]
) -> Iterator[SkuSeed]:
    lowest, highest, grams = terms
    price = Decimal(draw.randint(lowest, highest)) - Decimal("0.05")
    cost = (price * Decimal(draw.randint(35, 60)) / 100).quantize(Decimal("0.01"))
    brand, code = draw.choice(BRANDS), f"{category.prefix}-{number:03d}"
    chosen = set(draw.sample(category.variants, k=draw.randint(len(category.variants) // 2, len(category.variants))))
    for variant in (each for each in category.variants if each in chosen):
        tags = ["bestseller"] if draw.random() < 0.05 else ["seasonal"] if draw.random() < 0.1 else []
        yield SkuSeed(
            code=f"{code}-{variant.upper().replace(' ', '-')}",
            name=f"{name}, {variant}",
            product_code=code,
            product_name=name,
            category=category.name,
            brand=brand,
            barcode=_ean13(f"50{draw.randrange(10**10):010d}"),
            price=price,
            unit_cost=cost,
            currency="USD",
            weight_grams=int(grams * draw.uniform(0.9, 1.1)),
            tags=tags,
        )


def _ean13(twelve: str) -> str:
    """Twelve digits and the check digit of GS1."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return f"{twelve}{-total % 10}"
