from datetime import timedelta

import pytest

from inventory.kernel import clock
from inventory.models import IdempotentRequest
from inventory.retention import prune

pytestmark = pytest.mark.django_db


def test_answers_older_than_a_week_go_and_younger_ones_stay() -> None:
    for key, days in (("old", 8), ("older", 30), ("young", 6)):
        request = IdempotentRequest.objects.create(owner="key:x", key=key, fingerprint=b"f")
        IdempotentRequest.objects.filter(pk=request.pk).update(created_at=clock.now() - timedelta(days=days))
    assert prune(batch=1) == 2
    assert list(IdempotentRequest.objects.values_list("key", flat=True)) == ["young"]
