"""Keys of platforms: PEM or bare base64, one hash, one scheme."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bot.gateways import rsa
from tests.bot.gateways.wechat_platform import rsa_key


@pytest.mark.parametrize("wrong", ["A", "====", "QU\n!!JD", "QUJD ", "QUJDRB==", "签"])
def test_base64_with_anything_else_in_it_is_refused(wrong: str):
    with pytest.raises(ValueError, match=r"base64|ASCII"):
        rsa.unbase64(wrong)


def test_a_signature_in_another_scheme_or_hash_is_no_signature():
    key = rsa_key("public")
    salted = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)

    for signature in (
        key.sign(b"said", padding.PKCS1v15(), hashes.SHA1()),
        key.sign(b"said", padding.PKCS1v15(), hashes.SHA512()),
        key.sign(b"said", salted, hashes.SHA256()),
    ):
        written = base64.b64encode(signature).decode()
        assert not rsa.verifies(key.public_key(), written, b"said")


PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
PKCS8 = serialization.PrivateFormat.PKCS8


@pytest.mark.parametrize("form", [PKCS1, PKCS8])
def test_keys_are_read_as_pem_or_as_the_platforms_tools_write_them(
    form: serialization.PrivateFormat, tmp_path: Path
):
    key, path = rsa_key("merchant"), tmp_path / "key"

    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
        raw = key.private_bytes(encoding, form, serialization.NoEncryption())
        path.write_bytes(raw if encoding is serialization.Encoding.PEM else base64.encodebytes(raw))
        assert rsa.read_private_key(path).private_numbers() == key.private_numbers()

    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    path.write_bytes(base64.b64encode(public))
    assert rsa.read_public_key(path).public_numbers() == key.public_key().public_numbers()


def test_a_short_key_is_refused(tmp_path: Path):
    key, path = generate_private_key(public_exponent=65537, key_size=1024), tmp_path / "key"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, PKCS8, serialization.NoEncryption())
    )

    with pytest.raises(ValueError, match="2048 bits"):
        rsa.read_private_key(path)
