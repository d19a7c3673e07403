"""A merchant account that cannot work is refused at the start, by the name of its key."""

import io
import tomllib
from contextlib import redirect_stdout
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.gateways.unionpay import Config, UnionPay
from bot.gateways.unionpay_config import SIGNER_NAME
from tests.bot.gateways import unionpay_platform as platforms
from tests.bot.gateways.unionpay_platform import NOW

Table = dict[str, object]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", ""),
        ("merchant_id", ""),
        ("merchant_id", "7772900581100481"),
        ("merchant_id", "７７７290058110048"),
        ("signer_name", ""),
        ("signer_name", "a@b"),
        ("timeout_seconds", 0.0),
        ("notify_url", "http://bot.example.com/notify"),
        ("notify_url", "https://bot.example.com/notify?a=1"),
        ("base_url", "gateway.95516.com"),
        ("file_url", "http://filedownload.95516.com"),
    ],
)
def test_what_cannot_work_is_named(unionpay_settings: Table, key: str, value: object):
    with pytest.raises(ValueError, match=rf"^{key}: "):
        Config(**{**unionpay_settings, key: value})  # type: ignore[arg-type]


def test_the_platform_is_the_real_one_unless_another_is_named(unionpay_settings: Table):
    plain = {key: word for key, word in unionpay_settings.items() if key != "signer_name"}
    config = Config(**plain)  # type: ignore[arg-type]

    assert config.base_url == "https://gateway.95516.com"
    assert config.file_url == "https://filedownload.95516.com"
    assert config.signer_name == SIGNER_NAME == "中国银联股份有限公司"


def test_a_password_is_never_shown(unionpay_settings: Table):
    config = Config(**{**unionpay_settings, "sign_certificate_password": "canary-0451"})  # type: ignore[arg-type]

    assert "canary-0451" not in repr(config)


def loads(table: Table) -> UnionPay:
    return UnionPay(Config(**table), None, now=lambda: NOW)  # type: ignore[arg-type]


def test_a_pfx_and_pem_files_are_the_same_merchant(
    unionpay_settings: Table, unionpay_files: dict[str, Path], tmp_path: Path
):
    both = tmp_path / "both.pem"
    both.write_bytes(
        unionpay_files["key"].read_bytes() + unionpay_files["certificate"].read_bytes()
    )
    beside: Table = {
        "sign_certificate_file": unionpay_files["certificate"],
        "sign_key_file": unionpay_files["key"],
        "sign_certificate_password": "",
    }
    in_one: Table = {"sign_certificate_file": both, "sign_certificate_password": ""}

    forms = [
        loads({**unionpay_settings, **changes})._wire.signed({"orderId": "W2603020001"})
        for changes in ({}, beside, in_one)
    ]

    assert forms[0] == forms[1] == forms[2]
    assert forms[0]["certId"] == str(platforms.merchant().serial_number)


def test_the_roots_file_may_hold_the_middle_certificate(unionpay_settings: Table, tmp_path: Path):
    both = tmp_path / "chain.pem"
    both.write_text(platforms.pem(platforms.root(), platforms.middle()))
    table = {**unionpay_settings, "root_certificate_file": both, "middle_certificate_file": None}

    request = platforms.posted(platforms.sealed(platforms.paid_words()))
    assert loads(table).read_webhook(request, now=NOW)


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("sign_certificate_file", b""),
        ("sign_certificate_file", b"-----BEGIN NOTHING-----"),
        ("sign_certificate_file", platforms.pem(platforms.merchant()).encode()),
        (
            "sign_certificate_file",
            platforms.key_pem("stranger") + platforms.pem(platforms.merchant()).encode(),
        ),
        (
            "sign_certificate_file",
            platforms.key_pem("weak")
            + platforms.pem(platforms.certificate("weak", "weak", "middle")).encode(),
        ),
        ("root_certificate_file", b""),
        ("root_certificate_file", b"no certificate"),
        ("root_certificate_file", platforms.pem(platforms.middle()).encode()),
        ("middle_certificate_file", b"no certificate"),
        ("middle_certificate_file", platforms.pem(platforms.merchant()).encode()),
    ],
)
def test_a_file_that_does_not_do_is_named(
    unionpay_settings: Table, tmp_path: Path, key: str, content: bytes
):
    path = tmp_path / "file.pem"
    path.write_bytes(content)
    table = {**unionpay_settings, "sign_certificate_password": "", key: path}
    if key != "sign_certificate_file":
        table["sign_certificate_password"] = platforms.PASSWORD

    with pytest.raises(ValueError, match=rf"^{key}: "):
        loads(table)


@pytest.mark.parametrize("key", ["sign_certificate_file", "root_certificate_file"])
def test_a_file_that_is_not_there_is_named(unionpay_settings: Table, tmp_path: Path, key: str):
    with pytest.raises(ValueError, match=rf"^{key}: "):
        loads({**unionpay_settings, key: tmp_path / "nowhere.pem"})


def test_a_wrong_password_is_named(unionpay_settings: Table):
    with pytest.raises(ValueError, match=r"^sign_certificate_file: "):
        loads({**unionpay_settings, "sign_certificate_password": "111111"})


EXAMPLE = Path(__file__).parents[3] / "config.example.toml"


def test_every_key_stands_in_the_example():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    at = lines.index("# [gateways.unionpay]")
    section = [line.removeprefix("# ") for line in lines[at : at + 13]]

    table = tomllib.loads("\n".join(section))["gateways"]["unionpay"]

    named = {key.removesuffix("_file") if "password" in key else key for key in table}
    assert named == {one.name for one in fields(Config)} - {"name"}


def doctored(folder: Path, files: dict[str, Path]) -> str:
    (folder / "links").write_text("x" * 40, encoding="utf-8")
    (folder / "password").write_text(platforms.PASSWORD + "\n", encoding="utf-8")
    config = folder / "config.toml"
    config.write_text(
        f"""
        [web]
        base_url = "https://bot.example.com"
        [company]
        name = "某某物业"
        [links]
        secret_file = "links"
        [gateways.unionpay]
        merchant_id = "{platforms.MERCHANT}"
        sign_certificate_file = "{files["pfx"]}"
        sign_certificate_password_file = "password"
        root_certificate_file = "{files["root"]}"
        middle_certificate_file = "{files["middle"]}"
        notify_url = "https://bot.example.com/notify/unionpay/main"
        """,
        encoding="utf-8",
    )
    with redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit):
        main(["doctor", "--offline", "--config", str(config)])
    return out.getvalue()


@pytest.mark.parametrize(
    ("days", "line"),
    [
        (61, "ok    gateways.unionpay: keys load"),
        (30, "warn  gateways.unionpay: a certificate ends on "),
        (-1, "bad   gateways.unionpay: a certificate ended on "),
    ],
)
def test_the_doctor_looks_at_keys_and_at_when_certificates_end(
    tmp_path: Path, days: int, line: str
):
    files = platforms.write_files(tmp_path)
    ends_at = datetime.now(UTC) + timedelta(days=days, hours=1)
    begins_at = ends_at - timedelta(days=400)
    root = platforms.certificate("root", "CFCA TEST ROOT", begins_at=begins_at, ends_at=ends_at)
    files["root"].write_text(platforms.pem(root))

    said = doctored(tmp_path, files)

    assert line in said
    assert ("a certificate end" in said) == (days <= 60)
