"""A community's own words (问答和说法): questions, greeting, phones; tried, then saved."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from bot.web.console import Form, typed, whole
from bot.web.console_office import OfficeDesk, Place
from bot.web.console_words import Draft, Spoken, answered, draft_of_question, draft_of_text
from bot.web.reading import UnfitRequest, query_text
from handlers import own_words, refusals, words
from storage.errors import PhrasingTaken, UnknownFaq
from storage.kinds import OwnText, StaffRole
from storage.operations.own_words import (
    MOST_ANSWER_CHARS,
    MOST_TEXT_CHARS,
    change_faq,
    switch_off_faq,
    write_faq,
    write_text,
)
from storage.periods import shanghai_day
from storage.queries.console_sessions import Session
from storage.queries.faqs import Faq, faqs_for, faqs_of, own_texts_of
from storage.queries.residents import contact

KINDS: Final[Mapping[OwnText, tuple[str, str]]] = {
    OwnText.GREETING: ("问候", "住户打招呼时，机器人先说的话"),
    OwnText.OFF_DUTY: ("下班后", "住户找人工而前台没人时，多说的一句话"),
    OwnText.PHONES: ("更多电话", "写成 工程报修=0571-1234; 门岗=0571-5678"),
}
NEW: Final = "new"
SAID: Final = {"saved": "已保存，住户现在就会收到新的说法。", "off": "已停用，机器人不再这样回答。"}
LONGEST_SENTENCE: Final = 200


class ConsoleTextsDoor(OfficeDesk):
    """What the bot says of this community besides what it says everywhere."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """List all own words; `say` is tried on them, `edit` opens one to be written."""
        session = await self.visit(request, StaffRole.MANAGER)
        place = await self._asked_place(request, session)
        if edited := query_text(request, "edit"):
            return await self._open(session, place, edited, query_text(request, "say"))
        said, today = query_text(request, "say")[:LONGEST_SENTENCE], self._today()
        spoken = await self._spoken(place)
        return self._office_page(
            session,
            place,
            "console_texts.html",
            tab="texts",
            kinds=[(kind, *told, spoken.texts.get(kind, "")) for kind, told in KINDS.items()],
            office=spoken.office,
            hours=words.duty(spoken.office.duty),
            entries=await self._parts.db.read(faqs_of, place.community_id),
            today=today,
            say=said,
            answer=answered(said, spoken, self._recogniser, today=today) if said else "",
            done=SAID.get(query_text(request, "said"), ""),
        )

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Try what was written, save it, or switch a question off."""
        session = await self.visit(request, StaffRole.MANAGER)
        form = await self._filled(request, session)
        place = await self._place(session, typed(form, "community"))
        act, edited = typed(form, "act"), typed(form, "edit")
        if act == "off":
            return await self._switch_off(session, place, edited)
        if act not in ("try", "save"):
            raise UnfitRequest(400, "act")
        spoken = await self._spoken(place)
        draft = self._drafted(form, place, edited, spoken)
        if draft.problems or act == "try":
            return await self._tried(session, place, draft, spoken, typed(form, "say"))
        try:
            await self._save(session, place, draft)
        except (PhrasingTaken, UnknownFaq) as refusal:
            draft = replace(draft, problems=(refusals.words_to_staff(refusal),))
        except ValueError as unfit:
            draft = replace(draft, problems=(own_words.FIELDS.get(str(unfit), str(unfit)),))
        if draft.problems:
            return await self._tried(session, place, draft, spoken, typed(form, "say"))
        return self._back(place, "texts", said="saved")

    @property
    def _recogniser(self) -> Any:  # noqa: ANN401 - the house's recogniser, already warm
        return self._parts.handler_deps.recogniser

    def _today(self) -> date:
        return shanghai_day(self._parts.clock.now())

    async def _spoken(self, place: Place) -> Spoken:
        db, today = self._parts.db, self._today()
        return Spoken(
            await db.read(contact, place.community_id, on=today),
            tuple(await db.read(faqs_for, (place.community_id,), on=today)),
            await db.read(own_texts_of, place.community_id),
        )

    def _drafted(self, form: Form, place: Place, edited: str, spoken: Spoken) -> Draft:
        """Read what was written. Raises UnfitRequest for what is none of a community's words."""
        hosts = frozenset((urlsplit(self._parts.base_url).hostname or "", *self._parts.link_hosts))
        if edited in set(OwnText):
            text = "\n".join(form.get("text", [""])[0].split("\r\n")).strip()
            return draft_of_text(OwnText(edited), text, spoken, hosts)
        if edited != NEW and whole(edited) is None:
            raise UnfitRequest(400, "edit")
        fields = {name: typed(form, name) for name in ("asked", "answer", "since", "until")}
        return draft_of_question(
            fields,
            spoken,
            hosts,
            self._recogniser,
            place=(place.community_id, whole(edited) or 0),
            today=self._today(),
        )

    async def _save(self, session: Session, place: Place, draft: Draft) -> None:
        facts: dict[str, Any] = {
            "community_id": place.community_id,
            "by": session.staff,
            "now": self._parts.clock.now(),
        }
        db = self._parts.db
        if draft.kind is not None:
            await db.write(write_text, draft.kind, draft.fields["text"], **facts)
        elif draft.question is None:
            raise UnfitRequest(400, "no question")
        elif draft.faq_id:
            await db.write(change_faq, draft.faq_id, draft.question, **facts)
        else:
            await db.write(write_faq, draft.question, **facts)

    async def _switch_off(self, session: Session, place: Place, edited: str) -> web.Response:
        now = self._parts.clock.now()
        await self._parts.db.write(
            switch_off_faq,
            whole(edited) or 0,
            community_id=place.community_id,
            by=session.staff,
            now=now,
        )
        return self._back(place, "texts", said="off")

    async def _open(self, session: Session, place: Place, edited: str, say: str) -> web.Response:
        """Show the form of one text or question as it is now. None of hers is HTTPNotFound."""
        texts = await self._parts.db.read(own_texts_of, place.community_id)
        entries: list[Faq] = await self._parts.db.read(faqs_of, place.community_id)
        fields = {"asked": "", "answer": "", "since": self._today().isoformat(), "until": ""}
        if edited in set(OwnText):
            fields = {"text": texts.get(OwnText(edited), "")}
        elif edited != NEW:
            one = next((one for one in entries if one.faq_id == whole(edited)), None)
            if one is None:
                raise web.HTTPNotFound
            fields = {
                "asked": "\n".join(said for said, _ in one.phrasings),
                "answer": one.answer,
                "since": one.from_on.isoformat(),
                "until": one.last_on.isoformat() if one.last_on else "",
            }
        return self._form(session, place, edited, fields, say=say)

    async def _tried(
        self, session: Session, place: Place, draft: Draft, spoken: Spoken, say: str
    ) -> web.Response:
        """Show what residents would read, and one sentence's answer before and after."""
        said = say[:LONGEST_SENTENCE] or draft.example
        today, after = self._today(), draft.spoken(spoken)
        tried = None
        if not draft.problems:
            before = answered(said, spoken, self._recogniser, today=today) if said else ""
            then = answered(said, after, self._recogniser, today=today) if said else ""
            tried = (draft.told(spoken.office), before, then)
        return self._form(
            session,
            place,
            draft.kind or (str(draft.faq_id) if draft.faq_id else NEW),
            draft.fields,
            say=said,
            tried=tried,
            problems=draft.problems,
        )

    def _form(
        self,
        session: Session,
        place: Place,
        edited: str,
        fields: Mapping[str, str],
        *,
        say: str = "",
        tried: tuple[str, str, str] | None = None,
        problems: tuple[str, ...] = (),
    ) -> web.Response:
        return self._office_page(
            session,
            place,
            "console_text.html",
            tab="texts",
            status=409 if problems else 200,
            edited=edited,
            kind=KINDS.get(OwnText(edited)) if edited in set(OwnText) else None,
            fields=fields,
            say=say[:LONGEST_SENTENCE],
            tried=tried,
            problems=problems,
            most=MOST_ANSWER_CHARS if "answer" in fields else MOST_TEXT_CHARS,
            names=[f"{{{name}}}" for name in own_words.NAMES],
        )
