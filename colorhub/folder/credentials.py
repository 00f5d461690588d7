"""Content Credentials (C2PA): a signed statement inside a result that a model invented its colours. Nothing is asked of
the network: no time stamp, no revocation list."""

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from colorhub import __version__
from colorhub.photo import Photo
from colorhub.photo.metadata.xmp import DIGITAL_SOURCE_TYPE, STATEMENT

_SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
_MIME = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "HEIC": "image/heic",
    "AVIF": "image/avif",
    "GIF": "image/gif",
}


class CredentialsError(ValueError):
    """A certificate and key that cannot sign: one sentence."""


@dataclass(frozen=True)
class Credentials:
    """Signs results. ``certificates``: a chain in PEM, the signer's own first; ``key``: its private key in PEM;
    ``algorithm``: the name that C2PA has for it."""

    certificates: str
    key: str
    algorithm: str

    @classmethod
    def load(cls, certificates: Path, key: Path) -> Self:
        """Read both files, and sign a picture to see that they go together.

        Raises:
            CredentialsError: they cannot be read, or cannot sign.
        """
        try:
            chain, secret = certificates.read_text(encoding="ascii"), key.read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            name = getattr(error, "filename", None) or f"{certificates} or {key}"
            raise CredentialsError(
                f"{name} cannot be read: expected a chain of certificates and a key in PEM"
            ) from None
        found = cls(chain, *_key_and_algorithm(secret, key))
        from PIL import Image

        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "PNG")
        try:
            found._sign(file.getvalue(), "image/png", {"title": "a test"}, None)
        except Exception as error:  # c2pa's own types are many
            raise CredentialsError(
                f"{certificates} and {key} cannot sign Content Credentials ({error}): expected the key of the first "
                "certificate of a chain, made for signing (keyUsage digitalSignature, extendedKeyUsage emailProtection "
                "or documentSigning), and not signed by itself"
            ) from None
        return found

    def sign(self, content: bytes, format: str, photo: Photo, record: Mapping[str, str]) -> tuple[bytes, str | None]:
        """The bytes of a result with its credential, and a note where its format can have none.

        Args:
            content: of the file.
            format: of it, such as ``JPEG``.
            photo: that was coloured; its file becomes the parent ingredient, with the credentials it may have itself.
            record: what the colours are by.
        """
        kind = _MIME.get(format)
        if kind is None or kind == "image/gif":
            return content, f"Content Credentials cannot be put into {format}"
        facts = {"title": photo.name, "model": record}
        return self._sign(content, kind, facts, photo), None

    def _sign(self, content: bytes, kind: str, facts: Mapping[str, Any], photo: Photo | None) -> bytes:
        from c2pa import Builder, C2paBuilderIntent, C2paSignerInfo, C2paSigningAlg, Context, Settings, Signer

        info = C2paSignerInfo(C2paSigningAlg[self.algorithm], self.certificates.encode(), self.key.encode(), None)
        signed = io.BytesIO()
        context = Context(Settings.from_dict(_SETTINGS))
        with context, Builder(json.dumps(_definition(facts)), context=context) as builder:
            builder.set_intent(C2paBuilderIntent.EDIT)
            if photo is not None and (parent := _original(photo)):
                ingredient = json.dumps({"title": photo.name, "relationship": "parentOf"})
                builder.add_ingredient_from_stream(ingredient, parent[1], io.BytesIO(parent[0]))
            with Signer.from_info(info) as signer:
                builder.sign(signer, kind, io.BytesIO(content), signed)
        return signed.getvalue()


def _definition(facts: Mapping[str, Any]) -> dict[str, Any]:
    edited = {
        "action": "c2pa.edited",
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "softwareAgent": {"name": "colorhub", "version": __version__},
        "description": STATEMENT,
        "parameters": {f"colorhub.{name}": value for name, value in facts.get("model", {}).items()},
    }
    return {
        "claim_generator_info": [{"name": "colorhub", "version": __version__}],
        "title": facts["title"],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [edited]}}],
    }


def _original(photo: Photo) -> tuple[bytes, str] | None:
    """The bytes of a photo's file and their kind; ``None`` where C2PA does not take such files."""
    kind = _MIME.get(photo.format)
    if kind is None or photo.path is None:
        return None
    return Path(os.fspath(photo.path)).read_bytes(), kind


def _key_and_algorithm(secret: str, path: Path) -> tuple[str, str]:
    """A key in PKCS#8, the only form that c2pa reads, and what C2PA calls its signatures."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(secret.encode(), None)
    except (TypeError, ValueError):
        raise CredentialsError(f"{path} holds no private key in PEM without a password") from None
    told = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return told, "ED25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return told, "PS256"
    sizes = {256: "ES256", 384: "ES384", 521: "ES512"}
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size in sizes:
        return told, sizes[key.curve.key_size]
    raise CredentialsError(f"{path} holds a key of a kind that C2PA does not sign with: take ECDSA, Ed25519 or RSA")
