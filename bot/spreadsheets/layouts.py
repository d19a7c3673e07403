"""What other systems call their columns: the sheets of HC小区 and 肇新, besides an office's own."""

from collections.abc import Mapping
from typing import Final

Also = Mapping[str, str]
"""Header → field, in the sheets of one kind only."""

_PLACE: Final[dict[str, str]] = {
    "房屋编码": "unit",
    "收费对象": "unit",
    "房间号码": "unit",
    "商铺编号": "unit",
    "楼栋编号": "building",
    "单元编号": "entrance",
    "商业区": "block",
    "商业区编号": "block",
    "商铺区域": "block",
    "商铺区域编号": "block",
}
"""A 肇新 block (商业区) is its community by number, and every unit in it a shop."""

ESTATE: Final[dict[str, str]] = _PLACE | {
    "房屋类型": "kind",
    "占地面积": "area",
    "业主名称": "name",
    "业主类型": "role",
}
PEOPLE: Final[Also] = ESTATE | {
    "开始时间": "from_on",
    "结束时间": "until_on",
    "迁入日期": "from_on",
}
BILLS: Final[Also] = _PLACE | {
    "费用项": "fee_item",
    "收费项名称": "fee_item",
    "费用类型": "fee_type",
    "开始时间": "begins_on",
    "结束时间": "ends_on",
    "费用开始时间": "begins_on",
    "费用结束时间": "ends_on",
    "起收日期": "begins_on",
    "到期日期": "ends_on",
    "缴费限期": "due_on",
    "应缴/应收金额": "amount",
    "收费金额": "amount",
    "费用金额": "amount",
    "实收金额": "received",
    "实缴金额": "received",
    "优惠金额": "off_1",
    "减免金额": "off_2",
    "赠送金额": "off_3",
    "空置房打折金额": "off_4",
    "空置房减免金额": "off_5",
    "滞纳金": "late_fee",
    "违约金": "late_fee",
    "业主名称": "name",
    "费用状态": "ignored",
    "商铺状态": "ignored",
}
"""`received` is what was paid of the amount, `off_*` what was taken off it before."""
OFF: Final = ("off_1", "off_2", "off_3", "off_4", "off_5")

CHOICES: Final[Also] = _PLACE | {
    "费用项": "fee_item",
    "收费标准": "scheme",
    "标准名称": "scheme",
    "是否收费": "is_charged",
    "数量": "count",
    "人数": "heads",
    "计费起点": "anchored_on",
    "车牌号": "plate",
    "车牌": "plate",
    "计费起始时间": "from_on",
    "计费结束时间": "until_on",
    "类型": "ignored",
    "房屋状态": "ignored",
}
"""Who has which tariff; HC小区's sheet of fees to create (创建费用) is read too."""
