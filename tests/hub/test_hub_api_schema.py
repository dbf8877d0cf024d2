"""The API does what its description says, whatever is sent: made-up requests against a hub that runs."""

import asyncio
import json
from typing import Any

import pytest
import schemathesis
from hub_rig import FakeNode, Running
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hub.api import app as api
from hub.api import coming_in
from hub.people.door import Needs
from hub.people.sessions import COOKIE

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES, FEW = 5, 2
"""Of each address; of one that makes a PDF, and once more at a node that is not there."""
ENDLESS = "/events"
"""A stream has no end that could be waited for."""
NODE = {"commune": "29401", "node": "tram-bom"}


def operations() -> list[tuple[str, str]]:
    paths: dict[str, dict[str, Any]] = api.description()["paths"]
    return [(method.upper(), path) for path, of in paths.items() for method in of if path != ENDLESS]


def fuzz(hub: Running, schema: Any, method: str, path: str, fixed: dict[str, str]) -> None:
    headers = {"Cookie": f"{COOKIE}={hub.secret}", "Sec-Fetch-Site": "same-origin"}

    @given(case=schema[path][method].as_strategy())
    @settings(
        max_examples=EXAMPLES if fixed and not path.endswith(".pdf") else FEW,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Any) -> None:
        for name in case.path_parameters or {}:
            if name in fixed:
                case.path_parameters[name] = fixed[name]
        case.call_and_validate(base_url=f"{hub.url}/api/v1", headers=headers, checks=CHECKS, timeout=30)

    run()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coming_in, "BURST", 1e9)


@pytest.fixture
async def hub(unhurried: None, hub: Running) -> Running:
    return hub


async def test_made_up_requests_find_nothing(hub: Running, node: FakeNode) -> None:
    await node.furnish()
    schema = schemathesis.openapi.from_dict(json.loads(api.text()))
    for method, path in operations():
        await asyncio.to_thread(fuzz, hub, schema, method, path, NODE)
        if "{node}" in path:
            await asyncio.to_thread(fuzz, hub, schema, method, path, {})


def test_no_address_was_made_without_the_door() -> None:
    assert len(api.ROUTES) == len(operations()) + 1
    assert all(isinstance(getattr(route, "needs", None), Needs) for route in api.ROUTES)


async def test_description_is_served_as_it_is_in_the_reference(hub: Running) -> None:
    served = await hub.http.get("/api/v1/openapi.json")
    assert served.text == api.text()
    assert served.json()["openapi"].startswith("3.1")
