"""The list of channels names modules that exist and are not imported before they are needed."""

import subprocess
import sys

import pytest

from bot.channels.registry import CHANNELS, load_channel


@pytest.mark.parametrize("kind", [kind for kind, _, _ in CHANNELS])
def test_each_channel_has_a_class_and_a_config(kind: str):
    module, class_name = load_channel(kind)

    assert module.Config.__doc__
    assert callable(getattr(module, class_name).send)


def test_an_unknown_kind_is_named():
    with pytest.raises(KeyError, match="telegram"):
        load_channel("telegram")


def test_neither_the_list_nor_the_channels_import_wechatpy():
    code = (
        "import sys; from bot.channels.registry import CHANNELS, load_channel\n"
        "assert 'bot.channels.wechat_official' not in sys.modules\n"
        "[load_channel(kind) for kind, _, _ in CHANNELS]\n"
        "assert 'wechatpy' not in sys.modules and 'requests' not in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
