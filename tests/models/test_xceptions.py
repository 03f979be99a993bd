"""The flows of an Xception run, one after another, as the network does; other networks are refused in one line."""

import pytest
import torch
from timm.models.xception import Block

from ddet import models, params
from ddet.errors import InputError
from ddet.models import xceptions


def config(backbone: str) -> params.Model:
    return params.Model(name="srm", backbone=backbone, size=64, form="released", swin=None, width=1)


def test_the_flows_are_the_whole_network_in_order():
    torch.manual_seed(0)
    net, image = xceptions.make(config("slim_xception")).eval(), torch.randn(2, 3, 64, 64)
    x, parts = image, xceptions.flows(net)
    for layers in (*parts.stem, parts.entry, parts.middle, parts.exit):
        x = layers(x)
    with torch.no_grad():
        torch.testing.assert_close(x.relu(), net.forward_features(image))
    assert not torch.equal(x, x.relu()), "the last ReLU is left to the caller"


@pytest.mark.parametrize(
    ("name", "middle", "widths"),
    [("slim_xception", 2, [16, 32, 112, 112, 192]), ("legacy_xception", 8, [32, 64, 728, 728, 2048])],
)
def test_the_flows_have_the_blocks_of_the_paper(name, middle, widths):
    with torch.device("meta"):
        parts = xceptions.flows(models.make_backbone(name, num_classes=0))
    assert len(parts.entry) == 3 and len(parts.middle) == middle
    assert all(isinstance(block, Block) for block in (*parts.entry, *parts.middle, parts.exit[0]))
    flow = (*parts.stem, parts.entry, parts.middle, parts.exit)
    assert [xceptions.width(layers) for layers in flow] == widths


def test_views_leave_the_network_as_it_is():
    net = xceptions.make(config("slim_xception")).eval()
    names = [name for name, _ in net.named_modules()]
    xceptions.flows(net)
    assert names == [name for name, _ in net.named_modules()] and not net.training
    assert not any(m.training for m in net.modules())


def test_another_network_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"'slim_vgg': is no Xception; use one of legacy_xception, slim_xception"):
        xceptions.make(config("slim_vgg"))
