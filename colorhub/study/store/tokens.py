"""Secrets: signed tokens of raters, keyed hashes of panel ids, withdrawal codes. All from one key.

It leaves the machine only into private backups.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from colorhub.study.errors import ForeignError, StudyError, TooLargeError

_TOKEN = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})")
_LONGEST = 200  # characters of a panel's id or a token
_CODE_LENGTH = 16
_CODE_LETTERS = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})  # as Crockford's base 32 reads them
_BASE32 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def new_rater() -> str:
    """A rater's id: 128 random bits in hex."""
    return secrets.token_hex(16)


class Keys:
    """What is derived from a database's secret key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def secret(self) -> bytes:
        """The key itself, for a backup that nobody else can read."""
        return self._key

    def fingerprint(self) -> str:
        """What tells one key from another without giving it away."""
        return self._mac("fingerprint").hex()

    def token(self, rater: str) -> str:
        """What a rater's browser shows with every request."""
        return f"{rater}.{base64.urlsafe_b64encode(self._mac('rater', rater)).rstrip(b'=').decode()}"

    def rater_of(self, token: str) -> str:
        """The rater's id. Raises :class:`ForeignError` for what was not signed with this key."""
        match = _TOKEN.fullmatch(token) if isinstance(token, str) and len(token) <= _LONGEST else None
        if match is None or not hmac.compare_digest(self.token(match[1]), token):
            raise ForeignError("This session was not begun here: open the study's page again.")
        return match[1]

    def panel_digest(self, study: str, panel_id: str) -> str:
        """A keyed hash of a panel's id for a participant; it differs from study to study."""
        if len(panel_id) > _LONGEST:
            raise TooLargeError(f"A participant's id has at most {_LONGEST} characters.")
        return self._mac("panel", study, panel_id).hex()

    def withdrawal_code(self, rater: str) -> str:
        """The code with which a rater withdraws: 80 bits as four groups of letters and digits."""
        code = base64.b32encode(self._mac("withdraw", rater)).decode()[:_CODE_LENGTH].translate(_BASE32)
        return "-".join(code[at : at + 4] for at in range(0, _CODE_LENGTH, 4))

    def _mac(self, *parts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256")


def code_digest(code: str) -> str:
    """What the database keeps of a withdrawal code, in whatever way it was typed. Raises :class:`StudyError`."""
    plain = re.sub(r"[\s-]", "", code[:_LONGEST]).upper().translate(_CODE_LETTERS)
    if not re.fullmatch(f"[0-9A-Z]{{{_CODE_LENGTH}}}", plain):
        raise StudyError("A withdrawal code has 16 letters and digits, such as 7K2M-0QXW-4C9T-HB5E.")
    return hashlib.sha256(plain.encode()).hexdigest()


def key_from_file(path: Path) -> bytes:
    """The secret key in a file that only its owner may read; made when it is not there. Raises :class:`StudyError`."""
    with contextlib.suppress(FileExistsError), _aside(path, secrets.token_bytes(32)) as aside:
        os.link(aside, path)  # whole or not at all, and never over one that another process made
    try:
        return bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        raise StudyError(
            f"The secret key {path} cannot be read: restore it, or sessions in progress are lost."
        ) from None


def key_to_file(path: Path, key: bytes) -> None:
    """Put another key in the place of a file's."""
    with _aside(path, key) as aside:
        aside.replace(path)


@contextlib.contextmanager
def _aside(path: Path, key: bytes) -> Iterator[Path]:
    """A file with the key beside ``path``, that only its owner may read; gone afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    aside.touch(mode=0o600)
    try:
        aside.write_text(key.hex(), encoding="ascii")
        yield aside
    finally:
        aside.unlink(missing_ok=True)
