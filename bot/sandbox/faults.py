"""Troubles on order: the next answers or notices of a platform go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ANSWER, NOTICE = "answer", "notice"

ALIASES = {
    "5xx": "error_5xx",
    "error5xx": "error_5xx",
    "http_5xx": "error_5xx",
    "server_error": "error_5xx",
    "timeout": "timeout_after",
    "time_out_after_doing_the_work": "timeout_after",
    "timeout_after_work": "timeout_after",
    "unsubscribed_follower": "unsubscribed",
    "unfunded_refund": "unfunded",
    "returned_payout": "returned",
}
# A platform that shows its certificate may show one that should not be believed.
CERTIFICATE_KINDS = ("wrong_chain", "expired_certificate", "wrong_name")
ANSWER_KINDS = frozenset(
    {
        "delay",
        "drop",
        "timeout_after",
        "error_5xx",
        "quota",
        "revoked_token",
        "unsubscribed",
        "unfunded",
        "wrong_signature",
        "abnormal",
        "returned",
        "processing",
        "errcode",
        *CERTIFICATE_KINDS,
    }
)
NOTICE_KINDS = frozenset(
    {
        "delay",
        "drop",
        "duplicate",
        "reorder",
        "wrong_amount",
        "wrong_signature",
        "wrong_merchant",
        "wrong_appid",
        "signtest",
        "stale",
        "tampered",
        *CERTIFICATE_KINDS,
    }
)
# Kinds that can befall both; for a payment platform they mean its notices unless `on` says so.
NOTICE_FIRST = frozenset({"wechat_pay", "alipay", "unionpay"})
# The bank sends none: what befalls a notice elsewhere befalls its statements and lists of lines.
SILENT = frozenset({"bank"})
GENERIC_KINDS = ("delay", "drop", "timeout_after", "error_5xx")


class UnknownFault(Exception):
    """No such kind of trouble, or not on that side."""


@dataclass(frozen=True)
class Fault:
    """One trouble: its kind, the side it befalls, whom it matches, and its own settings."""

    kind: str
    on: str
    match: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def seconds(self, otherwise: float) -> float:
        """Return the `seconds` setting, or what is usual for the kind."""
        return float(self.settings.get("seconds", otherwise))

    def befalls(self, facts: Mapping[str, str]) -> bool:
        """Tell whether all that `match` asks for is in the facts; unnamed ones in path or body."""
        whole = facts.get("path", "") + facts.get("body", "")
        return all(wanted in facts.get(name, whole) for name, wanted in self.match.items())


class Faults:
    """The troubles still to come, by platform, in the order they were asked for."""

    def __init__(self) -> None:
        """Begin without trouble."""
        self._coming: dict[str, list[tuple[Fault, int]]] = {}

    def add(self, platform: str, wish: Mapping[str, Any]) -> Fault:
        """Order a trouble from a control call's body; raises UnknownFault."""
        named = str(wish.get("kind", "")).strip().lower().replace(" ", "_").replace("-", "_")
        kind = ALIASES.get(named, named)
        side = str(wish.get("on") or self._usual_side(platform, kind))
        if kind not in (ANSWER_KINDS if side == ANSWER else NOTICE_KINDS):
            raise UnknownFault(f"{named} on {side}")
        match = {str(k): str(v) for k, v in dict(wish.get("match") or {}).items()}
        match |= {
            k: str(wish[k])
            for k in ("order_no", "refund_no", "openid", "path", "group")
            if wish.get(k)
        }
        rest = {k: v for k, v in wish.items() if k not in ("kind", "on", "times", "match")}
        fault = Fault(kind, side, match, rest)
        self._coming.setdefault(platform, []).append((fault, int(wish.get("times", 1))))
        return fault

    def clear(self, platform: str) -> None:
        """Forget every trouble of a platform."""
        self._coming.pop(platform, None)

    def clear_kind(self, platform: str, kind: str) -> None:
        """Forget a platform's troubles of one kind."""
        coming = self._coming.get(platform, [])
        self._coming[platform] = [(f, times) for f, times in coming if f.kind != kind]

    def pending(self, platform: str) -> list[dict[str, Any]]:
        """Return what is still to come, for a person to read."""
        return [
            {"kind": f.kind, "on": f.on, "times": times, "match": dict(f.match)}
            for f, times in self._coming.get(platform, [])
        ]

    def take(self, platform: str, on: str, facts: Mapping[str, str], *kinds: str) -> Fault | None:
        """Use up one of the first trouble of these kinds (any, if none named) that matches."""
        coming = self._coming.get(platform)
        if not coming:
            return None
        for place, (fault, times) in enumerate(coming):
            if fault.on == on and (not kinds or fault.kind in kinds) and fault.befalls(facts):
                if times <= 1:
                    del coming[place]
                else:
                    coming[place] = (fault, times - 1)
                return fault
        return None

    @staticmethod
    def _usual_side(platform: str, kind: str) -> str:
        if kind in ANSWER_KINDS and kind in NOTICE_KINDS:
            is_signature = kind == "wrong_signature" and platform not in SILENT
            is_notice = platform in NOTICE_FIRST or is_signature
            return NOTICE if is_notice else ANSWER
        return ANSWER if kind in ANSWER_KINDS else NOTICE
