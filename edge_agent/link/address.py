"""From the configuration of a broker to what a connection needs."""

import ssl

from edge_agent.config.broker import Broker
from edge_agent.config.secrets import SecretFault, reveal
from edge_agent.contract.errors import Refusal
from edge_agent.link.wire import BrokerAddress


def broker_address(broker: Broker, client_id: str) -> BrokerAddress:
    """How to connect. Raises Refusal where a secret or a certificate cannot be read."""
    secure, host, port = broker.parts()
    try:
        password = reveal(broker.password) if broker.password else None
        tls = _tls(broker) if secure else None
    except (SecretFault, OSError) as error:
        raise Refusal("broker.refused", detail=str(error)) from error
    return BrokerAddress(host, port, client_id, broker.username, password, tls, broker.keepalive)


def _tls(broker: Broker) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(broker.ca) if broker.ca else None)
    if broker.certificate is not None:
        context.load_cert_chain(broker.certificate, broker.key)
    return context
