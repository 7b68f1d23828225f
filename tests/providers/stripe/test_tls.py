"""The same deadlines and the same certainty over TLS, as Stripe is reached."""

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.providers.stripe.canned import Canned, http
from tests.providers.stripe.orders import order
from tests.providers.stripe.test_faults import at
from tp_gateway.contract import OutcomeState, Reason

BALANCE = http({"object": "balance", "livemode": False})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def server(certificate: Path) -> Iterator[Canned]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Canned(BALANCE, context) as server:
        yield server


def test_one_trusted_connection(
    server: Canned, certificate: Path, soon: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    provider = at(server.url)
    assert all(provider.check(soon).ok for _ in range(5))
    assert server.connections == 1

    server.reply = server.drip(BALANCE[:-5].replace(b"Length: ", b"Length: 9") + b" " * 4000)
    began = time.monotonic()
    outcome = provider.execute(order(seconds=0.4), "pi_1")
    assert 0.3 < time.monotonic() - began < 0.9
    assert (outcome.state, outcome.reason) == (OutcomeState.UNKNOWN, Reason.UNCLEAR)


def test_an_untrusted_certificate_gets_no_request(server: Canned) -> None:
    outcome = at(server.url).execute(order(), "pi_1")
    assert (outcome.state, outcome.reason) == (OutcomeState.NOT_SENT, Reason.UNREACHABLE)
    assert server.requests == 0
