"""A text for many never tells of one household's debt, a phone number or an identity number."""

import pytest

from storage.rules.privacy import private_part

PRIVATE = (
    "3栋2单元1201欠费580元",
    "1201欠费",
    "3栋1201 物业费 580元",
    "三栋二单元一二零一没交物业费",
    "3-2-1201 逾期",
    "１２０１室　欠费",
    "车位B1-023 欠费",
    "1201、1202、1303 三户未缴费",
    "3 栋 2 单元 1201 室 拖欠三个月",
    "3—2—1201 待缴 ￥250.60",
    "欠费名单：1201",
    "请联系张三 13800001234",
    "请联系 138 0000 1234",
    "请联系 １３８-０００１-２３４５",
    "身份证 330102199001011234",
    "身份证 33010219900101123x",
)
PUBLIC = (
    "明天9点到12点3栋2单元停水检修，请提前蓄水。",
    "1201室漏水，正在抢修。",
    "请欠费住户于2026年12月25日前缴清。",
    "3栋12月物业费未缴的住户请尽快缴费。",
    "物业费每月每平方米2.80元，请按时缴纳。",
    "服务电话 0571-88886666，欠费查询请回复“账单”。",
    "服务热线 400-800-1234。",
    "欠费500元以上的住户可以分期。",
    "3栋2单元共120户，全部缴清。",
    "缴费截止 2026-11-25，逾期请联系前台。",
)


@pytest.mark.parametrize("text", PRIVATE)
def test_what_tells_of_one_household_is_found(text: str):
    assert private_part(text)


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_for_everybody_passes(text: str):
    assert private_part(text) is None
