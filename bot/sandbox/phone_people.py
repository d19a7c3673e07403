"""Who the phone's people are: names, flats, roles; told by the demo, kept beside the books."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.sandbox.clock import from_ms, iso
from bot.sandbox.official_account import Person
from bot.sandbox.wecom_app import FACE
from bot.sandbox.world import World

KEPT = "phone_people.json"
FIELDS = ("name", "phone", "unit_label", "community", "bound", "role", "bind_words")
BOUND = re.compile(r"绑定成功|绑定好了|已绑定|已经绑定|已为您绑定")
UNBOUND = re.compile(r"已解绑|解绑成功|解除绑定成功|已解除绑定")
UNIT = re.compile(r"[0-9]+\s*(?:栋|幢|号楼|座)[0-9一-鿿单元室-]*[0-9]+室?|[0-9]+-[0-9]+-[0-9]+")


class PhoneDirectory:
    """What the demo told: `residents`, `staff`, and `members` of `wecom`, as in demo.json."""

    def __init__(self, world: World) -> None:
        """Read what was told before, or the demo's own file beside the sandbox's folder."""
        self._world = world
        self._told: dict[str, dict[str, Any]] = {}
        self._kept = world.folder / KEPT

    def take(self, told: Mapping[str, Any]) -> int:
        """Take people in the shape of demo.json; return how many are known now."""
        members = told.get("wecom", {}).get("members", [])
        at_work = [{**row, "openid": FACE + str(row["userid"])} for row in members]
        for row in [*told.get("residents", []), *told.get("staff", []), *at_work]:
            if not isinstance(row, dict) or not isinstance(row.get("openid"), str):
                raise TypeError("each person needs an openid")
            kept = self._told.setdefault(row["openid"], {"units": []})
            unit = row.get("unit_label")
            if unit and unit not in kept["units"]:
                kept["units"].append(unit)
            kept.update({name: row[name] for name in FIELDS if name in row})
        return len(self._told)

    def keep(self) -> None:
        """Write down what was told, for the next start."""
        fresh = self._kept.with_suffix(".new")
        fresh.write_text(json.dumps(self._told, ensure_ascii=False), encoding="utf-8")
        fresh.replace(self._kept)

    def people(self) -> list[dict[str, Any]]:
        """Return everybody who came, in that order, then who was told of and may still come."""
        self._read()
        changes = self._bindings()
        came = {person.openid: person for person in self._world.account.people()}
        at_work = {FACE + userid: name for userid, name in self._world.office.members().items()}
        openids = [*came, *(one for one in self._told if one not in came and one not in at_work)]
        shown = [self._shown(openid, came.get(openid), changes) for openid in openids]
        return shown + [self._at_work(openid, name) for openid, name in at_work.items()]

    def _at_work(self, openid: str, name: str) -> dict[str, Any]:
        """Show a member of the corporation as she sits before the WeCom app."""
        known = {"role": "steward", **self._told.get(openid, {})}
        is_bound = any(
            "已绑定" in one["text"] for one in self._world.office.inbox(openid.removeprefix(FACE))
        )
        here = {"openid": openid, "name": name, "came": True, "follows": True, "at_work": True}
        return known | here | {"bound": is_bound}

    def _shown(
        self, openid: str, person: Person | None, changes: Mapping[str, tuple[bool, str]]
    ) -> dict[str, Any]:
        known = self._told.get(openid, {})
        shown: dict[str, Any] = {"openid": openid, "came": person is not None, **known}
        shown["follows"] = person is not None and person.follows
        if person is not None:
            shown.setdefault("name", person.nickname)
        if openid in changes:
            is_bound, unit = changes[openid]
            shown["bound"] = is_bound
            if unit and not shown.get("units"):
                shown["units"] = [unit]
        return shown

    def _bindings(self) -> dict[str, tuple[bool, str]]:
        """Return who was last told to be bound (with the flat named) or unbound, in chat."""
        rows = self._world.account.book.rows(
            "SELECT openid, text FROM messages WHERE side = 'account' AND text LIKE '%绑%' "
            "ORDER BY seq"
        )
        changes: dict[str, tuple[bool, str]] = {}
        for row in rows:
            unit = UNIT.search(row["text"])
            if UNBOUND.search(row["text"]):
                changes[row["openid"]] = (False, "")
            elif BOUND.search(row["text"]):
                changes[row["openid"]] = (True, unit.group() if unit else "")
        return changes

    def _read(self) -> None:
        """Read the kept file or the demo's, once there is one."""
        if self._told:
            return
        if self._kept.exists():
            self._told = json.loads(self._kept.read_text(encoding="utf-8"))
            return
        for folder in (self._world.folder, self._world.folder.parent):
            facts = _facts(folder / "demo.json")
            if facts:
                self.take(facts)
                return


def _facts(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def conversation(world: World, openid: str, after: int) -> list[dict[str, Any]] | None:
    """Return both sides of somebody's chat after a number, None where nobody has that name."""
    if openid.startswith(FACE):
        userid = openid.removeprefix(FACE)
        return (
            world.office.conversation(userid, after) if userid in world.office.members() else None
        )
    if world.account.person(openid) is None:
        return None
    return world.account.conversation(openid, after)


def last_messages(world: World) -> dict[str, dict[str, Any]]:
    """Return the last message of every chat: its text and its instant."""
    rows = world.account.book.rows(
        "SELECT openid, text, at_ms FROM messages "
        "WHERE seq IN (SELECT MAX(seq) FROM messages GROUP BY openid)"
    )
    last = {row["openid"]: {"text": row["text"], "at": iso(from_ms(row["at_ms"]))} for row in rows}
    for userid in world.office.members():
        for message in world.office.conversation(userid)[-1:]:
            last[FACE + userid] = {"text": message["text"], "at": message["at"]}
    return last


def open_codes(world: World) -> list[dict[str, Any]]:
    """Return the newest QR codes that wait for a payer, at most five."""
    rows = world.pay.book.book.rows(
        "SELECT h.handle, h.at_ms, t.order_no, t.amount_fen, t.description FROM handles h "
        "JOIN trades t ON t.order_no = h.order_no "
        "WHERE t.kind = 'NATIVE' AND t.state = 'open' ORDER BY h.at_ms DESC, h.rowid DESC LIMIT 5"
    )
    return [
        {
            "code": row["handle"],
            "order_no": row["order_no"],
            "amount_fen": row["amount_fen"],
            "description": row["description"],
            "at": iso(from_ms(row["at_ms"])),
        }
        for row in rows
    ]
