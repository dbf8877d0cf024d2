"""Secrets are named in the configuration and read only when they are needed."""

import os

from edge_agent.config.section import Secret


class SecretFault(Exception):
    """A secret cannot be read; the sentence names where it should be, never what it is."""


def reveal(secret: Secret) -> str:
    """The secret. Raises SecretFault."""
    if secret.env is not None:
        value = os.environ.get(secret.env)
        if not value:
            raise SecretFault(f"the environment variable {secret.env} is not set")
        return value
    assert secret.file is not None  # noqa: S101 - one of the two is given, the model saw to it
    try:
        with secret.file.open(encoding="utf-8") as file:
            value = file.readline(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise SecretFault(f"the secret file {secret.file} cannot be read: {reason}") from error
    if not value:
        raise SecretFault(f"the secret file {secret.file} is empty")
    return value
