"""What a deployment is told, and how it hears of its mistakes."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from bot import config
from bot.config import ConfigError, WebSettings
from bot.gateways.registry import kind_of

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
SECRETS = {
    "links": "x" * 40,
    "app_secret": "s" * 32,
    "token": "token-of-ours",
    "aes_key": "A" * 43,
    "api_v3_key": "k" * 32,
    "apiclient_key.pem": "",
    "pub_key.pem": "",
}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Return the example as an operator fills it in: the same keys, secrets in files."""
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    for name, secret in SECRETS.items():
        (tmp_path / "secrets" / name).write_text(secret + "\n", encoding="utf-8")
    return path


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_the_example_is_a_configuration_that_works(example: Path):
    settings = config.read(example)

    kind, official = settings.channels["main"]
    assert kind == "wechat_official"
    assert official.app_secret == "s" * 32
    assert official.templates["reminder"].fields["thing1"] == "unit"
    assert settings.gateways["wechat_pay"].api_v3_key == "k" * 32
    assert settings.web.verify_dir == example.parent.resolve() / "verify"


def test_every_key_of_the_example_is_read_and_every_section_is_in_it():
    table = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))

    sections = {"web", "company", "links", "database", "backup", "log", "channels", "gateways"}
    assert set(table) == sections | {"reconciliation", "alarms"}


def test_every_key_of_the_web_stands_in_the_example():
    table = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))

    assert set(table["web"]) == {one.name for one in fields(WebSettings)}


def test_no_language_model_is_asked_unless_one_is_configured(example: Path):
    assert config.read(example).understanding.language_model is None


def with_model(path: Path, *lines: str) -> Path:
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(["", "[understanding.language_model]", *lines, ""]))
    return path


def test_a_language_model_is_read_with_its_key_from_a_file_or_the_environment(
    example: Path, monkeypatch: pytest.MonkeyPatch
):
    (example.parent / "secrets" / "language_model").write_text("k-file\n", encoding="utf-8")
    lines = ('url = "https://api.example.com/v1"', 'model = "m-1"')
    with_model(example, *lines, 'key_file = "secrets/language_model"')

    model = config.read(example).understanding.language_model
    assert model is not None
    assert (model.model, model.key, model.timeout_seconds) == ("m-1", "k-file", 1.5)

    changed(example, 'key_file = "secrets/language_model"', "")
    monkeypatch.setenv("WUYEBOT_UNDERSTANDING_LANGUAGE_MODEL_KEY", "k-env")
    model = config.read(example).understanding.language_model
    assert model is not None
    assert model.key == "k-env"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (('url = "http://api.example.com"', 'model = "m"'), "only https leaves the house"),
        (('url = "https://api.example.com"',), "model is missing"),
        (('url = "https://api.example.com"', 'modell = "m"'), 'did you mean "model"'),
    ],
)
def test_a_language_model_that_cannot_be_right_is_refused(example: Path, lines, why):
    with pytest.raises(ConfigError, match=why) as refused:
        config.read(with_model(example, *lines))

    assert "[understanding.language_model]" in str(refused.value)


def test_a_limit_below_nothing_is_refused(example: Path):
    changed(example, "requests_per_minute = 300", "requests_per_minute = -1")

    with pytest.raises(ConfigError, match=r"\[web\] requests_per_minute: at least 0"):
        config.read(example)


def test_an_unknown_key_is_an_error_that_names_the_nearest(example: Path):
    changed(example, "mchid =", "mch_id =")

    with pytest.raises(ConfigError, match=r'\[gateways\.wechat_pay\] has no key "mch_id"'):
        config.read(example)
    with pytest.raises(ConfigError, match=r'did you mean "mchid"\?'):
        config.read(example)


def test_an_unknown_section_is_an_error(example: Path):
    changed(example, "[backup]", "[backups]")

    with pytest.raises(ConfigError, match=r'has no key "backups" \(did you mean "backup"\?\)'):
        config.read(example)


@pytest.mark.parametrize("secret", ["app_secret", "token", "aes_key", "links"])
def test_n04_an_empty_secret_refuses_to_start(example: Path, secret: str):
    (example.parent / "secrets" / secret).write_text("\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="is empty; set it"):
        config.read(example)


def test_n04_a_short_link_secret_refuses_to_start(example: Path):
    (example.parent / "secrets" / "links").write_text("short", encoding="utf-8")

    with pytest.raises(ConfigError, match="secret needs at least 32 characters"):
        config.read(example)


def test_a_secret_may_come_from_the_environment(example: Path, monkeypatch: pytest.MonkeyPatch):
    changed(example, 'app_secret_file = "secrets/app_secret"', "")
    monkeypatch.setenv("WUYEBOT_CHANNELS_MAIN_APP_SECRET", "from-the-environment")

    assert config.read(example).channels["main"][1].app_secret == "from-the-environment"


def test_a_missing_key_is_named(example: Path):
    changed(example, 'base_url = "https://wuye.example.com"', "")

    with pytest.raises(ConfigError, match=r"\[web\] base_url is missing, and has no default"):
        config.read(example)


def test_a_wrong_type_is_named(example: Path):
    changed(example, "port = 8080", 'port = "eighty"')

    with pytest.raises(ConfigError, match=r"\[web\] port: Expected `int`"):
        config.read(example)


def test_n04_a_plain_http_notify_url_is_refused(example: Path):
    changed(
        example,
        'notify_url = "https://wuye.example.com/notify',
        'notify_url = "http://wuye.example.com/notify',
    )

    with pytest.raises(ConfigError, match="notify_url"):
        config.read(example)


def test_n01_no_secret_is_printed_with_the_settings(example: Path):
    printed = repr(config.read(example))

    assert not [one for one in SECRETS.values() if one and one in printed]


def test_a_second_merchant_of_a_platform_has_a_name_that_begins_with_it():
    assert kind_of("wechat_pay") == "wechat_pay"
    assert kind_of("wechat_pay_lake") == "wechat_pay"
    with pytest.raises(KeyError):
        kind_of("wechat_paylake")


@pytest.mark.parametrize(("percent", "ppm"), [("0.6", 6_000), ("0.38", 3_800), ("1", 10_000)])
def test_an_agreed_fee_is_read_to_the_millionth(example: Path, percent: str, ppm: int):
    line = f'fee_percent = {{ wechat_pay = "{percent}" }}'
    changed(example, '# fee_percent = { wechat_pay = "0.6" }', f"{line}  #")

    assert config.read(example).reconciliation.fee_ppm() == {"wechat_pay": ppm}


@pytest.mark.parametrize("percent", ["", "0.6%", "-1", "0.00001", "六"])
def test_what_is_no_rate_is_refused(example: Path, percent: str):
    line = f'fee_percent = {{ wechat_pay = "{percent}" }}'
    changed(example, '# fee_percent = { wechat_pay = "0.6" }', f"{line}  #")

    with pytest.raises(ConfigError, match="is no rate"):
        config.read(example)
