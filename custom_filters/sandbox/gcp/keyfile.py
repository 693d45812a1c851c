"""A service account's key file: the RSA key is made at start and lies in a private folder until the end."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from custom_filters.sandbox.gcp.people import Key, ServiceAccount
from custom_filters.sandbox.gcp.tokens import TOKEN_URI


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class KeyFile:
    """What `GOOGLE_APPLICATION_CREDENTIALS` names: `path` (mode 0600) and the key's public half (PEM)."""

    def __init__(self, account: ServiceAccount, key: Key) -> None:
        private, pem = new_key(), serialization.Encoding.PEM
        self.public_key = private.public_key().public_bytes(
            pem, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        secret = private.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        content = {"type": "service_account", "project_id": account.project, "private_key_id": key.id}
        content |= {"private_key": secret, "client_email": account.email, "token_uri": TOKEN_URI}
        folder = Path(tempfile.mkdtemp(prefix="c7n-unused-gcp-"))  # mkdtemp makes it 0700
        self.path = folder / "service-account.json"
        self.path.touch(mode=0o600)
        self.path.write_text(json.dumps(content), "utf-8")
