"""Ends a client's live connection at the broker: who comes in under the same name takes its place, and leaves again.

A broker reads its list of revoked certificates only when somebody connects; whoever is in stays in. On the listener of
the nodes the name is that of the certificate (`use_username_as_clientid`), so nodes cannot do this to each other.
"""

import asyncio

import aiomqtt

from hub.config import Broker

LIMIT_S = 5.0


async def take_over(broker: Broker, password: str | None, client_id: str) -> bool:
    """Whether it was done. What waited at the broker for this client is gone too."""
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=password,
        identifier=client_id,
        clean_session=True,
        timeout=LIMIT_S,
    )
    try:
        async with asyncio.timeout(LIMIT_S), client:
            return True
    except (aiomqtt.MqttError, OSError, TimeoutError):
        return False
