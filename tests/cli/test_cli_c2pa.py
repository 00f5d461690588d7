"""``--c2pa``: c2pa's own reader finds the credentials, and finds them valid."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from c2pa import Context, Reader, Settings
from certificates import make_certificates
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from photos import grey_photo
from PIL import Image
from skimage import data
from typer.testing import Result

from colorhub import Photo
from colorhub.archive.contents import record
from colorhub.photo.metadata.xmp import DIGITAL_SOURCE_TYPE

Run = Callable[..., Result]


def test_results_are_signed_and_say_that_the_colours_are_invented(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    chain, key, authority = make_certificates(tmp_path)
    for name in ("a.jpg", "b.png", "c.tif", "d.webp", "e.bmp"):
        grey_photo("astronaut", (64, 48)).save(tmp_path / "in" / name)
    Image.fromarray(data.astronaut()).resize((64, 48)).save(tmp_path / "in" / "color.jpg")
    done = run("colorize", tmp_path / "in", "-o", tmp_path / "out", "--c2pa", chain, key)
    assert done.exit_code == 0, done.output
    run("colorize", tmp_path / "in", "-o", tmp_path / "plain")
    trust = {"trust": {"trust_anchors": authority.read_text()}, "verify": {"verify_trust": True}}
    for name, kind in {"a.jpg": "jpeg", "b.png": "png", "c.tif": "tiff", "d.webp": "webp"}.items():
        content = (tmp_path / "out" / name).read_bytes()
        reader = Reader(f"image/{kind}", io.BytesIO(content), context=Context(Settings.from_dict(trust)))
        assert reader.get_validation_state() == "Trusted"
        manifest = reader.get_active_manifest()
        (actions,) = [one["data"]["actions"] for one in manifest["assertions"] if one["label"] == "c2pa.actions.v2"]
        assert [one["action"] for one in actions] == ["c2pa.opened", "c2pa.edited"]
        assert actions[1]["digitalSourceType"] == DIGITAL_SOURCE_TYPE
        assert json.loads(actions[1]["parameters"]["colorhub.settings"])["vividness"] == 1.0
        assert [one["relationship"] for one in manifest["ingredients"]] == ["parentOf"]
        signed, plain = (Photo.open(tmp_path / folder / name) for folder in ("out", "plain"))
        assert (signed.rgb == plain.rgb).all() and record(signed) == record(plain) != {}
        assert (tmp_path / "out" / name).stat().st_mtime_ns == (tmp_path / "in" / name).stat().st_mtime_ns
    assert (tmp_path / "out/color.jpg").read_bytes() == (tmp_path / "in/color.jpg").read_bytes()
    assert "Content Credentials cannot be put into BMP" in done.stderr


def test_what_cannot_sign_is_told_before_the_first_photo(run: Run, tmp_path: Path) -> None:
    chain, key, _ = make_certificates(tmp_path)
    (tmp_path / "other").mkdir()
    _, other, _ = make_certificates(tmp_path / "other")
    grey_photo("astronaut", (64, 48)).save(tmp_path / "a.jpg")
    for files in ((chain, other), (key, chain), (chain, tmp_path / "none.pem"), (tmp_path / "a.jpg", key)):
        told = run("colorize", tmp_path / "a.jpg", "-o", tmp_path / "out", "--c2pa", *files)
        assert told.exit_code == 2, told.output
        assert told.stderr.startswith("Error: ") and len(told.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_key_in_the_form_of_its_kind_signs_as_well(run: Run, tmp_path: Path) -> None:
    """As ``openssl ecparam -genkey`` and ``openssl ec`` write it (SEC 1), and not in PKCS #8."""
    chain, key, _ = make_certificates(tmp_path)
    secret = load_pem_private_key(key.read_bytes(), None)
    told = secret.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert told.startswith(b"-----BEGIN EC PRIVATE KEY-----")
    (tmp_path / "sec1.pem").write_bytes(told)
    grey_photo("astronaut", (64, 48)).save(tmp_path / "a.png")
    done = run("colorize", tmp_path / "a.png", "-o", tmp_path / "out", "--c2pa", chain, tmp_path / "sec1.pem")
    assert done.exit_code == 0, done.output
    reader = Reader("image/png", io.BytesIO((tmp_path / "out/a.png").read_bytes()))
    assert reader.get_validation_state() == "Valid"


def test_without_the_extra_it_is_said_how_to_install_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, key, _ = make_certificates(tmp_path)
    grey_photo("astronaut", (64, 48)).save(tmp_path / "a.jpg")
    monkeypatch.setattr("colorhub._extras.find_spec", lambda name: None)
    told = run("colorize", tmp_path / "a.jpg", "-o", tmp_path / "out", "--c2pa", chain, key)
    assert (told.exit_code, 'pip install "colorhub[c2pa]"' in told.stderr) == (1, True)
