"""What is sent to Twilio is what Twilio says it takes."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from carrier_rigs import SMS, TwilioRig
from twilio_form import complaints

from outreach.channels.base import Accepted

SCHEMA = json.loads((Path(__file__).parent / "recorded" / "twilio-create-message.json").read_text())


@pytest.fixture
async def rig() -> AsyncIterator[TwilioRig]:
    rig = TwilioRig()
    await rig.open()
    yield rig
    await rig.close()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"valid_for": timedelta(hours=3)},
        {"valid_for": timedelta(days=5)},
        {"valid_for": timedelta(milliseconds=20)},
        {"text": "【示例银行】" + "款" * 500},
    ],
    ids=["as it is", "for three hours", "for five days", "for a moment", "long"],
)
async def test_a_message_s_form_is_valid(rig: TwilioRig, changes: dict[str, object]) -> None:
    assert isinstance(await rig.carrier().send(replace(SMS, **changes)), Accepted)
    [(method, path, headers, body)] = rig.peer.requests
    account = path.split("/")[3]
    assert (method, path) == ("POST", SCHEMA["path"].replace("{AccountSid}", account))
    assert headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    form = dict(parse_qsl(body.decode(), strict_parsing=True))
    assert not list(complaints(form, SCHEMA))
    assert form["To"] == SMS.to


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("ValidityPeriod", "36001", "ValidityPeriod: out of range"),
        ("ValidityPeriod", "3.5", "ValidityPeriod: no integer"),
        ("MessagingServiceSid", "MG1", "MessagingServiceSid: of a wrong length"),
        ("MessagingServiceSid", "AC" + "0" * 32, "MessagingServiceSid: of a wrong shape"),
        ("Body", "x" * 1601, "Body: of a wrong length"),
        ("StatusCallback", "ftp://x", "StatusCallback: no address"),
        ("SmartEncoded", "True", "SmartEncoded: no boolean"),
        ("Boddy", "", "Boddy is unknown"),
    ],
)
def test_what_is_not_valid_is_found(field: str, value: str, why: str) -> None:
    assert why in list(complaints({"To": "+85260000000", field: value}, SCHEMA))
    assert "To is missing" in list(complaints({field: value}, SCHEMA))
