"""What a deployment is told: one TOML file, secrets from files or the environment.

An unknown key is an error that names the nearest one; an empty secret refuses to start. Choices
of a community (late fees, reminder days) are not here: they are dated truth in the database.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn, get_type_hints

import msgspec

from bot.channels.registry import CHANNELS, load_channel
from bot.gateways.registry import GATEWAYS, kind_of
from bot.language_model import Config as LanguageModelConfig
from storage import crashpoints
from storage.frozen import dataclass
from storage.lazy import load

LONGEST_GATEWAY: Final = 20


class ConfigError(Exception):
    """The configuration cannot be used; the text says what, where and what to do."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the books are."""

    url: str = "sqlite+aiosqlite:///wuyebot.db"


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where we answer, and under which address the street finds us."""

    base_url: str
    host: str = "127.0.0.1"
    port: int = 8080
    address_header: str = ""
    requests_per_minute: int = 300
    verify_dir: Path | None = None
    link_hosts: tuple[str, ...] = ()
    """Where links in a community's own words may lead, besides our own address."""

    def __post_init__(self) -> None:
        """Refuse a limit that is none. Raises ValueError."""
        if self.requests_per_minute < 0:
            raise ValueError("requests_per_minute: at least 0 (0: no limit)")


@dataclass(frozen=True, slots=True)
class CompanySettings:
    """What the front page says of the company."""

    name: str
    phone: str = ""
    services: str = "物业费查询与缴纳、退款、通知"
    filing_no: str = ""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """The key that pay links are signed with: at least 32 characters."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """Where nightly copies of a SQLite database go."""

    dir: Path = Path("backups")


@dataclass(frozen=True, slots=True)
class ReconciliationSettings:
    """Where platforms' statements are kept, and which fee was agreed with each."""

    dir: Path = Path("statements")
    fee_percent: Mapping[str, str] = field(default_factory=dict)
    """Gateway → percent of each payment, written "0.6"."""

    def __post_init__(self) -> None:
        """Refuse what is no rate. Raises ValueError."""
        self.fee_ppm()

    def fee_ppm(self) -> dict[str, int]:
        """Return the rates in millionths."""
        return {name: _ppm(name, percent) for name, percent in self.fee_percent.items()}


def _ppm(name: str, percent: str) -> int:
    found = re.fullmatch(r"([0-9]{1,2})(?:[.]([0-9]{1,4}))?", percent)
    if found is None:
        raise ValueError(f'fee_percent: {name} = {percent!r} is no rate; write it as "0.6"')
    return int(found[1]) * 10_000 + int((found[2] or "").ljust(4, "0"))


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """Which group hears of troubles of the running itself."""

    group: str = ""
    """A group of the robots' account "wecom"; "" tells nobody."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How much is logged."""

    level: str = "INFO"


@dataclass(frozen=True, slots=True)
class UnderstandingSettings:
    """What helps the recogniser, where anything does."""

    language_model: LanguageModelConfig | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a deployment decides."""

    web: WebSettings
    company: CompanySettings
    links: LinkSettings
    database: DatabaseSettings = DatabaseSettings()
    backup: BackupSettings = BackupSettings()
    reconciliation: ReconciliationSettings = ReconciliationSettings()
    alarms: AlarmSettings = AlarmSettings()
    log: LogSettings = LogSettings()
    understanding: UnderstandingSettings = UnderstandingSettings()
    channels: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    """Account name → (kind, the adapter's Config)."""
    gateways: Mapping[str, Any] = field(default_factory=dict)
    """Gateway name → the adapter's Config."""


def read(path: Path) -> Settings:
    """Read a configuration file. Raises ConfigError that says what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as trouble:
        raise ConfigError(
            f"{path}: cannot be read ({trouble.strerror}); copy config.example.toml and fill it in"
        ) from trouble
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as trouble:
        raise ConfigError(f"{path}: is not valid TOML: {trouble}") from trouble
    return from_tables(table, name=path.name, base=path.parent)


def from_tables(table: Mapping[str, Any], *, name: str, base: Path) -> Settings:
    """Build the settings from TOML tables; relative paths count from `base`. Raises ConfigError."""
    reader = _Reader(name, base)
    reader.check_keys("", table, [one.name for one in fields(Settings)])
    sections = {
        "web": WebSettings,
        "company": CompanySettings,
        "links": LinkSettings,
        "database": DatabaseSettings,
        "backup": BackupSettings,
        "reconciliation": ReconciliationSettings,
        "alarms": AlarmSettings,
        "log": LogSettings,
    }
    built = {key: reader.build(key, kind, table.get(key, {})) for key, kind in sections.items()}
    channels = {
        account: reader.channel(account, dict(one))
        for account, one in table.get("channels", {}).items()
    }
    gateways = {
        name: reader.gateway(name, dict(one)) for name, one in table.get("gateways", {}).items()
    }
    if len(built["links"].secret) < 32:
        raise ConfigError(f"{name}: [links] secret needs at least 32 characters")
    built["database"] = DatabaseSettings(_anchored(built["database"].url, base))
    kept = built["reconciliation"]
    built["reconciliation"] = replace(kept, dir=(base / kept.dir).resolve())
    built["backup"] = BackupSettings((base / built["backup"].dir).resolve())
    built["understanding"] = reader.understanding(table.get("understanding", {}))
    return Settings(**built, channels=channels, gateways=gateways)


def _anchored(url: str, base: Path) -> str:
    """Return a database's URL; a SQLite file that is named without its folder is in `base`."""
    scheme, found, file = url.partition(":///")
    is_relative = found and scheme.startswith("sqlite") and not file.startswith("/")
    return f"{scheme}:///{(base / file).resolve()}" if is_relative else url


class _Reader:
    def __init__(self, name: str, base: Path) -> None:
        self._name, self._base = name, base

    def channel(self, account: str, table: dict[str, Any]) -> tuple[str, Any]:
        where = f"channels.{account}"
        kind = table.pop("kind", "")
        kinds = [name for name, _, _ in CHANNELS]
        if kind not in kinds:
            self._fail(where, f"kind must be one of {', '.join(kinds)}, not {kind!r}")
        module, _ = load_channel(kind)
        return kind, self.build(where, module.Config, {"name": account, **table})

    def gateway(self, name: str, table: dict[str, Any]) -> Any:  # noqa: ANN401
        where = f"gateways.{name}"
        try:
            module = load(GATEWAYS[kind_of(name)])
        except KeyError:
            self._fail(where, f"there is no such gateway{_nearest(name, GATEWAYS)}")
        if len(name) > LONGEST_GATEWAY:
            self._fail(where, f"the name may have at most {LONGEST_GATEWAY} letters")
        return self.build(where, module.Config, {"name": name, **table})

    def understanding(self, table: Mapping[str, Any]) -> UnderstandingSettings:
        where = "understanding"
        self.check_keys(where, table, [one.name for one in fields(UnderstandingSettings)])
        told = table.get("language_model")
        if told is None:
            return UnderstandingSettings()
        return UnderstandingSettings(
            self.build(f"{where}.language_model", LanguageModelConfig, told)
        )

    def build(self, where: str, kind: Any, table: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Fill a settings dataclass from its table."""
        known = {one.name: one for one in fields(kind)}
        secrets = [key for key, one in known.items() if not one.repr]
        values = self._with_secrets(where, dict(table), secrets)
        self.check_keys(where, values, known)
        for key, one in known.items():
            no_default = one.default is MISSING and one.default_factory is MISSING
            if no_default and key not in values:
                self._fail(where, f"{key} is missing, and has no default")
        hints = get_type_hints(kind)
        filled = {key: self._convert(where, key, hints[key], one) for key, one in values.items()}
        try:
            return kind(**filled)
        except ValueError as trouble:
            self._fail(where, str(trouble))

    def _with_secrets(
        self, where: str, table: dict[str, Any], secrets: Iterable[str]
    ) -> dict[str, Any]:
        """Take each secret from its key, its `<key>_file`, or the environment."""
        for key in secrets:
            variable = "WUYEBOT_" + f"{where}_{key}".upper().replace(".", "_")
            path = table.pop(f"{key}_file", None)
            if path is not None:
                table[key] = self._secret_file(where, f"{key}_file", path)
            elif key not in table and variable in os.environ:
                table[key] = os.environ[variable]
            if table.get(key) == "":
                self._fail(where, f"{key} is empty; set it, {key}_file, or {variable}")
        return table

    def _secret_file(self, where: str, key: str, path: str) -> str:
        try:
            return (self._base / path).read_text(encoding="utf-8").strip()
        except OSError as trouble:
            self._fail(where, f"{key}: {path} cannot be read ({trouble.strerror})")

    def _convert(self, where: str, key: str, hint: Any, value: Any) -> Any:  # noqa: ANN401
        if hint in (Path, Path | None) and isinstance(value, str):
            return (self._base / value).resolve() if value else None
        if is_dataclass(value):
            return value
        try:
            return msgspec.convert(value, hint, dec_hook=_path)
        except msgspec.ValidationError as trouble:
            self._fail(where, f"{key}: {trouble}")

    def check_keys(self, where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
        known = list(known)
        for key in table:
            if key not in known:
                self._fail(where, f'has no key "{key}"{_nearest(key, known)}')

    def _fail(self, where: str, what: str) -> NoReturn:
        place = f"[{where}] " if where else ""
        raise ConfigError(f"{self._name}: {place}{what}")


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise TypeError(f"no setting is a {kind}")


def _nearest(key: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f' (did you mean "{found[0]}"?)' if found else ""


def arm_crashpoints() -> None:
    """Let a test name a place to die at: WUYEBOT_CRASH="settle.before_commit:2"."""
    for one in os.environ.get("WUYEBOT_CRASH", "").split(","):
        name, _, count = one.partition(":")
        if name:
            crashpoints.armed[name] = int(count or 1)
