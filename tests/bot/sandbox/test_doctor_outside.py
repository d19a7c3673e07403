"""The doctor asks the platforms themselves: templates, quotas, clocks, and whether they know us."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.channels.wechat_official import Config
from bot.channels.wechat_templates import TemplateMapping
from bot.cli.doctor_outside import judge_skew, outside
from bot.config import CompanySettings, LinkSettings, Settings, WebSettings
from bot.demo_templates import mappings, sandbox_templates
from bot.sandbox.world import World


@pytest.fixture
def settings(world: World) -> Settings:
    wechat = world.facts()["wechat"]
    for one in sandbox_templates():
        world.account.add_template(one["template_id"], one["title"], one["content"])
    account = Config(
        name="demo",
        app_id=wechat["appid"],
        app_secret=wechat["app_secret"],
        original_id=wechat["original_id"],
        token=wechat["token"],
        aes_key=wechat["aes_key"],
        base_url=wechat["api_base_url"],
        templates=mappings(),
    )
    return Settings(
        WebSettings("http://127.0.0.1:9"),
        CompanySettings("安心物业"),
        LinkSettings("s" * 40),
        channels={"demo": ("wechat_official", account)},
    )


def changed(settings: Settings, **facts) -> Settings:
    kind, account = settings.channels["demo"]
    return replace(settings, channels={"demo": (kind, replace(account, **facts))})


async def test_an_account_that_is_in_order_says_so_line_by_line(settings: Settings):
    lines = await outside(settings)

    assert {grade for grade, _ in lines} == {"ok"}
    told = "\n".join(text for _, text in lines)
    assert f"all {len(mappings())} templates are the account's own" in told
    assert "calls left today of /cgi-bin/message/template/send" in told
    assert "clock: 0 s ahead of channels.demo" in told or "clock: 1 s" in told


async def test_what_the_platform_does_not_know_is_named(settings: Settings, world: World):
    world.account.limits["/cgi-bin/message/template/send"] = 0
    strange = {"reminder": TemplateMapping("nobody's", {"thing1": "unit"})}

    template = await outside(changed(settings, templates=strange))
    secret = await outside(changed(settings, app_secret="0" * 32))
    silent = await outside(changed(settings, base_url="http://127.0.0.1:9"))
    https = await outside(replace(settings, web=WebSettings("https://127.0.0.1:9")))

    assert ("bad", "channels.demo: templates.reminder: the account has no nobody's") in template
    assert [grade for grade, text in secret if "refuses us: 40125" in text] == ["bad"]
    assert [grade for grade, _ in silent] == ["warn"]
    assert (
        "warn",
        "web: 127.0.0.1 does not answer from here; are proxy and name in place?",
    ) in https


def test_a_clock_is_graded_by_how_far_it_is_off():
    grades = [judge_skew("x", timedelta(seconds=it))[0] for it in (5, -45, 45, 240, -9000)]

    assert grades == ["ok", "warn", "warn", "bad", "bad"]
