"""Every verb of the ledger in any order: the same stories each time, or others and more with ``SELLONCE_STEPS=200000``."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.machine import Ledger

STEPS = int(os.environ.get("SELLONCE_STEPS", "2000"))
#: Steps of one story; then another begins with nothing there.
LENGTH = 50

kept = settings(
    max_examples=max(1, STEPS // LENGTH),
    stateful_step_count=LENGTH,
    deadline=None,
    derandomize="SELLONCE_STEPS" not in os.environ,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.mark.django_db
@pytest.mark.timeout(1800 if STEPS <= 2000 else 0)
def test_any_verbs_in_any_order_keep_the_ledger_whole() -> None:
    run_state_machine_as_test(Ledger, settings=kept)
