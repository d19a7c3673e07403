"""What staff ask for in chat, as a reviewer reads it in tests/golden/staff, and who may not."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from handlers import registry
from handlers.staff import deliveries
from storage.audit import CLOCK
from storage.events import Event, ReminderWords
from storage.kinds import BindingState, RefundStep, StaffRole
from storage.models.bills import bills
from storage.models.messages import outbox
from storage.models.notices import broadcasts
from storage.models.payments import refunds
from storage.models.people import bindings, staff_communities
from storage.models.tickets import tickets
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.ports.chat import Verdict
from tests import factories, town
from tests.desk import job_deps, tick
from tests.factories import NOW
from tests.fakes import FakeChannel

GOLDEN = Path(__file__).parents[2] / "golden" / "staff"
REFUND = "T261123000001"
NOTICE = "群发 3栋 明天上午9点到12点停水检修"


@pytest.fixture
async def place(db):
    return await db.write(town.build)


def compare(name: str, text: str) -> None:
    """Hold a text against its golden file, or write it there."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def ask_refund(tx, place) -> None:
    """Let the household of 3-1-101 pay and ask its money back, which a manager must agree to."""
    bill_ids = tuple(tx.execute(select(bills.c.id)).scalars())
    identity_id = factories.meet(tx, "o-1")
    paid = factories.pay(tx, place.unit_ids["3-1-101"], bill_ids, identity_id=identity_id)
    asked = RefundAskedFor(paid, 25_060, "asked", "缴错月份了", "key-1", identity_id)
    request_refund(tx, asked, actor=CLOCK, now=NOW)


def apply(tx, place):
    """Let somebody apply for 3-2-112, which nobody has bound."""
    return tx.execute(
        bindings.insert()
        .values(
            identity_id=factories.meet(tx, "o-new"),
            unit_id=place.unit_ids["3-2-112"],
            role="tenant",
            state=BindingState.APPLIED,
            said_name="赵敏",
            said_phone="13700001111",
            bound_at=NOW,
        )
        .returning(bindings.c.id)
    ).scalar_one()


TOLD = {
    "PaymentSettled": ("sent", "custom", ""),
    "BillsIssued": ("sent", "template", ""),
    "RefundSettled": ("held", "", "no_way_open"),
    "ReminderDue": ("suppressed", "", "weekly_cap"),
    "NoticeSent": ("waiting", "", "quiet_hours"),
    "RefundFailed": ("dead", "template", "47003 argument invalid! data.thing3.value"),
    "BindingChanged": ("unknown", "custom", ""),
}


def tell(tx, place, openid="o-1", told=TOLD):
    """Write down what became of messages to somebody."""
    for hours, (event, (state, route, why)) in enumerate(told.items()):
        at = NOW - timedelta(hours=hours)
        tx.execute(
            insert(outbox).values(
                message_key=f"{event}:{openid}",
                event=event,
                facts="{}",
                account=factories.ACCOUNT,
                recipient=openid,
                identity_id=factories.meet(tx, openid),
                community_id=place.community_id,
                urgency="receipt",
                state=state,
                route=route,
                why=why,
                created_at=at,
                sent_at=at if state == "sent" else None,
                not_before=NOW + timedelta(hours=23),
            )
        )


async def refund_state(db):
    return await db.read(lambda tx: tx.execute(select(refunds.c.state)).scalar_one())


async def broadcast_states(db):
    return await db.read(
        lambda tx: list(tx.execute(select(broadcasts.c.state).order_by(broadcasts.c.id)).scalars())
    )


TALKS = {
    "broadcast_in_one_message": (NOTICE, "确认", "群发进度"),
    "broadcast_step_by_step": (
        *("群发", "周六上午10点在1栋大厅办理门禁卡", "九栋", "3栋2单元", "紧急", "普通"),
        *("发吧发吧", "明天9点发", "群发进度", "改时间 N0001 昨天10点"),
        *("改时间 N0001 后天10点", "取消群发 N0001"),
    ),
    "broadcast_paused": (
        *(NOTICE, "明天9点", "暂停群发 N0001", "暂停群发 N0001", "群发进度"),
        *("继续群发 N0001", "继续群发 N0001", "继续群发", "群发进度"),
    ),
    "broadcast_with_variables": (
        "群发 3栋欠费 {姓名}您好，{房号}有{金额}到了缴费日，回复“账单”可以看。",
        *("预览", "取消", "群发 3栋 {电话}是多少", "取消"),
        *("群公告 值班群 {姓名}今晚值班",),
    ),
    "broadcast_given_up": (NOTICE, "不发了", "群发", "取消"),
    "broadcast_to_those_in_arrears": ("群发 3栋欠费 请尽快查看账单", "确认"),
    "broadcast_of_one_household": ("群发 3栋 3栋1单元101欠费501.20元，请尽快缴", "请大家尽快缴费"),
    "broadcast_to_nobody": ("群发 欠费90000元以上 请尽快查看账单",),
    "group_notice": ("群公告", "群公告 值班群 今晚8点巡查地下车库", "确认", "群发报告 N0001"),
    "hold": (
        *("暂停催缴", "暂停催缴 3-1-101", "暂停催缴 3-1-101 到12月1日", "催缴记录 3-1-101"),
        *("暂停催缴 3-1-101 到12月1日 住院", "催缴记录3栋1单元101", "恢复催缴 3-1-101"),
        *("暂停催缴 3栋1单元101 到月底 水费有争议", "恢复催缴 3-1-101", "恢复催缴 3-1-101"),
        *("催缴记录 3-1-101", "暂停催缴 3-1-101 到2030年1月1日 出国", "暂停催缴 9-9-909 到月底 病"),
    ),
    "today": ("今日",),
    "waiting_nothing": ("待审批",),
    "help": ("员工帮助",),
    "unnamed": ("同意", "同意群发", "取消群发", "同意绑定", "改时间 N0001", "补发 N0009"),
}


@pytest.mark.parametrize("name", TALKS)
async def test_a_steward_reads_what_the_golden_file_says(name, db, place, talk):
    steward = talk("s-steward")

    for text in TALKS[name]:
        await steward.say(text)

    compare(name, steward.script())


async def test_a_ticket_is_listed_given_noted_answered_and_closed_in_chat(db, place, talk):
    resident, steward = talk("o-1"), talk("s-steward")
    await steward.say("工单")
    await resident.say("厨房水管漏水，请打13800001234", "我家燃气漏了")
    number = "G26110001"

    for text in (
        *("工单", f"工单 {number}", "接单", f"接单 {number}", "派单", f"派单 {number} 谁"),
        *(f"派单 {number} 陈经理", f"备注 {number} 已联系水工，电话13900001111"),
        *(
            f"回复 {number} 师傅下午三点到",
            "结单",
            f"结单 {number} 水管已换好",
            f"结单 {number} 再关",
        ),
        *(f"工单 {number}", "工单", "工单 G26119999", f"备注 {number}", "回复"),
    ):
        await steward.say(text)

    compare("tickets", steward.script())


async def test_i08_i09_tickets_obey_nobody_but_their_own_office(db, place, talk):
    elsewhere = await db.write(factories.add_community, "听涛苑")
    await db.write(town.employ, elsewhere, "外人", StaffRole.MANAGER, "s-elsewhere")
    await talk("o-1").say("厨房水管漏水")
    acts = ("接单 {}", "派单 {} 外人", "备注 {} 看看", "回复 {} 看看", "结单 {} 看看", "工单 {}")

    outsider, resident = talk("s-elsewhere"), talk("o-2")
    for act in acts:
        text = act.format("G26110001")
        assert "没有找到" in await outsider.say(text)
        said = await resident.hear(text)
        assert said is None or not said.kind.startswith("staff_")
    listed = await outsider.say("工单")

    assert "没有等着办" in listed
    kept = await db.read(lambda tx: list(tx.execute(select(tickets.c.state)).scalars()))
    assert kept == ["open"]


async def test_a_broadcast_is_previewed_confirmed_and_reported(db, place, talk):
    """The steward's main job: count, confirm, progress, report, send again."""
    channel = FakeChannel()
    channel.will_say("o-1", Verdict.BAD_CONTENT)
    steward, deps = talk("s-steward"), job_deps(db, channel)
    await steward.say(NOTICE)
    assert await broadcast_states(db) == ["draft"]
    assert channel.delivered == []

    await steward.say("确认")
    await tick(deps)
    await steward.say("群发报告 N0001", "补发")
    await tick(deps, NOW)
    await steward.say("群发报告", "补发")

    assert await broadcast_states(db) == ["done"]
    assert [len(channel.heard(f"o-{n}")) for n in range(1, 11)] == [1] * 10
    compare("broadcast_reported_and_sent_again", steward.script())


async def test_over_the_communitys_number_another_agrees_in_chat(db, talk):
    await db.write(town.build, broadcast_approval_over=8)
    steward, manager = talk("s-steward"), talk("s-manager")
    await steward.say(NOTICE, "确认", "同意群发 N0001")

    await manager.say("待审批", "同意群发 N0001", "同意群发 N0001")

    assert await broadcast_states(db) == ["scheduled"]
    compare("broadcast_approved", f"{steward.script()}\n== 经理\n{manager.script()}")


async def test_a_manager_agrees_to_a_refund_and_the_resident_hears(db, place, talk):
    await db.write(ask_refund, place)
    manager = talk("s-manager")

    await manager.say("待审批", f"同意 {REFUND}", f"同意 {REFUND}", "同意 T269999000001", "今日")

    assert await refund_state(db) == RefundStep.APPROVED
    assert "o-1" in await db.read(town.notices_to, "RefundApproved")
    compare("refund_approved", manager.script())


async def test_a_refund_is_declined_with_a_reason_said_at_once_or_asked_for(db, place, talk):
    await db.write(ask_refund, place)
    manager = talk("s-manager")

    await manager.say("拒绝", f"拒绝 {REFUND}", "费用没有算错，已经和住户核对过。")

    assert await refund_state(db) == RefundStep.DECLINED
    assert "o-1" in await db.read(town.notices_to, "RefundDeclined")
    compare("refund_declined", manager.script())


async def test_an_application_is_approved_or_declined_by_its_number(db, place, talk):
    binding_id = await db.write(apply, place)
    steward = talk("s-steward")

    await steward.say("绑定申请", f"同意绑定 {binding_id} 家人", f"拒绝绑定 {binding_id}")

    row = await db.read(
        lambda tx: tx.execute(select(bindings).where(bindings.c.id == binding_id)).one()
    )
    assert (row.state, row.role) == (BindingState.ACTIVE, "family")
    compare("binding_approved", steward.script().replace(f"{binding_id}", "12"))


async def test_an_application_is_declined(db, place, talk):
    binding_id = await db.write(apply, place)

    text = await talk("s-steward").say(f"拒绝绑定 {binding_id}")

    assert "已拒绝 赵*" in text
    assert "o-new" in await db.read(town.notices_to, "BindingChanged")


@pytest.mark.parametrize(
    ("openid", "text"),
    [
        ("s-steward", f"同意 {REFUND}"),
        ("s-steward", f"拒绝 {REFUND} 不行"),
        ("s-cashier", f"同意 {REFUND}"),
        ("s-cashier", NOTICE),
        ("s-cashier", "群公告 值班群 开会"),
        ("s-cashier", "同意群发 N0001"),
        ("s-cashier", "同意绑定 1"),
    ],
)
async def test_a_role_that_may_not_is_told_so_and_nothing_changes(db, place, talk, openid, text):
    """I10."""
    await db.write(ask_refund, place)
    binding_id = await db.write(apply, place)

    said = await talk(openid).say(text)

    assert "有权限的同事" in said
    assert await refund_state(db) == RefundStep.REQUESTED
    assert await broadcast_states(db) == []
    state = await db.read(
        lambda tx: tx.execute(
            select(bindings.c.state).where(bindings.c.id == binding_id)
        ).scalar_one()
    )
    assert state == BindingState.APPLIED


@pytest.mark.parametrize(
    "text",
    [
        *(NOTICE, f"同意 {REFUND}", f"拒绝 {REFUND} 不行", "今日", "待审批", "员工帮助"),
        *("群公告 值班群 开会", "同意绑定 1", "取消群发 N0001", "群发进度", "补发 N0001"),
        "送达 3-1-101",
    ],
)
async def test_a_residents_staff_words_are_only_words(db, place, talk, text):
    """I08."""
    await db.write(ask_refund, place)

    reply = await talk("o-2").hear(text)

    assert not reply.kind.startswith("staff_")
    assert await refund_state(db) == RefundStep.REQUESTED
    count = await db.read(
        lambda tx: tx.execute(select(func.count()).select_from(broadcasts)).scalar_one()
    )
    assert count == 0


async def test_staff_see_what_became_of_each_message_and_why(db, place, talk):
    await db.write(tell, place)
    cashier = talk("s-cashier")

    for text in ("送达 3-1-101", "送达 3-1-102", "送达 3-2-112", "送达 9-9-999", "送达"):
        await cashier.say(text)

    compare("deliveries", cashier.script())


async def test_staff_of_another_community_see_no_messages_of_this_one(db, place, talk):
    await db.write(tell, place)
    elsewhere = await db.write(factories.add_community, "听涛苑")
    await db.write(town.employ, elsewhere, "外人", StaffRole.MANAGER, "s-elsewhere")

    assert "没有找到这一户" in await talk("s-elsewhere").say("送达 3-1-101")


def test_every_event_is_called_something_before_staff():
    known = {one.__name__ for one in Event.__subclasses__()} - {ReminderWords.__name__}

    assert set(deliveries.ABOUT) == known


async def test_staff_of_another_community_find_nothing(db, place, talk):
    """I09."""
    await db.write(ask_refund, place)
    elsewhere = await db.write(factories.add_community, "听涛苑")
    await db.write(town.employ, elsewhere, "外人", StaffRole.MANAGER, "s-elsewhere")
    stranger = talk("s-elsewhere")

    said = await stranger.say(f"同意 {REFUND}")

    assert "没有找到这笔退款" in said
    assert await stranger.say("待审批") == "现在没有等着审批的事。"
    assert await refund_state(db) == RefundStep.REQUESTED


async def test_another_communitys_office_sees_no_figures_and_moves_nothing(db, place, talk):
    """I09."""
    await db.write(ask_refund, place)
    binding_id = await db.write(apply, place)
    steward = talk("s-steward")
    await steward.say(NOTICE, "确认")
    elsewhere = await db.write(factories.add_community, "听涛苑")
    await db.write(town.employ, elsewhere, "外人", StaffRole.MANAGER, "s-elsewhere")
    stranger = talk("s-elsewhere")

    figures = await stranger.say("今日")
    tried = [
        await stranger.say(text)
        for text in (
            *(
                "群发报告 N0001",
                "群发报告",
                "取消群发 N0001",
                "补发 N0001",
                "改时间 N0001 明天10点",
            ),
            *(f"同意绑定 {binding_id}", f"拒绝绑定 {binding_id}"),
        )
    ]

    assert not any(digit in figures.partition("：")[2] for digit in "123456789")
    assert all("没有找到" in said for said in tried)
    assert await broadcast_states(db) == ["scheduled"]
    assert "绑定申请 1 个" in await steward.say("待审批")


async def test_a_manager_does_not_agree_to_her_own_refund(db, place, talk):
    def hers(tx):
        binding = factories.add_binding(tx, "s-manager", place.unit_ids["3-1-101"], None)
        bill_ids = tuple(tx.execute(select(bills.c.id)).scalars())
        identity_id = factories.meet(tx, "s-manager")
        paid = factories.pay(tx, place.unit_ids["3-1-101"], bill_ids, identity_id=identity_id)
        asked = RefundAskedFor(paid, 25_060, "asked", "", "key-1", identity_id)
        request_refund(tx, asked, actor=CLOCK, now=NOW)
        return binding

    await db.write(hers)

    said = await talk("s-manager").say(f"同意 {REFUND}")

    assert "不能由自己审批" in said
    assert await refund_state(db) == RefundStep.REQUESTED


async def test_who_serves_two_communities_says_which(db, place, talk):
    other = await db.write(factories.add_community, "听涛苑")
    await db.write(
        lambda tx: (
            tx.execute(
                insert(staff_communities).values(
                    staff_id=place.steward.staff_id, community_id=other
                )
            )
            and None
        )
    )
    steward = talk("s-steward")

    asked = await steward.say("群发 全小区 周六打药")
    shown = await steward.say("1")
    named = await steward.say("群发 翡翠湾 3栋 周六打药")

    assert "哪个" in asked
    assert "翡翠湾 全小区（13 户）" in shown
    assert "翡翠湾 3栋（12 户）" in named


def test_longer_commands_come_before_the_shorter_ones_they_begin_with():
    known: list[str] = []
    for intent in registry.STAFF_INTENTS:
        for words in intent.said_as:
            assert not [one for one in known if words.startswith(one) and words != one], words
        known += intent.said_as
