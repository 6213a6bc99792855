"""A simulated Shopify shop: the Admin GraphQL API of 2026-07 and 2026-10, OAuth tokens and webhooks, on loopback.

Written from Shopify's documentation and its published schema, and from nothing of the product's: the independent check
of whatever speaks to it. ``schema.graphql`` is the part of the Admin API that is served; its names, types and
nullability are those of the published schema (tests/contracts sees to that).

Where the documentation is silent, this shop takes the harder answer:

- a set of several rows is all or nothing; every wrong row is named;
- a connection costs its size times the cost of one node; a plan's bucket holds twenty seconds of its restore rate;
- instants are told in whole seconds, so two changes of an order may carry the same ``updated_at``;
- an idempotency key is remembered for a day (the latest 5,000 of them); one whose attempt failed must not be used again;
- a level that was never activated takes numbers (since 2026-04 no error says otherwise), but sells nothing and is not
  listed until ``inventoryActivate``;
- a replaced refresh token ends when the access token or the refresh token that came after it is used.

Unlike Shopify it also posts webhooks to ``http://``, squeezes four hours of retries into about a minute, answers other
API versions than these two with 404, and says so where a search term is beyond it instead of ignoring the term.
"""
