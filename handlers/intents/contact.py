"""How to reach the office (联系物业): phone, hours, address."""

from typing import Final

from handlers import english, own_words, words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.households import offices
from storage.queries.residents import Contact, contact

SHOWN: Final = 5


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the offices of her communities, or of all where she has no flat yet."""
    found = await _contacts(turn, deps)
    if not found:
        return OutgoingMessage("contact", "物业还没有登记联系方式。\n请到物业前台询问。")
    blocks = [told(one) for one in found]
    return OutgoingMessage("contact", words.lines(*blocks, "也可以回复“人工”，请管家回复您。"))


async def _contacts(turn: Turn, deps: HandlerDeps) -> list[Contact]:
    ids = dict.fromkeys(home.community_id for home in turn.person.homes)
    if ids:
        return [await deps.db.read(contact, community_id, on=turn.today) for community_id in ids]
    return [one.contact for one in await deps.db.read(offices, limit=SHOWN, on=turn.today)]


def told(office: Contact) -> str:
    """Tell one office, leaving out what is not known."""
    return words.lines(
        " ".join(one for one in (office.community_name, office.company_name) if one),
        f"电话 {office.phone}" if office.phone else "",
        own_words.phones(office.phones),
        f"上班时间 {words.duty(office.duty)}",
        f"地址 {office.address}" if office.address else "",
    )


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the offices in English; their names and addresses stay as they are."""
    found = await _contacts(turn, deps)
    if not found:
        return OutgoingMessage("contact", "No phone number is known here. Please ask at the desk.")
    blocks = [told_in_english(one) for one in found]
    return OutgoingMessage("contact", words.lines(*blocks, "To talk to a person here, type: human"))


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell phone and hours of her office, a line each."""
    found = await _contacts(turn, deps)
    if not found:
        return await answer(turn, deps)
    blocks = [
        words.lines(
            f"{one.community_name}物业电话：",
            one.phone or "还没有登记",
            f"{words.duty(one.duty)}上班。",
        )
        for one in found
    ]
    return OutgoingMessage("contact", words.lines(*blocks, "要找人，回复“人工”。"))


def told_in_english(office: Contact) -> str:
    """Tell one office, leaving out what is not known."""
    return words.lines(
        " ".join(one for one in (office.community_name, office.company_name) if one),
        f"Phone {office.phone}" if office.phone else "",
        f"Hours {english.duty(office.duty)}",
        f"Address {office.address}" if office.address else "",
    )


INTENT = Intent(name="contact", answer=answer, in_english=in_english, in_plain=in_plain)
