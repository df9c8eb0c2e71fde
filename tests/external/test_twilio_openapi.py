"""Our requests against Twilio's own OpenAPI description; it is fetched, so ``make test`` leaves it.

make test-external
OUTREACH_TWILIO_OPENAPI=twilio_api_v2010.json make test-external     # a copy that is here
"""

import json
import os
import sys
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))

from carrier_rigs import SMS, TwilioRig
from twilio_form import complaints

from outreach.channels.base import Accepted

PUBLISHED = (
    "https://raw.githubusercontent.com/twilio/twilio-oai/main/spec/json/twilio_api_v2010.json"
)
PATH = "/2010-04-01/Accounts/{AccountSid}/Messages.json"


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    if copy := os.environ.get("OUTREACH_TWILIO_OPENAPI"):
        return dict(json.loads(Path(copy).read_text(encoding="utf-8")))
    with urllib.request.urlopen(PUBLISHED, timeout=60) as answer:
        return dict(json.load(answer))


@pytest.fixture
async def rig() -> AsyncIterator[TwilioRig]:
    rig = TwilioRig()
    await rig.open()
    yield rig
    await rig.close()


@pytest.mark.parametrize("hours", [None, 1, 200])
async def test_a_message_s_form_is_what_is_published(
    description: dict[str, Any], rig: TwilioRig, hours: int | None
) -> None:
    valid_for = timedelta(hours=hours) if hours else None
    assert isinstance(await rig.carrier().send(replace(SMS, valid_for=valid_for)), Accepted)
    [(method, path, _, body)] = rig.peer.requests
    form = dict(parse_qsl(body.decode(), strict_parsing=True))
    operation = description["paths"][PATH][method.lower()]
    content = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]
    assert not list(complaints(form, content["schema"]))
    assert path == PATH.replace("{AccountSid}", path.split("/")[3])


def test_what_is_looked_up_by_may_be_asked(description: dict[str, Any]) -> None:
    """The look-up of an uncertain message asks by number and instant."""
    asked = {each["name"] for each in description["paths"][PATH]["get"]["parameters"]}
    assert {"To", "DateSent", "DateSent<", "DateSent>", "PageSize"} <= asked
