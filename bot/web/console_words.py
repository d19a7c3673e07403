"""Own words on trial: what a draft says, what stands against it, what a sentence would hear."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from handlers import own_words
from handlers.faq import try_sentence
from handlers.intents.contact import told as told_contact
from handlers.understanding.recogniser import Recogniser
from storage.frozen import dataclass
from storage.kinds import OwnText
from storage.operations.own_words import FaqDraft
from storage.queries.faqs import Faq
from storage.queries.residents import Contact

BY_ITSELF: Final = "机器人自己回答：{what}。"
NOT_KNOWN: Final = "没听懂，会请住户换个说法，或者转人工。"
MEANT: Final[Mapping[str, str]] = {
    "bind": "办绑定", "unbind": "办解绑", "my_units": "查绑定的房屋", "unpaid": "查待缴账单",
    "bill_detail": "讲账单明细", "history": "查缴费记录", "tariff": "讲收费标准",
    "due_date": "讲应缴日", "pay": "给缴费链接", "payment_status": "查付款到账没有",
    "balance": "查预存余额", "prepay": "给预存链接", "promise": "记下约定的缴费日",
    "receipt": "给收据", "invoice": "办发票", "refund_request": "办退款申请",
    "refund_status": "查退款进度", "refund_policy": "讲退款规则", "dispute": "记账单异议",
    "repair": "办报修", "tickets": "查工单", "feedback": "记投诉建议", "rate": "记评价",
    "notices": "给最近的公告", "human": "转人工", "mute": "停发通知", "unmute": "恢复通知",
    "plain_speech": "换成简单的说法", "report": "给收支公示", "meter": "登记读数",
    "help": "讲能办什么", "thanks": "说不客气", "goodbye": "说再见", "confirm": "等住户确认的事",
    "cancel": "取消", "remove_person": "办移除同住人", "staff_bind": "员工绑定",
}  # fmt: skip
"""What the bot does by itself for what it understands, as staff would say it."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a community says in its own words: its office, its questions, its texts."""

    office: Contact
    entries: tuple[Faq, ...]
    texts: Mapping[OwnText, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """Words as they were written, not saved yet: a text (`kind`), or a question."""

    fields: Mapping[str, str]
    problems: tuple[str, ...]
    kind: OwnText | None = None
    question: FaqDraft | None = None
    faq_id: int = 0
    community_id: int = 0

    @property
    def example(self) -> str:
        """A sentence to try it on where none was typed."""
        if self.question is not None:
            return self.question.phrasings[0][0] if self.question.phrasings else ""
        return {OwnText.GREETING: "你好", OwnText.OFF_DUTY: "人工"}.get(self.kind, "电话")  # type: ignore[arg-type]

    def told(self, office: Contact) -> str:
        """Return what residents would read of it."""
        if self.question is not None:
            return own_words.fill(self.question.answer, office)
        return own_words.text_told(self.kind or OwnText.GREETING, self.fields["text"], office)

    def spoken(self, now: Spoken) -> Spoken:
        """Return what the community would say, were this saved."""
        if self.kind is not None:
            texts = {**now.texts, self.kind: self.fields["text"]}
            office = replace(now.office, phones=texts.get(OwnText.PHONES, ""))
            return replace(now, texts=texts, office=office)
        if self.question is None:
            return now
        one = self.question
        entry = Faq(
            self.faq_id,
            self.community_id,
            one.answer,
            one.from_on,
            one.last_on,
            is_enabled=True,
            phrasings=one.phrasings,
        )
        others = tuple(other for other in now.entries if other.faq_id != self.faq_id)
        return replace(now, entries=(*others, entry))


def draft_of_text(kind: OwnText, text: str, spoken: Spoken, hosts: Collection[str]) -> Draft:
    """Read a text; nothing written takes the old words back."""
    found = own_words.text_objections(kind, text, spoken.office, hosts) if text else []
    return Draft({"text": text}, tuple(found), kind)


def draft_of_question(
    fields: Mapping[str, str],
    spoken: Spoken,
    hosts: Collection[str],
    recogniser: Recogniser,
    *,
    place: tuple[int, int],
    today: date,
) -> Draft:
    """Read a question with its answer; `place` is (community, number or 0 for a new one)."""
    asked = [one for one in fields["asked"].splitlines() if one.strip()]
    phrasings, problems = own_words.read_phrasings(asked, recogniser, today=today)
    problems += own_words.objections(fields["answer"], spoken.office, hosts)
    days: list[date | None] = []
    for name, otherwise in (("since", today), ("until", None)):
        try:
            days.append(date.fromisoformat(fields[name]) if fields[name] else otherwise)
        except ValueError:
            problems.append(f"{fields[name][:20]} 不是日期，写成 2026-03-01 这样")
            days.append(otherwise)
    if not phrasings:
        problems.append(own_words.FIELDS["phrasings"])
    question = FaqDraft(phrasings, fields["answer"].strip(), days[0] or today, days[1])
    community_id, faq_id = place
    return Draft(fields, tuple(problems), None, question, faq_id, community_id)


def answered(said: str, spoken: Spoken, recogniser: Recogniser, *, today: date) -> str:
    """Say what a resident of the community would hear on a day to a sentence."""
    on_that_day = [
        one
        for one in spoken.entries
        if one.from_on <= today and (one.last_on is None or today <= one.last_on)
    ]
    tried = try_sentence(said, on_that_day, recogniser, today=today)
    if tried.is_own and tried.match is not None:
        return own_words.fill(tried.match.faq.answer, spoken.office)
    intent, office = tried.understood.intent, spoken.office
    if intent == "contact":
        return told_contact(office)
    if intent == "greeting":
        own = spoken.texts.get(OwnText.GREETING, "")
        return f"您好！{own_words.fill(own, office)}" if own else "您好！有什么可以帮您？"
    if intent == "human":
        own = spoken.texts.get(OwnText.OFF_DUTY, "")
        later = f"前台没人时还会说：{own_words.fill(own, office)}" if own else ""
        return BY_ITSELF.format(what=MEANT[intent]) + later
    if intent in MEANT:
        return BY_ITSELF.format(what=MEANT[intent])
    return NOT_KNOWN
