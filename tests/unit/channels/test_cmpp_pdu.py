"""CMPP's octets: as the specification has them, read back as they were written, never in doubt."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outreach.channels.cmpp_pdu import (
    HEADER,
    LARGEST,
    ActiveTest,
    ActiveTestResp,
    BadFrame,
    Cancel,
    CancelResp,
    Command,
    Connect,
    ConnectResp,
    Deliver,
    DeliverResp,
    Frames,
    MessageId,
    Pdu,
    Query,
    QueryResp,
    Report,
    Submit,
    SubmitResp,
    Terminate,
    TerminateResp,
    Unknown,
    Version,
    answer_digests,
    connect_digest,
    decode,
    encode,
)

V2, V3 = Version.V2, Version.V3


# --------------------------------------------------------------------------- as the specification


def test_login_by_a_known_answer() -> None:
    """Octets seen on a wire: id 900001, secret 888888, version 2.1."""
    digest = connect_digest("900001", "888888", "1021080510")
    assert digest.hex() == "90d00c1d517abd0b4f65f6bcf8535d16"
    octets = encode(Connect("900001", digest, 0x21, "1021080510"), 0x17, V2)
    assert octets[:HEADER].hex() == "00000027" + "00000001" + "00000017"
    assert octets[HEADER:18] == b"900001"
    assert octets[-5:].hex() == "213cdc73be"


def test_the_zero_a_time_begins_with_is_hashed_though_it_is_not_sent() -> None:
    sent = Connect("900001", bytes(16), 0x20, "0102030405")
    _, read = decode(encode(sent, 1, V2), V2)
    assert read == sent
    assert connect_digest("900001", "s", "0102030405") != connect_digest("900001", "s", "102030405")


def test_the_gateway_s_answer_is_hashed_over_its_status_as_it_is_on_the_wire() -> None:
    one, four = answer_digests(0, bytes(range(16)), "secret")
    assert one != four
    assert len(one) == len(four) == 16


LENGTHS: list[tuple[Pdu, int, int]] = [
    (Connect("900001", bytes(16), 0x20, "1021080510"), 39, 39),
    (ConnectResp(0, bytes(16), 0x20), 30, 33),
    (Submit(("13900000000",), bytes(30), 8, "10690000", "900001"), 189, 225),
    (Submit(("13900000000",) * 99, bytes(159), 0, "10690000", "900001"), 2376, 3490),
    (SubmitResp(1, 0), 21, 24),
    (Deliver(1, "10690000", "13900000000", 0, bytes(20)), 105, 129),
    (DeliverResp(1, 0), 21, 24),
    (Query("20261126"), 39, 39),
    (QueryResp("20261126", 0, "", (0,) * 8), 63, 63),
    (Cancel(1), 20, 20),
    (CancelResp(0), 13, 16),
    (ActiveTest(), 12, 12),
    (ActiveTestResp(), 13, 13),
    (Terminate(), 12, 12),
    (TerminateResp(), 12, 12),
]


@pytest.mark.parametrize(("pdu", "two", "three"), LENGTHS, ids=lambda each: type(each).__name__)
def test_lengths(pdu: Pdu, two: int, three: int) -> None:
    assert (len(encode(pdu, 1, V2)), len(encode(pdu, 1, V3))) == (two, three)


@pytest.mark.parametrize(
    ("version", "places"),
    [
        (
            V2,
            {
                "Registered_Delivery": (22, b"\x01"),
                "Service_Id": (24, b"NOTICE\0\0\0\0"),
                "Fee_UserType": (34, b"\x02"),
                "TP_udhi": (57, b"\x01"),
                "Msg_Fmt": (58, b"\x08"),
                "Msg_src": (59, b"900001"),
                "FeeType": (65, b"01"),
                "ValId_Time": (73, b"261123183000032+\0"),
                "Src_Id": (107, b"1069000012"),
                "DestUsr_tl": (128, b"\x01"),
                "Dest_terminal_Id": (129, b"13900000000\0"),
                "Msg_Length": (150, b"\x04"),
                "Msg_Content": (151, b"text"),
            },
        ),
        (
            V3,
            {
                "Service_Id": (24, b"NOTICE\0\0\0\0"),
                "TP_pId": (68, b"\x00"),
                "TP_udhi": (69, b"\x01"),
                "Msg_Fmt": (70, b"\x08"),
                "Msg_src": (71, b"900001"),
                "FeeType": (77, b"01"),
                "ValId_Time": (85, b"261123183000032+\0"),
                "Src_Id": (119, b"1069000012"),
                "DestUsr_tl": (140, b"\x01"),
                "Dest_terminal_Id": (141, b"13900000000\0"),
                "Dest_terminal_type": (173, b"\x00"),
                "Msg_Length": (174, b"\x04"),
                "Msg_Content": (175, b"text"),
            },
        ),
    ],
)
def test_where_a_submit_s_fields_are(
    version: Version, places: dict[str, tuple[int, bytes]]
) -> None:
    octets = encode(
        Submit(
            ("13900000000",),
            b"text",
            8,
            "1069000012",
            "900001",
            service="NOTICE",
            udhi=1,
            valid_until="261123183000032+",
        ),
        7,
        version,
    )
    found = {name: octets[at : at + len(value)] for name, (at, value) in places.items()}
    assert found == {name: value for name, (_, value) in places.items()}


def test_where_a_report_s_fields_are() -> None:
    report = Report(0x0102030405060708, "DELIVRD", "2611230930", "2611230931", "13900000000", 9)
    for length, to in ((60, 56), (71, 67)):
        content = report.content(length)
        assert content[:8].hex() == "0102030405060708"
        assert content[8:15] == b"DELIVRD"
        assert content[15:35] == b"26112309302611230931"
        assert content[35:46] == b"13900000000"
        assert content[to:] == struct.pack(">I", 9)
        assert Report.read(content) == report


def test_a_gateway_s_id_taken_apart() -> None:
    id_ = MessageId(11, 23, 18, 30, 59, 123456, 65535)
    assert int(id_) == 11 << 60 | 23 << 55 | 18 << 50 | 30 << 44 | 59 << 38 | 123456 << 16 | 65535
    assert MessageId.read(int(id_)) == id_


# ------------------------------------------------------------------------------------- round trip

versions = st.sampled_from(Version)
sequences = st.integers(0, 0xFFFFFFFF)
octet = st.integers(0, 0xFF)
long = st.integers(0, 0xFFFFFFFFFFFFFFFF)
printed = st.characters(codec="ascii", categories=("L", "N", "P"))


def text(length: int) -> st.SearchStrategy[str]:
    return st.text(printed, max_size=length)


number = text(21)
times = st.integers(101_000_000, 1_231_235_959).map(lambda number: f"{number:010}")
pdus: st.SearchStrategy[Pdu] = st.one_of(
    st.builds(Connect, text(6), st.binary(min_size=16, max_size=16), octet, times),
    st.builds(ConnectResp, octet, st.binary(min_size=16, max_size=16), octet),
    st.builds(
        Submit,
        st.lists(number, min_size=1, max_size=99).map(tuple),
        st.binary(max_size=159),
        octet,
        text(21),
        text(6),
        service=text(10),
        part=octet,
        parts=octet,
        report=octet,
        level=octet,
        fee_user=octet,
        fee_terminal=number,
        fee_type=text(2),
        fee_code=text(6),
        udhi=octet,
        pid=octet,
        valid_until=text(17),
        at=text(17),
        message_id=long,
    ),
    st.builds(SubmitResp, long, octet),
    st.builds(
        Deliver,
        long,
        text(21),
        number,
        octet,
        st.binary(max_size=159),
        format=octet,
        udhi=octet,
        pid=octet,
        service=text(10),
    ),
    st.builds(DeliverResp, long, octet),
    st.builds(Query, text(8), octet, text(10)),
    st.builds(
        QueryResp,
        text(8),
        octet,
        text(10),
        st.tuples(*[st.integers(0, 0xFFFFFFFF)] * 8),
    ),
    st.builds(Cancel, long),
    st.builds(CancelResp, octet),
    st.sampled_from([ActiveTest(), ActiveTestResp(), Terminate(), TerminateResp()]),
)


@given(pdus, sequences, versions)
def test_read_back(pdu: Pdu, sequence: int, version: Version) -> None:
    octets = encode(pdu, sequence, version)
    assert len(octets) <= LARGEST
    assert list(Frames().feed(octets)) == [octets]
    assert decode(octets, version) == (sequence, pdu)


@given(st.lists(st.tuples(pdus, sequences), max_size=6), versions, st.integers(1, 300))
def test_cut_anywhere_the_messages_are_the_same(
    sent: list[tuple[Pdu, int]], version: Version, step: int
) -> None:
    stream = b"".join(encode(pdu, sequence, version) for pdu, sequence in sent)
    frames, read = Frames(), []
    for at in range(0, len(stream), step):
        read += [decode(frame, version) for frame in frames.feed(stream[at : at + step])]
    assert read == [(sequence, pdu) for pdu, sequence in sent]
    assert frames.held == 0


# ---------------------------------------------------------------------------------------- garbage


@given(pdus, versions, st.data())
def test_cut_short_or_made_longer_it_is_refused(
    pdu: Pdu, version: Version, data: st.DataObject
) -> None:
    octets = encode(pdu, 1, version)
    body = octets[HEADER:]
    other = data.draw(
        st.one_of(
            st.integers(0, len(body)).map(lambda n: body[:n]),
            st.binary(min_size=2, max_size=40).map(lambda more: body + more),
        )
    )
    if other == body or _tolerated(pdu, len(body), len(other), version):
        return
    frame = struct.pack(">III", HEADER + len(other), pdu.command, 1) + other
    with pytest.raises(BadFrame):
        decode(frame, version)


def _tolerated(pdu: Pdu, length: int, other: int, version: Version) -> bool:
    """What gateways send and specifications do not know."""
    match pdu:
        case ActiveTestResp():
            return other == 0
        case Deliver():
            return length - version.tail_length <= other <= length
    return False


@given(st.binary(max_size=400), versions)
@example(bytes.fromhex("0000000c00000003") + bytes(4), V2)
def test_whatever_comes_is_read_or_refused_and_never_hoarded(
    stream: bytes, version: Version
) -> None:
    frames = Frames()
    try:
        for frame in frames.feed(stream):
            decode(frame, version)
    except BadFrame:
        pass
    assert frames.held <= LARGEST


@given(st.integers(0, 0xFFFFFFFF), st.binary(max_size=60), versions)
def test_any_command_with_any_body(command: int, body: bytes, version: Version) -> None:
    frame = struct.pack(">III", HEADER + len(body), command, 5) + body
    try:
        sequence, pdu = decode(frame, version)
    except BadFrame:
        assert command in list(Command)
    else:
        assert sequence == 5
        assert isinstance(pdu, Unknown) == (command not in list(Command))


@pytest.mark.parametrize("length", [0, 11, LARGEST + 1, 0xFFFFFFFF])
def test_a_length_that_cannot_be_is_refused_before_anything_is_kept(length: int) -> None:
    frames = Frames()
    with pytest.raises(BadFrame, match="Total_Length"):
        list(frames.feed(struct.pack(">I", length)))


def test_what_came_whole_before_the_garbage_is_read() -> None:
    frames = Frames().feed(encode(ActiveTest(), 1, V2) + b"GET / HTTP/1.1")
    assert decode(next(frames), V2) == (1, ActiveTest())
    with pytest.raises(BadFrame):
        next(frames)


def test_a_report_of_another_length_is_refused() -> None:
    for length in (0, 59, 61, 70, 72):
        with pytest.raises(BadFrame):
            Report.read(bytes(length))


def test_other_octets_than_ascii_stay_visible() -> None:
    sent = Deliver(1, "1069", "139", 0, b"")
    octets = bytearray(encode(sent, 1, V2))
    octets[54] = 0xC4
    _, read = decode(bytes(octets), V2)
    assert isinstance(read, Deliver)
    assert read.sender == "\\xc439"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"recipients": ()}, "1 to 99 recipients"),
        ({"recipients": ("1",) * 100}, "1 to 99 recipients"),
        ({"recipients": ("1" * 33,)}, "Dest_terminal_Id"),
        ({"source": "1" * 22}, "Src_Id"),
        ({"account": "9000010"}, "Msg_src"),
        ({"service": "通知"}, "Service_Id"),
        ({"content": bytes(256)}, "Msg_Content"),
    ],
)
def test_what_a_field_does_not_take_is_refused_before_the_wire(
    wrong: dict[str, object], says: str
) -> None:
    fields = {
        "recipients": ("13900000000",),
        "content": b"",
        "format": 8,
        "source": "1069",
        "account": "900001",
    }
    with pytest.raises(ValueError, match=says):
        encode(Submit(**fields | wrong), 1, V3)  # type: ignore[arg-type]
