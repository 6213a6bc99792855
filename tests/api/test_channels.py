"""Channels, listings and the rules about their numbers."""

from __future__ import annotations

from typing import Any

import pytest

from channels.models import Channel, Debt, Listing, StockTarget
from inventory.kernel import clock
from inventory.models import Location, Sku
from tests.api.conftest import SECRET, Api, make_channel, make_sku, stock

HTTP = {
    "code": "web", "name": "Web", "connector": "http", "base_url": "http://127.0.0.1:9", "credentials": {"secret": SECRET},
}  # fmt: skip


def test_a_made_channel_is_answered_whole_but_for_its_secrets(admin: Api, w1: Location, w2: Location) -> None:
    made = admin.post(
        "channels/",
        HTTP
        | {
            "settings": {"max_batch": 50}, "locations": ["W2", "W1"], "priority": 3, "fee_percent": "12.5",
            "currency": "EUR", "mode": "shadow", "orders_from": "2026-01-02T03:04:05Z",
        },
    )  # fmt: skip
    assert sorted(made.pop("locations")) == ["W1", "W2"]
    assert made.pop("location_map") == [{"location": "W2", "remote": ""}, {"location": "W1", "remote": ""}]
    assert made == {
        "code": "web", "name": "Web", "connector": "http", "base_url": "http://127.0.0.1:9", "settings": {"max_batch": 50},
        "priority": 3, "fee_percent": "12.50", "currency": "EUR", "mode": "shadow",
        "orders_from": "2026-01-02T03:04:05Z", "is_active": True, "stopped_at": None, "disconnected_at": None,
        "webhook_url": "http://testserver/webhooks/web/", "lag": {"p50": None, "p95": None, "p99": None},
        "pending_pushes": 0, "unacknowledged": 0, "breaker": "closed",
    }  # fmt: skip
    assert SECRET not in str(admin.rows("channels/"))


def test_a_manual_channel_needs_no_address(admin: Api) -> None:
    made = admin.post("channels/", {"code": "phone", "name": "Phone", "connector": "manual"})
    assert (made["webhook_url"], made["locations"], made["mode"]) == (None, [], "live")


def test_locations_may_have_the_channels_names(admin: Api, w1: Location) -> None:
    mapping = [{"location": "W1", "remote": "gid://1"}]
    assert admin.post("channels/", HTTP | {"location_map": mapping})["location_map"] == mapping
    assert admin.patch("channels/web/", {"location_map": [{"location": "W1"}]})["location_map"] == [
        {"location": "W1", "remote": ""}
    ]
    refused = admin.refused("patch", "channels/web/", {"location_map": [{"remote": "x"}]}, status=400)
    assert refused["fields"] == {"location_map.0.location": ["This field is required."]}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"connector": "nothing"}, "connector"),
        ({"base_url": ""}, "base_url"),
        ({"base_url": "javascript:alert(1)"}, "base_url"),
        ({"credentials": {}}, "credentials.secret"),
        ({"credentials": {"secret": 5, "token": "x"}}, "credentials.token"),
        ({"settings": {"max_batch": "many"}}, "settings.max_batch"),
        ({"settings": {"max_batch": 0}}, "settings.max_batch"),
        ({"settings": {"colour": "red"}}, "settings.colour"),
        ({"settings": []}, "settings"),
        ({"code": "a b"}, "code"),
        ({"code": "x" * 51}, "code"),
        ({"code": "ä"}, "code"),
        ({"fee_percent": 101}, "fee_percent"),
        ({"mode": "asleep"}, "mode"),
        ({"locations": ["NONE"]}, "locations"),
        ({"locations": "W1"}, "locations"),
        ({"locations": ["W1", "W1"]}, "locations"),
        ({"locations": ["W1"], "location_map": []}, "location_map"),
        ({"location_map": [{"remote": "x"}]}, "location_map.0.location"),
        ({"orders_from": "yesterday"}, "orders_from"),
    ],
)
def test_a_channel_that_cannot_work_is_refused_by_its_field(
    admin: Api, w1: Location, fields: dict[str, Any], path: str
) -> None:
    error = admin.refused("post", "channels/", HTTP | fields, status=400)
    assert path in error["fields"], error
    assert not Channel.objects.exists()


def test_some_fields_of_a_channel_change_and_its_secret_stays(admin: Api, web: Channel, w1: Location) -> None:
    changed = admin.patch("channels/web/", {"name": "Shop", "locations": ["W1"], "settings": {"compare_and_set": True}})
    assert (changed["name"], changed["locations"], changed["settings"]) == ("Shop", ["W1"], {"compare_and_set": True})
    assert SECRET in Channel.objects.get().credentials_text


@pytest.mark.parametrize("fields", [{"code": "shop"}, {"connector": "manual"}])
def test_code_and_connector_are_for_good(admin: Api, web: Channel, fields: dict[str, str]) -> None:
    assert list(admin.refused("patch", "channels/web/", fields, status=400)["fields"]) == list(fields)


def test_a_channel_counts_what_it_is_owed(admin: Api, web: Channel, mug: Sku) -> None:
    admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})
    make_channel("other", connector="http")
    assert {row["code"]: row["pending_pushes"] for row in admin.rows("channels/")} == {"web": 1, "other": 0}


def test_the_breaker_is_open_while_calls_fail(admin: Api, web: Channel) -> None:
    web.lane.failures, web.lane.not_before = 3, clock.now().replace(year=2100)
    web.lane.save()
    assert admin.get("channels/web/")["breaker"] == "open"
    web.lane.not_before = None
    web.lane.save()
    assert admin.get("channels/web/")["breaker"] == "half_open"


def test_stopping_counts_what_is_not_at_nothing_yet(admin: Api, web: Channel, mug: Sku, w1: Location) -> None:
    stock(mug, w1, 5)
    admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})
    StockTarget.objects.update(shown=5)
    stopped = admin.post("channels/web/stop-selling/", {"reason": "flood"}, status=200)
    assert (bool(stopped["stopped_at"]), stopped["unacknowledged"]) == (True, 1)
    assert admin.rows("listings/")[0]["published"] == 0
    StockTarget.objects.update(shown=0)
    assert admin.get("channels/web/")["unacknowledged"] == 0


def test_disconnect_and_resume_are_seen(admin: Api, web: Channel) -> None:
    assert admin.post("channels/web/disconnect/", status=200)["disconnected_at"]
    assert admin.post("channels/web/resume/", status=200)["disconnected_at"] is None


def test_an_action_takes_a_reason_and_nothing_else(admin: Api, web: Channel) -> None:
    admin.post("channels/web/stop-selling/", {"when": "now"}, status=400)
    admin.post("channels/web/stop-selling/", {"reason": "x" * 201}, status=400)
    assert admin.get("channels/web/")["stopped_at"] is None


def test_channels_are_found_by_the_fields_they_show(admin: Api, web: Channel, w1: Location, w2: Location) -> None:
    make_channel("phone", places=(w2,), currency="EUR")
    for query in ({"code": "phone"}, {"connector": "manual"}, {"currency": "EUR"}, {"location": "W2"}):
        assert [row["code"] for row in admin.rows("channels/", **query)] == ["phone"], query


class TestListings:
    @pytest.fixture
    def made(self, admin: Api, web: Channel, mug: Sku, w1: Location) -> dict[str, Any]:
        stock(mug, w1, 7)
        return admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})

    def test_a_made_listing_is_answered_whole(self, admin: Api, made: dict[str, Any]) -> None:
        assert isinstance(made["id"], str)
        assert made == {
            "id": made["id"], "channel": "web", "sku": "MUG", "external": {"external_id": "m"}, "fulfilled_by": "us",
            "is_active": True, "published": 7, "shown": None, "pushed_at": None, "status": "pending", "last_error": "",
        }  # fmt: skip
        assert admin.get(f"listings/{made['id']}/") == made

    def test_published_is_what_it_should_show_now(self, admin: Api, made: dict[str, Any]) -> None:
        admin.post("stock-adjustments/", {"sku": "MUG", "location": "W1", "quantity": 3, "reason": "found"})
        assert admin.rows("listings/")[0]["published"] == 10

    @pytest.mark.parametrize(
        ("columns", "status"),
        [
            ({"shown": 7, "published": 7}, "in_sync"),
            ({"shown": 7, "published": 8}, "pending"),
            ({"shown": 7, "published": 7, "claimed_until": clock.now()}, "pending"),
            ({"shown": 7, "published": 7, "attempts": 2, "last_error": "503"}, "retrying"),
            ({"parked_reason": "rejected", "last_error": "not for sale"}, "parked"),
            ({"is_active": False}, "not_sent"),
        ],
    )
    def test_a_listing_says_how_its_number_stands(
        self, admin: Api, made: dict[str, Any], columns: dict[str, Any], status: str
    ) -> None:
        Debt.objects.all().delete()
        StockTarget.objects.update(**columns)
        (row,) = admin.rows("listings/", status=status)
        assert row["status"] == status
        assert row["last_error"] == columns.get("last_error", "")
        assert row["shown"] == columns.get("shown")

    def test_a_listing_of_a_disconnected_channel_says_so(self, admin: Api, made: dict[str, Any]) -> None:
        admin.post("channels/web/disconnect/", status=200)
        assert admin.rows("listings/")[0]["status"] == "disconnected"

    def test_a_listing_that_the_channel_fulfils_has_no_number_of_ours(self, admin: Api, made: dict[str, Any]) -> None:
        assert admin.patch(f"listings/{made['id']}/", {"fulfilled_by": "channel"})["published"] is None

    def test_the_same_id_twice_on_a_channel_is_409(self, admin: Api, made: dict[str, Any]) -> None:
        body = {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}}
        error = admin.refused("post", "listings/", body, status=409)
        assert (error["code"], list(error["fields"])) == ("conflict", ["external"])

    @pytest.mark.parametrize(
        ("external", "path"),
        [
            ({}, "external.external_id"), ({"external_id": ""}, "external.external_id"),
            ({"external_id": []}, "external.external_id"), ({"external_id": True}, "external.external_id"),
            ({"external_id": "a", "colour": "b"}, "external.colour"),
        ],
    )  # fmt: skip
    def test_ids_are_the_connectors_own(self, admin: Api, web: Channel, mug: Sku, external: Any, path: str) -> None:
        body = {"channel": "web", "sku": "MUG", "external": external}
        assert list(admin.refused("post", "listings/", body, status=400)["fields"]) == [path]

    def test_an_id_may_be_a_number(self, admin: Api, web: Channel, mug: Sku) -> None:
        made = admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": 2**53 + 1}})
        assert [row["id"] for row in admin.rows("listings/", external_id=str(2**53 + 1))] == [made["id"]]

    def test_a_listing_on_a_manual_channel_is_named_by_its_sku(self, admin: Api, phone: Channel, mug: Sku) -> None:
        admin.post("listings/", {"channel": "phone", "sku": "MUG"})
        assert Listing.objects.get().external_key == "MUG"

    def test_channel_and_sku_of_a_listing_stay(self, admin: Api, made: dict[str, Any], phone: Channel) -> None:
        body = {"channel": "phone", "sku": "MUG"}
        fields = admin.refused("patch", f"listings/{made['id']}/", body, status=400)["fields"]
        assert set(fields) == {"channel", "sku"}

    def test_a_remapped_listing_shows_another_sku(self, admin: Api, made: dict[str, Any], w1: Location) -> None:
        stock(make_sku("CUP"), w1, 2)
        changed = admin.post(
            f"listings/{made['id']}/remap/", {"sku": "CUP", "external": {"external_id": "c"}}, status=200
        )
        assert (changed["sku"], changed["published"], changed["external"]) == ("CUP", 2, {"external_id": "c"})
        admin.post(f"listings/{made['id']}/remap/", {}, status=400)

    def test_an_explanation_has_each_step(self, admin: Api, made: dict[str, Any]) -> None:
        admin.post("allocation-rules/", {"kind": "percent", "value": 50, "channel": "web"})
        admin.post("allocation-rules/", {"kind": "buffer", "value": 1, "sku": "MUG", "note": "for the shop"})
        explained = admin.get(f"listings/{made['id']}/explain/")
        assert explained["published"] == 2
        steps = [(step["rule"], step["scope"], step["input"], step["output"]) for step in explained["steps"]]
        assert steps == [("pool", "all", 7, 7), ("percent", "channel", 7, 3), ("buffer", "SKU", 3, 2)]
        assert "for the shop" in explained["steps"][2]["note"]
        assert admin.rows("listings/")[0]["published"] == 2

    def test_where_a_channel_shows_a_number_at_each_of_its_places_every_one_is_explained(
        self, admin: Api, mug: Sku, w1: Location, w2: Location
    ) -> None:
        stock(mug, w1, 7)
        stock(mug, w2, 4)
        shop = make_channel(
            "shop", connector="shopify", base_url="http://127.0.0.1:9",
            credentials={"access_token": "t", "client_secret": "s"}, remotes={w1: "101", w2: "102"},
        )  # fmt: skip
        body = {"channel": shop.code, "sku": "MUG", "external": {"inventory_item_id": 1, "variant_id": 2}}
        listing = admin.post("listings/", body)
        admin.post("allocation-rules/", {"kind": "buffer", "value": 1, "channel": shop.code})
        explained = admin.get(f"listings/{listing['id']}/explain/")
        assert explained["published"] == 9 == admin.rows("listings/", channel="shop")[0]["published"]
        first, second = "gid://shopify/Location/101", "gid://shopify/Location/102"
        assert [(step["remote"], step["rule"], step["input"], step["output"]) for step in explained["steps"]] == [
            (first, "pool", 7, 7), (first, "buffer", 7, 6), (second, "pool", 4, 4), (second, "buffer", 4, 3),
        ]  # fmt: skip

    def test_what_the_channel_fulfils_itself_has_no_number_to_explain(self, admin: Api, made: dict[str, Any]) -> None:
        admin.patch(f"listings/{made['id']}/", {"fulfilled_by": "channel"})
        assert admin.get(f"listings/{made['id']}/explain/") == {"published": None, "steps": []}


class TestRules:
    def test_a_made_rule_is_answered_whole(self, admin: Api, web: Channel) -> None:
        body = {
            "kind": "percent", "channel": "web", "sku": None, "category": "", "tag": "gift", "value": "12.5",
            "enabled": True, "starts_at": "2026-01-01T00:00:00Z", "ends_at": None, "note": "why",
        }  # fmt: skip
        made = admin.post("allocation-rules/", body)
        assert isinstance(made["id"], str)
        assert made == body | {"id": made["id"]}

    def test_a_kind_that_is_not_there_is_refused_naming_those_that_are(self, admin: Api) -> None:
        error = admin.refused("post", "allocation-rules/", {"kind": "scarcity", "value": 1}, status=400)
        assert error["fields"] == {"kind": ["There is no such kind; there are: buffer, percent, stop_sell."]}

    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"kind": "percent", "value": 101}, "value"), ({"kind": "percent"}, "value"),
            ({"kind": "buffer", "value": "1.5"}, "value"), ({"kind": "stop_sell", "value": 1}, "value"),
            ({"kind": "buffer", "value": 1, "unit": "units"}, "unit"), ({"kind": "buffer", "value": "NaN"}, "value"),
            ({"kind": "buffer", "value": 1, "channel": "none"}, "channel"), ({"kind": []}, "kind"),
            ({"kind": "buffer", "value": 1, "starts_at": "2026-01-02T00:00Z", "ends_at": "2026-01-01T00:00Z"}, "ends_at"),
        ],
    )  # fmt: skip
    def test_a_rule_that_makes_no_sense_is_refused(self, admin: Api, fields: dict[str, Any], path: str) -> None:
        assert list(admin.refused("post", "allocation-rules/", fields, status=400)["fields"]) == [path]

    def test_a_rule_changes_and_goes_and_what_it_touches_is_owed(
        self, admin: Api, web: Channel, mug: Sku, w1: Location
    ) -> None:
        admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})
        rule = admin.post("allocation-rules/", {"kind": "buffer", "value": 1})
        Debt.objects.all().delete()
        assert admin.patch(f"allocation-rules/{rule['id']}/", {"value": 2, "enabled": False})["value"] == "2"
        assert Debt.objects.count() == 1
        Debt.objects.all().delete()
        admin.delete(f"allocation-rules/{rule['id']}/")
        assert (Debt.objects.count(), admin.get("allocation-rules/")["count"]) == (1, 0)

    def test_a_preview_says_what_would_change_and_changes_nothing(
        self, admin: Api, web: Channel, phone: Channel, mug: Sku, w1: Location
    ) -> None:
        stock(mug, w1, 7)
        for channel in ("web", "phone"):
            admin.post("listings/", {"channel": channel, "sku": "MUG", "external": {"external_id": "m"}})
        answer = admin.post("allocation-rules/preview/", {"kind": "buffer", "value": 2, "channel": "web"}, status=200)
        assert answer == {"changes": [{"channel": "web", "sku": "MUG", "before": 7, "after": 5}]}
        assert admin.get("allocation-rules/")["count"] == 0


class TestChangesOfTheCatalogueThatReachTheNumbers:
    @pytest.fixture(autouse=True)
    def _listed(self, admin: Api, web: Channel, mug: Sku, w1: Location) -> None:
        stock(mug, w1, 7)
        admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})
        admin.post("allocation-rules/", {"kind": "buffer", "value": 2, "tag": "gift"})
        admin.post("allocation-rules/", {"kind": "percent", "value": 50, "category": "kitchen"})
        Debt.objects.all().delete()

    @pytest.mark.parametrize(
        ("path", "fields", "published"),
        [
            ("skus/MUG/", {"tags": ["gift"]}, 5),
            ("products/MUG/", {"category": "kitchen"}, 3),
            ("locations/W1/", {"is_active": False}, 0),
            ("locations/W1/", {"kind": "fba"}, 0),
        ],
    )
    def test_they_are_owed_at_once(self, admin: Api, path: str, fields: dict[str, Any], published: int) -> None:
        admin.patch(path, fields)
        assert (Debt.objects.count(), admin.rows("listings/")[0]["published"]) == (1, published)

    @pytest.mark.parametrize("path", ["skus/MUG/", "products/MUG/", "locations/W1/"])
    def test_a_new_name_owes_nothing(self, admin: Api, path: str) -> None:
        admin.patch(path, {"name": "new"})
        assert Debt.objects.count() == 0


def test_listings_of_a_channel_whose_plug_in_is_gone_are_shown(
    admin: Api, web: Channel, mug: Sku, w1: Location
) -> None:
    stock(mug, w1, 7)
    made = admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})
    Channel.objects.filter(pk=web.pk).update(connector="withdrawn")
    assert [row["published"] for row in admin.rows("listings/")] == [7]
    assert admin.get(f"listings/{made['id']}/explain/")["published"] == 7
