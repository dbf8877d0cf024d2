"""From the configuration of a broker to what a connection needs."""

import ssl

from edge_agent.config.broker import Broker
from edge_agent.config.secrets import SecretFault, reveal
from edge_agent.contract.errors import Refusal
from edge_agent.link.wire import BrokerAddress

_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""


def broker_address(broker: Broker, client_id: str, *, clock_trusted: bool = True) -> BrokerAddress:
    """How to connect. Raises Refusal where a secret or a certificate cannot be read.

    With a clock that nobody trusts (1970 after a power cut) the times of a certificate by an authority of our own are
    not held against it: else a node could never reach the broker that its clock has to wait for.
    """
    secure, host, port = broker.parts()
    try:
        password = reveal(broker.password) if broker.password else None
        tls = _tls(broker, clock_trusted) if secure else None
    except (SecretFault, OSError) as error:
        raise Refusal("broker.refused", detail=str(error)) from error
    return BrokerAddress(host, port, client_id, broker.username, password, tls, broker.keepalive)


def _tls(broker: Broker, clock_trusted: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(broker.ca) if broker.ca else None)
    if broker.ca is not None and not clock_trusted:
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    if broker.certificate is not None:
        context.load_cert_chain(broker.certificate, broker.key)
    return context
