"""The command that tells a node whose commands count from now on."""

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from edge_agent.contract.base import Strict


class KeyInForce(Strict):
    """A hub's public key; commands that it signed are carried out."""

    id: str = Field(min_length=1, max_length=64, description="Key id, as the hub names it")
    public: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="Ed25519 public key, base64url")


class UpdateKeys(Strict):
    """From now on believe these keys, and no others. For nodes that are enrolled; signed by a key that holds now.

    Done means kept on the disk and in force. What is as old as what the node has, or older, is refused (`keys.old`);
    the same once more is done.
    """

    do: Literal["keys.update"] = "keys.update"
    number: int = Field(ge=1, lt=2**53, description="Grows with each change")
    keys: tuple[KeyInForce, ...] = Field(min_length=1, max_length=8, description="All that hold from now on")

    @model_validator(mode="after")
    def _each_once(self) -> "UpdateKeys":
        seen: set[str] = set()
        for key in self.keys:
            if key.id in seen:
                raise PydanticCustomError("invalid.key_twice", "{name} stands twice", {"name": key.id})
            seen.add(key.id)
        return self
