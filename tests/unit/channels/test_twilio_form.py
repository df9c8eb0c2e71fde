from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.twilio import encode_form
from outreach.channels.twilio_codes import outcome_of

_TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Za-z]{0,9}", fullmatch=True), _TEXT))
def test_every_peer_decodes_what_we_encode(form: dict[str, str]) -> None:
    decoded = parse_qsl(encode_form(form).decode("ascii"), keep_blank_values=True)
    assert dict(decoded) == form


@given(st.integers(100, 599), st.text(max_size=60), st.dictionaries(st.text(), st.text()))
def test_no_answer_is_so_odd_that_it_raises(
    status: int, text: str, headers: dict[str, str]
) -> None:
    assert outcome_of(status, text, headers)
