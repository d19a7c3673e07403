"""Binding a flat (绑定): in one message or step by step, proved against the register."""

import re
from typing import Any, Final

from handlers import corrections, words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.residents import (
    BindingClaim,
    BindingOutcome,
    apply_for_binding,
    bind,
    bind_others,
    note_try,
)
from storage.ports.chat import OutgoingMessage
from storage.queries.households import binding_needs_code

ALL: Final = "都绑定"
KEPT: Final = ("unit", "name", "phone", "code", "said")

ASKS: Final = {
    "unit": "好的，来绑定房屋。\n请问您的房号？例如：3-2-1201，或者 3栋2单元1201。",
    "whole_unit": "请把楼栋、单元、房号说全，例如：3-2-1201，或者 3栋2单元1201。",
    "name": "请问房屋登记的姓名？",
    "phone": "请问登记的手机号？",
    "code": "请输入纸质账单上的6位绑定码。\n没有纸质账单，回复“申请”，请管家核对。",
}

AGAIN: Final = {
    "unit": "没看出房号。请写成 3-2-1201，或者 3栋2单元1201；房号印在物业账单上。\n"
    "不绑定了，回复“算了”。",
    "name": "没看出姓名。请只写房屋登记的姓名，例如：李秀英。\n不绑定了，回复“算了”。",
    "phone": "没看出手机号。请只写11位数字，例如：13800001234。\n不绑定了，回复“算了”。",
    "code": "绑定码是纸质账单上的6位数字，请再看一下。\n没有纸质账单，回复“申请”，请管家核对。",
}
"""What is said where an answer did not hold what was asked for."""

ASKS_PLAINLY: Final = {
    "unit": "您家几栋几单元几号？\n例如：3栋2单元1201",
    "whole_unit": "请说全一点。\n例如：3栋2单元1201",
    "name": "登记的是谁的名字？",
    "phone": "登记的手机号是多少？",
    "code": "账单纸上有6位绑定码。\n请发给我。\n没有，回复“申请”。",
}
AGAIN_PLAINLY: Final = {
    "unit": "没看懂房号。\n例如：3栋2单元1201\n不绑了，回复“算了”。",
    "name": "没看懂名字。\n只写名字就行。\n不绑了，回复“算了”。",
    "phone": "没看懂手机号。\n只写11位数字。\n不绑了，回复“算了”。",
    "code": "绑定码是6位数字。\n印在账单纸上。\n没有，回复“申请”。",
}

_PARTIAL: Final = regex(r"[0-9]{1,4}|[0-9]+单元[0-9]*|[0-9A-Z]+(?:栋|幢|号楼).*")
_NAME: Final = regex(
    r"[\u4e00-\u9fff\u3400-\u4dbfA-Za-z][\u4e00-\u9fff\u3400-\u4dbfA-Za-z·• .]{1,19}"
)
_LEAD: Final = regex(r"^(?:我的?名字(?:是|叫)|我叫|我是|姓名(?:是|：|:)?|名字(?:是|叫|：|:)?|叫) ?")
_CODE: Final = regex(r"(?<![0-9A-Za-z-])[0-9]{6}(?![0-9A-Za-z-])")
_PHONE: Final = regex(r"[0-9][0-9 -]{5,14}[0-9]")
_BREAKS: Final = regex(r"[\s,，、;；。:：]+")
_NOT_A_NAME: Final = regex(r"绑定|绑|认证|登记|注册|申请|小区|花园|家园|房|单元|手机|电话|号")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Begin with whatever was said at once, and ask for the rest."""
    return await _advance(turn, deps, _merged(turn, {"said": turn.understood.text}))


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the next part, the choice of a community, an application, or the other flats."""
    facts = dict(turn.memory.facts)
    known = {name: fact for name, fact in facts.items() if name in KEPT}
    asks, text = facts.get("asks", ""), turn.understood.text
    if words.APPLY in text and asks in ("code", "proof"):
        return await _apply(turn, deps, known)
    if asks == "others":
        return await _bind_others(turn, deps, known)
    if asks == "community":
        return await _in_community(turn, deps, known, facts["choices"])
    return await _advance(turn, deps, _merged(turn, known, asks))


def _merged(turn: Turn, known: dict[str, Any], asks: str = "") -> dict[str, Any]:
    """Add what this message says to what is known; a bare answer fills what was asked."""
    slots, text = turn.understood.slots, turn.understood.text.strip()
    named = {"unit": slots.unit, "name": slots.name, "phone": slots.phone}
    if corrected := corrections.put_right(known.get("unit", ""), text):
        named = {"unit": corrected}
    elif asks == "code" and _CODE.search(text):
        named = {"code": _CODE.findall(text)[-1]}
    elif asks == "unit" and slots.unit is None and any(letter.isdigit() for letter in text):
        named["unit"] = text[:20]
    elif asks == "phone" and slots.phone is None and (found := _PHONE.search(text)):
        named["phone"] = re.sub(r"[ -]", "", found[0])
    elif slots.name is None and (asks == "name" or slots.phone is not None):
        named["name"] = _name_in(text, is_asked=asks == "name")
    if slots.phone is not None and (codes := _CODE.findall(text)):
        named["code"] = codes[-1]
    return known | {name: fact for name, fact in named.items() if fact}


def _name_in(text: str, *, is_asked: bool) -> str | None:
    """Return the word of a message that can be a name, or None."""
    bare = _LEAD.sub("", text).strip(" ，,。.!！")
    if is_asked and _NAME.fullmatch(bare):
        return bare
    pieces = [one for one in _BREAKS.split(bare) if _NAME.fullmatch(one)]
    found = [one for one in pieces if not _NOT_A_NAME.search(one)]
    return found[0] if len(found) == 1 else None


async def _advance(turn: Turn, deps: HandlerDeps, known: dict[str, Any]) -> OutgoingMessage:
    """Ask for the first part that is missing, or prove the claim."""
    if "unit" in known and _PARTIAL.fullmatch(known["unit"]):
        del known["unit"]
        turn.memory.ask("bind", **known, asks="unit")
        return OutgoingMessage("bind", _asks(turn)["whole_unit"])
    missing = next((one for one in ("unit", "name", "phone") if one not in known), "")
    if not missing and "code" not in known:
        needs = await deps.db.read(binding_needs_code, known["unit"], said=_said(known))
        missing = "code" if needs else ""
    if missing:
        choices = [words.APPLY] if missing == "code" else []
        was_asked = turn.memory.facts.get("asks") == missing
        turn.memory.ask("bind", **known, asks=missing, choices=choices)
        return OutgoingMessage("bind", _asks(turn, again=was_asked)[missing])
    return await _prove(turn, deps, known)


def _asks(turn: Turn, *, again: bool = False) -> dict[str, str]:
    if turn.is_plain:
        return AGAIN_PLAINLY if again else ASKS_PLAINLY
    return AGAIN if again else ASKS


def _said(known: dict[str, Any]) -> str:
    return str(known.get("said", ""))


def _claim(known: dict[str, Any]) -> BindingClaim:
    return BindingClaim(
        known["unit"], known["name"], known["phone"], _said(known), known.get("code", "")
    )


async def _prove(turn: Turn, deps: HandlerDeps, known: dict[str, Any]) -> OutgoingMessage:
    """Hold the claim against the register. Raises TooManyTries, BindingMismatch, AlreadyBound."""
    identity_id = turn.person.identity_id
    turn.memory.settle()
    await deps.db.write(note_try, identity_id=identity_id, unit_text=known["unit"], now=turn.now)
    turn.memory.ask("bind", **_without_code(known), asks="proof", choices=[words.APPLY])
    outcome = await deps.db.write(bind, _claim(known), identity_id=identity_id, now=turn.now)
    if outcome.community_names:
        choices = list(outcome.community_names)
        turn.memory.ask("bind", **known, asks="community", choices=choices)
        return OutgoingMessage("bind", f"请问是哪个小区？回复序号：\n{words.numbered(choices)}")
    turn.memory.settle()
    if outcome.other_labels:
        turn.memory.ask("bind", **known, asks="others", choices=[ALL])
    return OutgoingMessage("bind", (_bound_plainly if turn.is_plain else _bound)(outcome))


def _without_code(known: dict[str, Any]) -> dict[str, Any]:
    return {name: fact for name, fact in known.items() if name != "code"}


def _bound(outcome: BindingOutcome) -> str:
    others = "、".join(outcome.other_labels)
    return words.lines(
        f"绑定成功：{outcome.unit_label}。",
        f"您名下还登记了 {others}，回复“{ALL}”一起绑定。" if others else "",
        "接下来可以回复：账单、缴费、缴费记录、收据、退款；需要帮忙，回复“人工”。",
    )


def _bound_plainly(outcome: BindingOutcome) -> str:
    others = "、".join(outcome.other_labels)
    return words.lines(
        f"绑好了：\n{outcome.unit_label}",
        f"还有 {others}，\n要一起绑，回复“{ALL}”。" if others else "",
        "看账单，回复 1。",
    )


async def _in_community(
    turn: Turn, deps: HandlerDeps, known: dict[str, Any], names: list[str]
) -> OutgoingMessage:
    ordinal, text = turn.understood.slots.ordinal, turn.understood.text
    if ordinal is not None and 1 <= ordinal <= len(names):
        text = names[ordinal - 1]
    if not any(name in text for name in names):
        return OutgoingMessage("bind", f"请问是哪个小区？回复序号：\n{words.numbered(names)}")
    return await _prove(turn, deps, known | {"said": text})


async def _bind_others(turn: Turn, deps: HandlerDeps, known: dict[str, Any]) -> OutgoingMessage:
    slots = turn.understood.slots
    is_yes = says_yes(turn) or slots.is_all or "都" in turn.understood.text
    turn.memory.settle()
    if not is_yes:
        return await _advance(turn, deps, _merged(turn, {"said": turn.understood.text}))
    labels = await deps.db.write(
        bind_others, _claim(known), identity_id=turn.person.identity_id, now=turn.now
    )
    text = words.lines(
        f"绑定成功：{'、'.join(labels)}。" if labels else "名下的房屋都已经绑定。",
        "回复“账单”查看每一套的待缴；回复“我的房屋”切换。",
    )
    return OutgoingMessage("bind", text)


async def _apply(turn: Turn, deps: HandlerDeps, known: dict[str, Any]) -> OutgoingMessage:
    """Have the stewards check a claim; the answer is alike whether the flat exists or not."""
    turn.memory.settle()
    await deps.db.write(
        note_try, identity_id=turn.person.identity_id, unit_text=known["unit"], now=turn.now
    )
    await deps.db.write(
        apply_for_binding, _claim(known), identity_id=turn.person.identity_id, now=turn.now
    )
    if turn.is_plain:
        told = "交给管家核对了。\n有结果告诉您。\n着急，回复“电话”。"
        return OutgoingMessage("bind", told)
    text = words.lines(
        "申请已交给管家核对，结果会发到这里。",
        f"您留的信息：{known['unit']}，{known['name']}，{words.mask_phone(known['phone'])}。",
        "着急的话，回复“电话”联系物业。",
    )
    return OutgoingMessage("bind", text)


INTENT = Intent(name="bind", answer=answer, go_on=go_on)
