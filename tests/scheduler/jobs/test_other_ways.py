"""Where one way is shut, for a person or for everybody, the next one is tried before giving up."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import update

from scheduler.jobs import deliver_outbox
from storage.kinds import Urgency
from storage.models.messages import delivery_attempts
from storage.models.messages import outbox as messages
from storage.models.people import identities
from storage.ports.chat import Attempt, OutgoingMessage, Route, Verdict
from tests.fakes import FakeChannel
from tests.scheduler.conftest import Hall

ALL_WAYS = (Route.CUSTOM, Route.TEMPLATE, Route.SUBSCRIBE)


async def deliver(hall: Hall) -> dict[str, int]:
    return await deliver_outbox.run(hall.deps, hall.now)


async def person(hall: Hall, **changes):
    if changes:
        await hall.db.write(
            lambda tx: (
                tx.execute(update(identities).where(identities.c.openid == "oLi").values(**changes))
                and None
            )
        )
    return next(row for row in await hall.stage.rows(identities) if row.openid == "oLi")


def accepted(**left: int) -> str:
    return json.dumps(left)


async def test_who_does_not_follow_any_more_reads_a_notice_that_she_had_accepted(
    hall: Hall, put, states
):
    hall.channel.routes = ALL_WAYS
    await put("R1")
    await person(hall, credits=accepted(R1=1))
    hall.channel.will_say("oLi", Verdict.GONE, Verdict.SENT)

    await deliver(hall)

    assert hall.channel.tries == [("oLi", Route.CUSTOM), ("oLi", Route.SUBSCRIBE)]
    assert (await states())["R1"] == ("sent", "")
    li = await person(hall)
    assert (li.is_following, li.credits) == (False, "{}")
    kept = await hall.stage.rows(delivery_attempts)
    assert [(row.route, row.verdict) for row in kept] == [
        ("custom", "gone"),
        ("subscribe", "sent"),
    ]


async def test_who_is_known_not_to_follow_is_written_to_by_what_she_accepted_and_else_not(
    hall: Hall, put, states
):
    hall.channel.routes = ALL_WAYS
    await put("R1")
    await person(hall, is_following=False, credits=accepted(R1=1))

    await deliver(hall)
    await put("R2")
    await deliver(hall)

    assert hall.channel.tries == [("oLi", Route.SUBSCRIBE)]
    assert await states() == {"R1": ("sent", ""), "R2": ("suppressed", "not_following")}


async def test_a_credit_of_another_kind_reaches_nobody_who_does_not_follow(hall: Hall, put, states):
    hall.channel.routes = (Route.CUSTOM, Route.TEMPLATE)
    await put("R1")
    await person(hall, is_following=False, credits=accepted(other=1))

    await deliver(hall)

    assert hall.channel.tries == []
    assert (await states())["R1"] == ("suppressed", "not_following")


async def test_who_has_gone_and_accepted_nothing_is_given_up_with_the_platforms_first_words(
    hall: Hall, put, states
):
    hall.channel.routes = ALL_WAYS
    hall.channel.detail = "43004 require subscribe"
    await put("R1")
    hall.channel.will_say("oLi", Verdict.GONE, Verdict.NOT_NOW)

    await deliver(hall)

    assert [route for _, route in hall.channel.tries] == [Route.CUSTOM, Route.SUBSCRIBE]
    assert (await states())["R1"] == ("suppressed", "43004 require subscribe")
    assert not (await person(hall)).is_following


async def test_who_has_turned_us_off_at_the_platform_is_kept_as_muted(hall: Hall, put, states):
    await put("N1", urgency=Urgency.NOTICE)
    hall.channel.will_say("oLi", Verdict.MUTED)
    await deliver(hall)
    await put("N2", urgency=Urgency.NOTICE)
    await put("N3", urgency=Urgency.REMINDER)
    await put("R4")

    await deliver(hall)

    assert set((await person(hall)).muted.split()) == {"reminders", "notices"}
    found = await states()
    assert [found[name][0] for name in ("N1", "N2", "N3", "R4")] == [
        *("suppressed", "suppressed", "suppressed", "sent")
    ]
    assert (found["N2"][1], found["N3"][1]) == ("muted", "muted")
    assert len(hall.channel.tries) == 2


@dataclass
class Pausing(FakeChannel):
    """Its ways are shut for everybody, each until a time of its own."""

    until: dict[Route, datetime] = field(default_factory=dict)

    async def send(
        self, recipient: str, message: OutgoingMessage, route: Route, *, delivery_id: str
    ) -> Attempt:
        if route not in self.until:
            return await super().send(recipient, message, route, delivery_id=delivery_id)
        self.tries.append((recipient, route))
        return Attempt(route, Verdict.PAUSED, f"45009 {route}", not_before=self.until[route])


async def test_g01_a_way_that_is_shut_for_all_leaves_the_next(hall: Hall, put, states):
    midnight = hall.now + timedelta(hours=14)
    channel = Pausing(routes=ALL_WAYS, until={Route.CUSTOM: midnight})
    hall.deps = replace(hall.deps, channels={channel.name: channel})
    await put("R1")

    await deliver(hall)

    assert [route for _, route in channel.tries] == [Route.CUSTOM, Route.TEMPLATE]
    assert (await states())["R1"] == ("sent", "")


async def test_g01_where_all_are_shut_the_first_to_open_is_waited_for(hall: Hall, put, states):
    soon, late = hall.now + timedelta(hours=1), hall.now + timedelta(hours=14)
    shut = {Route.CUSTOM: late, Route.TEMPLATE: soon}
    channel = Pausing(routes=(Route.CUSTOM, Route.TEMPLATE), until=shut)
    hall.deps = replace(hall.deps, channels={channel.name: channel})
    await put("R1")

    await deliver(hall)

    (row,) = await hall.stage.rows(messages)
    assert (row.state, row.not_before) == ("waiting", soon)
    assert len(channel.tries) == 2
