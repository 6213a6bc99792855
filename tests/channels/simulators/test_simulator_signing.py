"""Standard Webhooks signatures, against the reference vector and against tampering."""

import json
from pathlib import Path

import pytest

from channels.simulators import signing

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "webhook-vectors" / "vectors.json"
KEY = b"a key of some length, 32 octets."


def test_the_reference_vector() -> None:
    if not VECTORS.exists():
        pytest.skip("the folder of published signature vectors is absent")
    vector = json.loads(VECTORS.read_text())["standard-webhooks"]
    headers = vector["headers"]
    now = int(headers["webhook-timestamp"]) + 60
    key = signing.key_of(vector["secret"])
    body = vector["body"].encode()
    assert signing.verify(key, headers=headers, body=body, now=now) == headers["webhook-id"]
    assert signing.sign(key, message_id=headers["webhook-id"], body=body, now=now - 60) == headers


def test_a_secret_is_its_bytes() -> None:
    assert signing.key_of(signing.secret_of(KEY)) == KEY
    assert signing.valid_secret(signing.secret_of(KEY))


def test_several_signatures_one_of_which_holds() -> None:
    headers = signing.sign(KEY, message_id="m", body=b"x")
    headers["webhook-signature"] = "v1a,abc v1,AAAA " + headers["webhook-signature"]
    assert signing.verify(KEY, headers=headers, body=b"x") == "m"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"webhook-signature": "v1,AAAA"}, "signature_invalid"),
        ({"webhook-signature": "v1,ünsinn"}, "signature_invalid"),
        ({"webhook-id": "other"}, "signature_invalid"),
        ({"webhook-timestamp": "soon"}, "timestamp_invalid"),
        ({"webhook-timestamp": "1000000301"}, "timestamp_out_of_window"),
        ({"webhook-timestamp": "999999699"}, "timestamp_out_of_window"),
        ({"webhook-timestamp": "1000000299"}, "signature_invalid"),
    ],
)
def test_what_does_not_hold_is_refused_by_name(change: dict[str, str], code: str) -> None:
    headers = signing.sign(KEY, message_id="m", body=b"x", now=1_000_000_000) | change
    with pytest.raises(signing.SignatureRefused) as refused:
        signing.verify(KEY, headers=headers, body=b"x", now=1_000_000_000)
    assert refused.value.code == code


def test_a_changed_body_and_missing_headers() -> None:
    headers = signing.sign(KEY, message_id="m", body=b"x")
    with pytest.raises(signing.SignatureRefused, match="signature_invalid"):
        signing.verify(KEY, headers=headers, body=b"y")
    del headers["webhook-id"]
    with pytest.raises(signing.SignatureRefused, match="signature_missing"):
        signing.verify(KEY, headers=headers, body=b"x")
