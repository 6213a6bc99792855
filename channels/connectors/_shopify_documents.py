"""What is asked of Shopify, in GraphQL.

No document may cost 1,000 points, however large the shop is. Those that are paged cost half of that: what they ask for must be
in the budget at once, beside the numbers that are sent meanwhile.
"""

from collections.abc import Sequence

#: Shopify takes arrays of so many at most.
MOST_ITEMS = 250

#: Inventory levels on a page of a location.
LEVELS_PAGE = 120

#: Orders on a page of a poll. The few that have more lines or parcels than are listed there are asked for one by one.
ORDERS_PAGE = 7
POLLED_LINES = 6
POLLED_FULFILLMENTS = 2

#: What one order is asked for with.
ORDER_LINES = 80
ORDER_FULFILLMENTS = 5
FULFILLMENT_LINES = 30

SET_QUANTITIES = """
mutation SetQuantities($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { code field message }
  }
}
"""

_PLACE_LEVELS = """
  {alias}: nodes(ids: ${alias}Items) {{
    ... on InventoryItem {{
      id
      inventoryLevel(locationId: ${alias}) {{ quantities(names: ["available"]) {{ name quantity }} }}
    }}
  }}"""

_STOCK = """
query Stock($location: ID!, $after: String) {{
  {alias}: location(id: $location) {{
    id
    inventoryLevels(first: {page}, after: $after) {{
      nodes {{
        quantities(names: ["available"]) {{ name quantity }}
        item {{ id variant {{ id }} }}
      }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
"""

_ORDER_FIELDS = """
fragment OrderFields on Order {{
  id createdAt updatedAt cancelledAt currencyCode displayFinancialStatus paymentGatewayNames test
  shippingAddress {{
    name company address1 address2 city province provinceCode zip countryCodeV2 phone latitude longitude
  }}
  lineItems(first: {lines}) {{
    nodes {{
      id quantity currentQuantity unfulfilledQuantity requiresShipping isGiftCard
      variant {{ id inventoryItem {{ tracked }} }}
      originalUnitPriceSet {{ shopMoney {{ amount }} }}
    }}
    pageInfo {{ hasNextPage }}
  }}
  fulfillments(first: {fulfillments}) {{
    status
    fulfillmentLineItems(first: {fulfilled}) {{
      nodes {{ quantity lineItem {{ id }} }}
      pageInfo {{ hasNextPage }}
    }}
  }}
}}
"""

ORDERS = f"""
query Orders($query: String!, $after: String) {{
  orders(first: {ORDERS_PAGE}, after: $after, sortKey: UPDATED_AT, query: $query) {{
    nodes {{ ...OrderFields }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
""" + _ORDER_FIELDS.format(lines=POLLED_LINES, fulfillments=POLLED_FULFILLMENTS, fulfilled=POLLED_LINES)

ORDER = """
query Order($id: ID!) {
  order(id: $id) { ...OrderFields }
}
""" + _ORDER_FIELDS.format(lines=ORDER_LINES, fulfillments=ORDER_FULFILLMENTS, fulfilled=FULFILLMENT_LINES)

#: What left already, and under which tracking number.
FULFILLMENTS = """
query Fulfillments($id: ID!) {
  order(id: $id) {
    id
    fulfillments(first: 12) {
      status
      trackingInfo(first: 3) { number }
      fulfillmentLineItems(first: 20) {
        nodes { quantity lineItem { id } }
        pageInfo { hasNextPage }
      }
    }
  }
}
"""

#: What is still to leave, and from where.
FULFILLMENT_ORDERS = """
query FulfillmentOrders($id: ID!, $after: String) {
  order(id: $id) {
    id
    fulfillmentOrders(first: 4, after: $after) {
      nodes {
        id status
        assignedLocation { location { id } }
        lineItems(first: 60) {
          nodes { id remainingQuantity lineItem { id } }
          pageInfo { hasNextPage endCursor }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

#: The rest of the lines of one that has many.
FULFILLMENT_ORDER_LINES = """
query FulfillmentOrderLines($id: ID!, $after: String) {
  fulfillmentOrder(id: $id) {
    id
    lineItems(first: 200, after: $after) {
      nodes { id remainingQuantity lineItem { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

FULFILL = """
mutation Fulfill($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id status }
    userErrors { field message }
  }
}
"""


def levels(places: int) -> str:
    """Ask for the levels of certain items, at so many places: ``$p0Items`` at ``$p0``, and so on."""
    names = [f"p{place}" for place in range(places)]
    given = ", ".join(f"${name}: ID!, ${name}Items: [ID!]!" for name in names)
    return f"query Levels({given}) {{" + "".join(_PLACE_LEVELS.format(alias=name) for name in names) + "\n}\n"


def stock(alias: str) -> str:
    """Ask for a page of what one location shows. The answer stands under that alias."""
    return _STOCK.format(alias=alias, page=LEVELS_PAGE)


def every(places: Sequence[int] = (1, 2, 5)) -> dict[str, str]:
    """Every document, by name; those that are put together, for so many places."""
    return {
        "SET_QUANTITIES": SET_QUANTITIES,
        "ORDERS": ORDERS,
        "ORDER": ORDER,
        "FULFILLMENTS": FULFILLMENTS,
        "FULFILLMENT_ORDERS": FULFILLMENT_ORDERS,
        "FULFILLMENT_ORDER_LINES": FULFILLMENT_ORDER_LINES,
        "FULFILL": FULFILL,
        "STOCK": stock("place"),
        **{f"LEVELS_{count}": levels(count) for count in places},
    }
