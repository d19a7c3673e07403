"""The community's accounts (收支公示): where they are published."""

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.residents import contact


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Give the address of the community's public page."""
    community_id = turn.home.community_id
    office = await deps.db.read(contact, community_id)
    text = (
        f"{office.community_name}的收费标准、公摊明细、公共收支和退款时效都在公示页上。\n"
        "点下面的链接查看；想问的没有，回复“人工”。"
    )
    return OutgoingMessage("report", text, url=deps.links.disclosure_url(community_id))


INTENT = Intent(name="report", answer=answer)
