"""News that the border tells to whoever is above it. Each is sent inside the transaction that makes it true."""

from django.dispatch import Signal

#: Deliveries were stored: ``lanes`` (set of int).
deliveries_stored = Signal()

#: Listings came into being or changed their SKU or id: ``channel_id``, ``listing_ids``.
listings_mapped = Signal()

#: Something waits for a person: ``channel_code``, ``what`` (delivery, target), ``subject``, ``reason``, ``detail``.
parked = Signal()

#: A channel showed another number than ours after settling: ``channel_code``, ``drifts`` (list of Drift).
drift_found = Signal()

#: Selling was stopped, resumed, or the channel was disconnected: ``channel``, ``state`` (stopped, resumed, disconnected).
channel_switched = Signal()

#: A channel listed these of its orders: ``channel``, ``orders`` (PolledOrder). Those that are not known yet are to be recorded.
orders_listed = Signal()
