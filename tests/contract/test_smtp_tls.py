"""STARTTLS: required, and the certificate checked."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from carrier_rigs import EMAIL, TOKENS, SmtpRig
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from outreach.channels.base import Accepted, PermanentFailure
from outreach.channels.smtp import Smtp
from outreach.clock import Clock
from outreach.domain.states import FailureClass
from outreach.settings import SmtpSettings


class Relay:
    """Takes everything that comes encrypted."""

    def __init__(self) -> None:
        self.encrypted: list[bool] = []

    async def handle_DATA(self, _server: SMTP, session: Session, _envelope: Envelope) -> str:
        self.encrypted.append(session.ssl is not None)
        return "250 2.0.0 ok"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.bank.test")])
    made = datetime(2020, 1, 1, tzinfo=UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(made)
        .not_valid_after(made + timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "relay.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
async def relay(certificate: Path) -> AsyncIterator[tuple[Relay, int]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    relay = Relay()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            relay, hostname="relay.bank.test", tls_context=context, require_starttls=True, loop=loop
        ),
        "127.0.0.1",
        0,
    )
    yield relay, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def _carrier(port: int, trust: ssl.SSLContext | None) -> Smtp:
    settings = SmtpSettings(
        kind="smtp",
        name="mail",
        host="127.0.0.1",
        port=port,
        from_address="notice@bank.test",
        reply_to="reply@bank.test",
        bounce_domain="bounce.bank.test",
        timeout_seconds=5,
    )
    return Smtp(settings, tokens=TOKENS, clock=Clock(), tls=trust)


async def test_mail_goes_encrypted(relay: tuple[Relay, int], certificate: Path) -> None:
    taken, port = relay
    carrier = _carrier(port, ssl.create_default_context(cafile=str(certificate)))
    assert isinstance(await carrier.send(EMAIL), Accepted)
    assert taken.encrypted == [True]
    await carrier.close()


async def test_a_certificate_nobody_vouches_for_stops_the_route(relay: tuple[Relay, int]) -> None:
    taken, port = relay
    carrier = _carrier(port, None)
    assert await carrier.send(EMAIL) == PermanentFailure(FailureClass.ACCOUNT, "tls")
    assert taken.encrypted == []
    await carrier.close()


async def test_a_relay_that_offers_no_encryption_gets_no_mail() -> None:
    rig = SmtpRig()
    await rig.open()
    carrier = _carrier(rig.peer.port, None)
    assert await carrier.send(EMAIL) == PermanentFailure(FailureClass.ACCOUNT, "not-supported")
    assert rig.peer.mails == []
    await carrier.close()
    await rig.close()
