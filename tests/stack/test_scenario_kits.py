"""Bundles from outside: what components make is shown on every channel, taken by every sale, and never promised twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack.audit import assert_silent
from tests.stack.client import Json
from tests.stack.world import World, by_line


class Scene:
    """A, B and a kit of both, in one warehouse, in two shops."""

    def __init__(self, world: World, a: int, b: int, *, per_kit: tuple[int, int] = (2, 1), **fields: object) -> None:
        self.world = world
        self.a, self.b = world.sku(on_hand=a), world.sku(on_hand=b)
        components = [{"sku": self.a, "quantity": per_kit[0]}, {"sku": self.b, "quantity": per_kit[1]}]
        self.kit = world.sku(components=components, **fields)
        self.shops = [world.shop(self.a, self.b, self.kit, settle=False) for _shop in range(2)]
        world.settle(self.a, self.b, self.kit)

    def shows(self, number: int) -> None:
        """Both shops come to show so many kits, and the API says the same."""
        for shop in self.shops:
            self.world.shows(shop, sku=self.kit, number=number)
        rows = self.world.api.rows("stock-levels/", sku=self.kit)
        assert sum(row["available"] for row in rows) == number
        assert self.world.api.get(f"bundles/{self.kit}/")["available"] == number

    @property
    def free(self) -> tuple[int, int]:
        """Available of A and B."""
        return self.world.numbers(self.a)[1], self.world.numbers(self.b)[1]


def lines(order: Json) -> list[tuple[int, int]]:
    return [(line["reserved"], line["short"]) for line in by_line(order).values()]


@pytest.mark.parametrize(
    ("a", "b", "per_kit", "numbers"),
    [(7, 100, (2, 1), (3, 2, 1)), (20, 9, (3, 2), (4, 3, 3)), (5, 5, (1, 1), (5, 4, 2))],
)
def test_kits_are_what_their_components_make(
    world: World, a: int, b: int, per_kit: tuple[int, int], numbers: tuple[int, int, int]
) -> None:
    scene = Scene(world, a, b, per_kit=per_kit)
    scene.shows(numbers[0])
    world.bought(scene.shops[0], (scene.kit, 1))
    assert scene.free == (a - per_kit[0], b - per_kit[1])
    scene.shows(numbers[1])
    world.bought(scene.shops[1], (scene.a, 2))
    scene.shows(numbers[2])
    assert_silent(world)


def test_lines_of_an_order_are_summed_in_their_order(world: World) -> None:
    scene = Scene(world, 5, 100)
    order = world.bought_without_a_book(scene.shops[0], (scene.kit, 2), (scene.a, 2))
    assert lines(world.recorded(scene.shops[0], external_id=order["external_id"])) == [(2, 0), (1, 1)]
    assert scene.free == (0, 98)
    scene.shows(0)


def test_components_apart_make_kits_only_where_they_may_be_split(world: World) -> None:
    far = world.location()
    a, b = world.sku(on_hand=10), world.sku(on_hand=10, at=far)
    kit = world.sku(components=[{"sku": a}, {"sku": b}])
    shop = world.shop(kit, locations=[world.place, far])
    world.shows(shop, sku=kit, number=0)
    world.api.patch(f"skus/{kit}/", body={"ships_together": False})
    world.shows(shop, sku=kit, number=10)
    order = world.bought(shop, (kit, 4))
    assert lines(order) == [(4, 0)]
    world.shows(shop, sku=kit, number=6)


def test_a_changed_recipe_is_shown_and_what_was_sold_ships_as_it_was(world: World) -> None:
    scene = Scene(world, 20, 20)
    order = world.bought(scene.shops[0], (scene.kit, 1))
    world.api.patch(f"skus/{scene.kit}/", body={"components": [{"sku": scene.b, "quantity": 5}]})
    scene.shows(3)
    shipment = world.api.post("shipments/", body={"order": order["id"], "location": world.place})
    world.api.post(f"shipments/{shipment['id']}/dispatch/", body={}, status=200)
    assert (world.numbers(scene.a), world.numbers(scene.b)) == ((18, 18, 0), (19, 19, 0))


def test_packed_kits_are_sold_as_such(world: World) -> None:
    scene = Scene(world, 9, 9, bundle_mode="pre_packed")
    scene.shows(0)
    body = {"sku": scene.kit, "location": world.place, "quantity": 4}
    made = world.api.post("assemblies/", body=body)
    scene.shows(4)
    assert scene.free == (1, 5)
    world.bought(scene.shops[0], (scene.kit, 1))
    scene.shows(3)
    short = world.api.post(f"assemblies/{made['code']}/reverse/", body={}, status=409)["error"]
    assert short["fields"]["lines"] == [{"sku": scene.kit, "location": world.place, "wanted": 4, "available": 3}]


def test_twenty_ask_for_kits_and_components_at_once(world: World) -> None:
    scene = Scene(world, 10, 100)
    phone = world.manual()

    def ask(number: int) -> int:
        sku, units = (scene.kit, 1) if number % 2 else (scene.a, 2)
        body = {"channel": phone, "external_id": f"{number}", "lines": [{"sku": sku, "quantity": units}]}
        return world.api.request("POST", path="sales-orders/", body=body).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(20)))
    assert (answers.count(201), answers.count(409)) == (5, 15)
    assert world.numbers(scene.a) == (10, 0, 10)
    assert_silent(world)


def test_a_bundle_in_itself_is_refused_with_the_way(world: World) -> None:
    plain = world.sku()
    inner = world.sku(components=[{"sku": plain, "quantity": 2}])
    outer = world.sku(components=[{"sku": inner}])
    refused = world.api.request("PATCH", path=f"skus/{inner}/", body={"components": [{"sku": outer}]})
    assert refused.status_code == 400
    said = f"{inner} cannot be in itself: {inner} > {outer} > {inner}."
    assert refused.json()["error"]["fields"] == {"components.0.sku": [said]}
