"""A broadcast reaches each person once, whatever breaks off; who is left out is written down."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from storage import crashpoints, outbox
from storage.errors import (
    AudienceEmpty,
    BroadcastStateWrong,
    CommunitySilent,
    NotAllowed,
    PersonalInGroup,
    PrivacyLint,
    SelfApproval,
    TextTooLong,
    UnknownAudience,
    UnknownBroadcast,
    UnknownVariable,
)
from storage.kinds import BroadcastState, OccupancyRole, OutboxState, StaffRole
from storage.models.bills import bills, fee_items
from storage.models.estate import communities, units
from storage.models.messages import outbox as outbox_rows
from storage.models.people import identities
from storage.operations import broadcast_pauses, broadcast_previews, broadcasting, notices
from storage.operations.notices import Writing
from storage.ports.chat import Route, Verdict
from storage.queries.agenda import next_event_at
from storage.queries.audiences import Audience, preview, resolve
from storage.queries.notices import deliveries, figures, find_broadcast
from storage.queries.residents import Staff
from storage.rules.audiences import Condition
from tests import factories, town
from tests.desk import job_deps, tick
from tests.factories import NOW
from tests.fakes import FakeChannel

BUILDING_3 = ("3栋",)
WHO = ("o-1", "o-2", "o-tenant", "s-steward")
TEXT = "周六上午打药，请关好门窗。"


class Killed(BaseException):
    """Stands for kill -9: nobody catches it."""


@pytest.fixture
async def place(db):
    return await db.write(town.build)


@pytest.fixture
def channel():
    return FakeChannel(routes=(Route.CUSTOM, Route.TEMPLATE), minds_windows=True)


def writing(place, text=TEXT, category="notice", **audience):
    group = audience.pop("group", "")
    condition = Condition(**{"buildings": BUILDING_3, **audience})
    chosen = Audience(place.community_id, condition, group)
    return Writing(chosen, "3栋", category, text)


async def drafted(db, place, **other):
    view = await db.write(notices.draft, writing(place, **other), by=place.steward, now=NOW)
    return view.broadcast_no


async def confirmed(db, place, **other):
    number = await drafted(db, place, **other)
    await db.write(notices.confirm, number, by=place.steward, now=NOW)
    return number


async def report_of(db, place, number):
    ids = (place.community_id,)
    view = await db.read(find_broadcast, number, community_ids=ids)
    return await db.read(figures, view)


async def test_the_preview_counts_by_way_and_by_reason(db, place):
    counts = await db.read(
        preview, Audience(place.community_id, Condition(BUILDING_3)), category="notice", now=NOW
    )

    assert counts.households == 12
    assert (counts.recipients, counts.by_window, counts.by_template) == (9, 8, 1)
    assert counts.skipped == {"muted": 1, "not_following": 1, "not_bound": 1}


@pytest.mark.parametrize("category", ["urgent", "legal"])
async def test_what_has_to_be_heard_reaches_those_who_turned_all_off(db, place, channel, category):
    off = "activities notices reminders"
    await db.write(lambda tx: town.person(tx, "o-10", muted=off))
    mine = writing(place, category=category)
    view = await db.write(notices.draft, mine, by=place.manager, now=NOW)
    await db.write(notices.confirm, view.broadcast_no, by=place.manager, now=NOW)

    await tick(job_deps(db, channel))

    assert len(channel.heard("o-10")) == 1
    told = await report_of(db, place, view.broadcast_no)
    assert told.skipped == {"not_following": 1, "not_bound": 1}


async def test_who_turned_activities_off_still_hears_the_other_notices(db, place, channel):
    await db.write(lambda tx: town.person(tx, "o-1", muted="activities"))
    for category, text in (("activity", "周六联欢。"), ("notice", TEXT)):
        number = await drafted(db, place, category=category, text=text)
        await db.write(notices.confirm, number, by=place.steward, now=NOW)

    await tick(job_deps(db, channel))

    assert ["打药" in text for text in channel.heard("o-1")] == [True]
    assert ["联欢" in text for text in channel.heard("o-2")] == [True, False]


async def test_who_turns_it_off_while_it_waits_does_not_hear_it(db, place, channel):
    number = await drafted(db, place, category="activity")
    view = await db.write(notices.confirm, number, by=place.steward, now=NOW)
    await db.write(broadcasting.begin, view.broadcast_id, now=NOW)
    await db.write(broadcasting.queue_part, view.broadcast_id, now=NOW)
    await db.write(lambda tx: town.person(tx, "o-1", muted="activities"))

    await tick(job_deps(db, channel))

    assert channel.heard("o-1") == []
    assert len(channel.heard("o-2")) == 1


async def test_only_a_manager_writes_what_nobody_can_turn_off(db, place):
    number = await drafted(db, place)

    with pytest.raises(NotAllowed):
        await drafted(db, place, category="legal")
    with pytest.raises(NotAllowed):
        await db.write(notices.set_category, number, "legal", by=place.steward)


async def test_deposits_and_renewals_are_no_arrears(db, place):
    def of_class(kind):
        return lambda tx: tx.execute(update(fee_items).values(fee_class=kind)) and None

    owing = Audience(place.community_id, Condition(only_arrears=True))
    counts = []
    for kind in ("deposit", "renewal", "own"):
        await db.write(of_class(kind))
        found = await db.read(preview, owing, category="notice", now=NOW)
        counts.append(found.households)

    assert counts == [0, 0, 1]


async def test_a_role_narrows_the_households_and_who_of_them_hears(db, place):
    unit_id = place.unit_ids["3-1-101"]
    tenant_id = await db.write(factories.add_resident, place.community_id, "租客", "13711112222")
    await db.write(factories.add_binding, "o-tenant", unit_id, tenant_id, OccupancyRole.TENANT)

    def found(role):
        audience = Audience(place.community_id, Condition(("3栋",), role=role))
        return db.read(preview, audience, category="notice", now=NOW)

    tenants, owners = [await found(role) for role in (OccupancyRole.TENANT, OccupancyRole.OWNER)]
    assert (tenants.households, tenants.recipients) == (1, 1)
    assert (owners.households, owners.recipients) == (12, 9)


def test_an_audience_of_before_is_read_as_it_was_meant():
    old = (
        '{"buildings": ["3栋"], "community_id": 7, "entrance": "", "group": "", "min_days": 0, '
        '"min_fen": 100, "only_arrears": true}'
    )

    kept = Audience(7, Condition(("3栋",), only_arrears=True, min_fen=100))
    assert Audience.load(old) == kept == Audience.load(kept.dump())


@pytest.mark.parametrize(
    ("said", "households"),
    [
        (Condition(), 13),
        (Condition(("3",)), 12),
        (Condition(("3",), "2"), 6),
        (Condition(("3", "5")), 13),
        (Condition(rooms=("3-1-101", "5-1-101")), 2),
        (Condition(("3",), only_arrears=True), 1),
        (Condition(only_arrears=True, min_fen=50_000), 1),
        (Condition(only_arrears=True, min_fen=60_000), 0),
        (Condition(only_arrears=True, min_days=300), 0),
        (Condition(role=OccupancyRole.OWNER), 13),
        (Condition(role=OccupancyRole.TENANT), 0),
        (Condition(is_bound=True), 12),
        (Condition(is_bound=False), 1),
        (Condition(is_plain=True), 0),
    ],
)
async def test_an_audience_is_resolved_by_the_books(db, place, said, households):
    audience = await db.read(resolve, said, place.community_id, words="")

    counts = await db.read(preview, audience, category="notice", now=NOW)

    assert counts.households == households


@pytest.mark.parametrize(
    "said", [Condition(("9",)), Condition(("3",), "9"), Condition(rooms=("3-1-999",))]
)
async def test_an_audience_that_does_not_exist_is_refused(db, place, said):
    with pytest.raises(UnknownAudience):
        await db.read(resolve, said, place.community_id, words="")


async def test_a_tenant_is_never_told_that_the_owner_is_in_arrears(db, place):
    tenant_id = await db.write(factories.add_resident, place.community_id, "租客", "13711112222")
    await db.write(
        factories.add_binding,
        "o-tenant",
        place.unit_ids["3-1-101"],
        tenant_id,
        OccupancyRole.TENANT,
    )

    counts = await db.read(
        preview,
        Audience(place.community_id, Condition(only_arrears=True)),
        category="notice",
        now=NOW,
    )

    assert counts.recipients == 1


async def test_who_owes_by_the_books_and_paid_meanwhile_hears_nothing(db, place, channel):
    await confirmed(db, place, only_arrears=True, buildings=())
    unit_id = place.unit_ids["3-1-101"]
    owed = await db.read(lambda tx: tuple(tx.execute(select(bills.c.id)).scalars()))
    await db.write(factories.pay, unit_id, owed)

    await tick(job_deps(db, channel))

    assert [one.text for one in channel.delivered if "打药" in one.text] == []


async def test_each_person_hears_once_and_the_report_adds_up(db, place, channel):
    channel.will_say("o-1", Verdict.BAD_CONTENT)
    number = await confirmed(db, place)

    await tick(job_deps(db, channel))

    report = await report_of(db, place, number)
    assert report.broadcast.state is BroadcastState.DONE
    assert report.by_state == {OutboxState.SENT: 8, OutboxState.DEAD: 1}
    assert report.skipped == {"muted": 1, "not_following": 1, "not_bound": 1}
    failed = await db.read(deliveries, report.broadcast, states=(OutboxState.DEAD,))
    assert [one.unit_labels for one in failed] == [("3栋1单元101",)]
    assert channel.heard("s-steward") == [
        "群发 N0001 已经发完：已送达 8，没有送达 1，没有发送 3。\n"
        "回复“群发报告 N0001”查看明细，回复“补发 N0001”再发一次。"
    ]


async def test_only_the_failed_are_sent_to_again(db, place, channel):
    channel.will_say("o-1", Verdict.BAD_CONTENT)
    channel.will_say("o-2", Verdict.UNKNOWN)
    number = await confirmed(db, place)
    await tick(job_deps(db, channel))

    again = await db.write(notices.resend_failed, number, by=place.steward, now=NOW)
    later = NOW + timedelta(minutes=1)
    await tick(job_deps(db, channel), later)

    assert again == 1
    assert [len(channel.heard(f"o-{n}")) for n in (1, 2, 3)] == [1, 1, 1]
    assert len(channel.heard("s-steward")) == 2


async def test_who_has_two_flats_hears_once(db, place, channel):
    unit_id = place.unit_ids["3-2-112"]
    await db.write(factories.add_binding, "o-1", unit_id, None)
    await confirmed(db, place)

    await tick(job_deps(db, channel))

    assert len(channel.heard("o-1")) == 1


@pytest.mark.parametrize("kill_after", [0, 1, 2, 3])
async def test_d20_d21_d22_d23_broken_off_while_queueing_it_goes_on_where_it_was(
    db, place, channel, monkeypatch, kill_after
):
    """Before the first part, after it, in the middle, after the last."""
    number = await confirmed(db, place)
    monkeypatch.setattr(broadcasting.queue_part, "__kwdefaults__", {"limit": 4})
    passes = iter(range(1, 100))
    at = "broadcast.after_chunk" if kill_after else "broadcast.begun"

    def kill(name):
        if name == at and next(passes) == max(kill_after, 1):
            raise Killed

    monkeypatch.setattr(crashpoints, "reach", kill)
    deps = job_deps(db, channel)
    with pytest.raises(Killed):
        await tick(deps)

    await tick(deps)

    report = await report_of(db, place, number)
    assert report.by_state == {OutboxState.SENT: 9}
    assert report.broadcast.state is BroadcastState.DONE
    assert len(await db.read(town.notices_to)) == 9
    assert sorted(one.recipient for one in channel.delivered if "打药" in one.text) == sorted(
        f"o-{n}" for n in range(1, 10)
    )


class DyingChannel(FakeChannel):
    """A platform in front of which the process dies at the n-th send."""

    dies_at = 5

    async def send(self, recipient, message, route, *, delivery_id):
        if len(self.tries) + 1 == self.dies_at:
            self.dies_at = 0
            raise Killed
        return await super().send(recipient, message, route, delivery_id=delivery_id)


def shut_windows(tx):
    tx.execute(update(identities).values(window_until=None))


async def test_g10_every_seventh_fails_and_a_crash_in_the_middle_doubles_nobody(db):
    """At a smaller scale: the failed list is exact and the totals add up.

    All go by template: what the crash cut off goes again under the same id.
    """
    place = await db.write(town.build)
    for number in range(200, 240):
        await db.write(town.household, place.community_id, f"3-1-{number}", f"o-{number}")
    await db.write(shut_windows)
    channel = DyingChannel(routes=(Route.TEMPLATE,))
    for number in range(203, 240, 7):
        channel.will_say(f"o-{number}", *[Verdict.BAD_CONTENT] * 9)
    number = await confirmed(db, place)
    deps = job_deps(db, channel)

    with pytest.raises(Killed):
        await tick(deps)
    for _ in range(2):
        await db.write(outbox.forget_claims)
        await tick(deps)

    report = await report_of(db, place, number)
    failed = await db.read(deliveries, report.broadcast, states=(OutboxState.DEAD,))
    assert sum(report.by_state.values()) == 49
    assert [one.recipient for one in failed] == [f"o-{n}" for n in range(203, 240, 7)]
    told = [one.recipient for one in channel.delivered if "打药" in one.text]
    assert len(told) == len(set(told)) == 49 - len(failed)


async def test_g11_cancelled_midway_nothing_more_goes_out(db, place, channel):
    """What waits is taken back; no new part is queued."""
    number = await confirmed(db, place)
    view = await db.read(find_broadcast, number, community_ids=(place.community_id,))
    await db.write(broadcasting.begin, view.broadcast_id, now=NOW)
    await db.write(broadcasting.queue_part, view.broadcast_id, now=NOW, limit=4)

    taken = await db.write(notices.cancel, number, by=place.manager, now=NOW)
    await tick(job_deps(db, channel))

    assert taken == 4
    assert channel.delivered == []
    assert (await report_of(db, place, number)).by_state == {OutboxState.SUPPRESSED: 4}


MINE = "{姓名}您好，{房号}有｛金额｝待缴。"


async def test_each_reads_her_own_name_flat_and_sum_as_of_the_moment(db, place, channel):
    tenant_id = await db.write(factories.add_resident, place.community_id, "租客", "13711112222")
    unit_id = place.unit_ids["3-1-101"]
    await db.write(factories.add_binding, "o-tenant", unit_id, tenant_id, OccupancyRole.TENANT)
    number = await confirmed(db, place, text=MINE)
    await db.write(broadcast_previews.send_to_writer, number, by=place.steward, now=NOW)

    await tick(job_deps(db, channel))

    heard = {one: [text.split("\n")[-1] for text in channel.heard(one)] for one in WHO}
    assert heard["o-1"] == ["住户101您好，3栋1单元101有501.20元待缴。"]
    assert heard["o-2"] == ["住户102您好，3栋1单元102有0.00元待缴。"]
    assert heard["o-tenant"] == ["租客您好，3栋1单元101有0.00元待缴。"]
    assert heard["s-steward"][0] == "小周您好，3栋2单元501有123.45元待缴。"


async def test_who_paid_after_it_was_queued_is_not_told_of_arrears(db, place, channel):
    number = await confirmed(db, place, only_arrears=True, text="您有账单过了应缴日。")
    view = await db.read(find_broadcast, number, community_ids=(place.community_id,))
    await db.write(broadcasting.begin, view.broadcast_id, now=NOW)
    await db.write(broadcasting.queue_part, view.broadcast_id, now=NOW)
    owed = await db.read(lambda tx: tuple(tx.execute(select(bills.c.id)).scalars()))
    await db.write(factories.pay, place.unit_ids["3-1-101"], owed)

    await tick(job_deps(db, channel))

    assert [one for one in channel.heard("o-1") if "应缴日" in one] == []
    assert (await report_of(db, place, number)).by_state == {OutboxState.SUPPRESSED: 1}


async def test_paused_midway_it_goes_on_later_and_each_hears_once(db, place, channel):
    """What is in flight comes back to wait: it is kept too, and goes out once."""
    number = await confirmed(db, place)
    view = await db.read(find_broadcast, number, community_ids=(place.community_id,))
    await db.write(broadcasting.begin, view.broadcast_id, now=NOW)
    await db.write(broadcasting.queue_part, view.broadcast_id, now=NOW, limit=4)
    [first] = await db.write(outbox.claim, now=NOW, limit=1)

    kept = await db.write(broadcast_pauses.pause, number, by=place.steward, now=NOW)
    await db.write(outbox.finish, [outbox.Outcome(first, OutboxState.WAITING, ())], now=NOW)
    deps = job_deps(db, channel)
    await tick(deps)
    assert (kept, channel.delivered) == (3, [])
    assert await db.write(broadcasting.queue_part, view.broadcast_id, now=NOW) == 0
    for step in (broadcast_pauses.pause, notices.resend_failed):
        with pytest.raises(BroadcastStateWrong):
            await db.write(step, number, by=place.steward, now=NOW)

    again = await db.write(broadcast_pauses.resume, number, by=place.manager, now=NOW)
    await tick(deps)
    assert again == 4
    assert [len(channel.heard(f"o-{n}")) for n in range(1, 10)] == [1] * 9
    assert (await report_of(db, place, number)).by_state == {OutboxState.SENT: 9}
    with pytest.raises(BroadcastStateWrong):
        await db.write(broadcast_pauses.resume, number, by=place.steward, now=NOW)


async def test_a_broadcast_paused_before_its_time_waits_and_may_be_cancelled(db, place, channel):
    number = await confirmed(db, place)
    view = await db.write(notices.draft, writing(place, text="另一条"), by=place.steward, now=NOW)
    await db.write(notices.confirm, view.broadcast_no, by=place.steward, now=NOW)
    await db.write(broadcasting.begin, view.broadcast_id, now=NOW)
    await db.write(broadcasting.queue_part, view.broadcast_id, now=NOW)
    for one in (number, view.broadcast_no):
        await db.write(broadcast_pauses.pause, one, by=place.steward, now=NOW)

    await tick(job_deps(db, channel))
    ids = (place.community_id,)
    first = await db.read(find_broadcast, number, community_ids=ids)
    assert not await db.write(broadcasting.begin, first.broadcast_id, now=NOW)
    assert await db.read(next_event_at) is None
    taken = [
        await db.write(notices.cancel, one, by=place.steward, now=NOW)
        for one in (number, view.broadcast_no)
    ]

    assert (channel.delivered, taken) == ([], [0, 9])


async def test_what_was_in_flight_at_the_cancellation_does_not_come_back(db, place, channel):
    number = await confirmed(db, place)
    view = await db.read(find_broadcast, number, community_ids=(place.community_id,))
    await db.write(broadcasting.begin, view.broadcast_id, now=NOW)
    await db.write(broadcasting.queue_part, view.broadcast_id, now=NOW)
    claimed = await db.write(outbox.claim, now=NOW, limit=1)
    await db.write(notices.cancel, number, by=place.steward, now=NOW)
    later = outbox.Outcome(claimed[0], OutboxState.WAITING, ())
    await db.write(outbox.finish, [later], now=NOW)

    await tick(job_deps(db, channel))

    assert channel.delivered == []


async def test_g12_confirming_twice_at_once_is_one_broadcast(db, place, channel):
    """The second sees that it has gone."""
    number = await drafted(db, place)

    outcomes = await asyncio.gather(
        *(db.write(notices.confirm, number, by=place.steward, now=NOW) for _ in range(2)),
        return_exceptions=True,
    )
    await tick(job_deps(db, channel))

    assert sorted(isinstance(one, BroadcastStateWrong) for one in outcomes) == [False, True]
    assert len(channel.heard("o-1")) == 1


async def test_g12_two_of_the_staff_with_the_same_notice_send_it_once(db, place, channel):
    first = await drafted(db, place)
    second = await db.write(notices.draft, writing(place), by=place.manager, now=NOW)
    await db.write(notices.confirm, first, by=place.steward, now=NOW)

    with pytest.raises(BroadcastStateWrong) as refused:
        await db.write(notices.confirm, second.broadcast_no, by=place.manager, now=NOW)

    assert refused.value.broadcast_no == first
    await tick(job_deps(db, channel))
    assert len(channel.heard("o-1")) == 1


async def test_over_the_communitys_number_a_second_person_agrees(db, channel):
    place = await db.write(town.build, broadcast_approval_over=8)
    number = await confirmed(db, place)
    deps = job_deps(db, channel)
    await tick(deps)
    assert [one.recipient for one in channel.delivered] == ["s-manager"]

    with pytest.raises(SelfApproval):
        await db.write(notices.approve, number, by=place.steward, now=NOW)
    with pytest.raises(NotAllowed):
        await db.write(notices.approve, number, by=place.cashier, now=NOW)
    await db.write(notices.approve, number, by=place.manager, now=NOW)
    await tick(deps)

    assert len(channel.heard("o-1")) == 1


async def test_a_scheduled_broadcast_waits_for_its_time_and_can_be_moved(db, place, channel):
    number = await drafted(db, place)
    at = NOW + timedelta(hours=2)
    await db.write(notices.confirm, number, by=place.steward, now=NOW, send_at=at)
    later = at + timedelta(hours=1)
    await db.write(notices.schedule, number, send_at=later, by=place.steward, now=NOW)
    deps = job_deps(db, channel)

    await tick(deps, at)
    assert channel.delivered == []
    await tick(deps, later)
    assert len(channel.heard("o-1")) == 1


async def test_at_night_an_ordinary_notice_waits_and_an_urgent_one_does_not(db, place, channel):
    night = NOW + timedelta(hours=12)
    for category, text in (("notice", TEXT), ("urgent", "今晚停水。")):
        number = await drafted(db, place, category=category, text=text)
        await db.write(notices.confirm, number, by=place.steward, now=night)

    deps = job_deps(db, channel)
    await tick(deps, night)
    assert ["停水" in text for text in channel.heard("o-1")] == [True]

    await tick(deps, night + timedelta(hours=11))
    assert len(channel.heard("o-1")) == 2


async def test_a_group_of_staff_is_told_through_its_robot(db, place, channel):
    robot = FakeChannel(name="wecom", routes=(Route.GROUP,))
    number = await confirmed(db, place, group="值班群", buildings=(), text="今晚巡查地下车库。")

    await tick(job_deps(db, channel, robot))

    assert robot.heard("值班群") == ["【翡翠湾】通知\n今晚巡查地下车库。"]
    assert channel.heard("o-1") == []
    assert (await report_of(db, place, number)).by_state == {OutboxState.SENT: 1}


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", TextTooLong),
        ("好" * 501, TextTooLong),
        ("3栋2单元1201 欠费580元", PrivacyLint),
        ("{电话}", UnknownVariable),
    ],
)
async def test_a_text_that_may_not_go_to_many_is_refused(db, place, text, refusal):
    with pytest.raises(refusal):
        await drafted(db, place, text=text)


async def test_what_is_each_readers_own_is_never_said_to_a_group(db, place):
    with pytest.raises(PersonalInGroup):
        await drafted(db, place, text="{姓名}值班", group="值班群", buildings=())


async def test_a_text_of_five_hundred_characters_may_go(db, place):
    assert await drafted(db, place, text="好" * 500)


async def test_a_community_that_is_not_signed_is_silent(db, place):
    await db.write(lambda tx: tx.execute(update(communities).values(opened_at=None)) and None)

    with pytest.raises(CommunitySilent):
        await drafted(db, place)


async def test_before_it_is_widened_only_the_pilot_households_hear(db, place, channel):
    def begin_small(tx):
        tx.execute(update(communities).values(widened_at=None))
        pilots = [place.unit_ids["3-1-101"], place.unit_ids["3-1-102"]]
        tx.execute(update(units).where(units.c.id.in_(pilots)).values(is_pilot=1))

    await db.write(begin_small)
    await confirmed(db, place)

    await tick(job_deps(db, channel))

    told = {one.recipient for one in channel.delivered if "打药" in one.text}
    assert told == {"o-1", "o-2"}


async def test_nobody_to_tell_is_refused(db, place):
    number = await drafted(db, place, buildings=("9栋",))

    with pytest.raises(AudienceEmpty):
        await db.write(notices.confirm, number, by=place.steward, now=NOW)


async def test_the_cashier_and_the_staff_of_another_community_may_not(db, place):
    """I09, I10: another's is as if it were not there."""
    stranger = Staff(99, "外人", StaffRole.MANAGER, (place.community_id + 1,))
    number = await drafted(db, place)

    with pytest.raises(NotAllowed):
        await db.write(notices.draft, writing(place), by=place.cashier, now=NOW)
    with pytest.raises(UnknownAudience):
        await db.write(notices.draft, writing(place), by=stranger, now=NOW)
    for operation in (notices.confirm, notices.approve, notices.cancel, notices.resend_failed):
        with pytest.raises(UnknownBroadcast):
            await db.write(operation, number, by=stranger, now=NOW)
    with pytest.raises(UnknownBroadcast):
        await db.write(notices.confirm, number, by=place.manager, now=NOW)


async def test_a_long_queue_is_taken_in_parts(db, place):
    number = await confirmed(db, place)
    view = await db.read(find_broadcast, number, community_ids=(place.community_id,))
    await db.write(broadcasting.begin, view.broadcast_id, now=NOW)

    parts = [
        await db.write(broadcasting.queue_part, view.broadcast_id, now=NOW, limit=4)
        for _ in range(4)
    ]

    assert parts == [4, 4, 1, 0]
    keys = await db.read(lambda tx: tx.execute(select(outbox_rows.c.message_key)).scalars().all())
    assert len(keys) == len(set(keys)) == 9
