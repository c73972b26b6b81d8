"""Models as a user's own file: one that is well, and others with one thing wrong."""

from pathlib import Path

SOURCE = '''
import torch
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 2, 1)
        self.conv2 = nn.Conv2d(16, 32, 3, 2, 1)
        self.fc = nn.Linear(32, num_classes)

    def maps(self, x):
        return self.conv2(self.conv1(x).relu()).relu()

    def forward(self, x):
        return self.fc(self.maps(x).mean((2, 3)))


class Dropout(Net):
    def forward(self, x):
        return self.fc(functional.dropout(self.maps(x).mean((2, 3)), 0.5, self.training))


class BatchNorm(Net):
    momentum = 0.1

    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.norm = nn.BatchNorm1d(32, momentum=self.momentum)
        self.hidden = nn.Linear(32, 32)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        return self.fc(self.hidden(self.norm(1000 * self.maps(x).amax((2, 3)))))


class Auxiliary(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.aux = nn.Sequential(nn.Linear(32, 8), nn.Tanh(), nn.Linear(8, 17))

    def forward(self, x):
        features = self.maps(x).mean((2, 3))
        return {"logits": self.fc(features), "aux": [self.aux(features)]} if self.training else self.fc(features)


class Detached(Net):
    def maps(self, x):
        return self.conv2(self.conv1(x).relu().detach()).relu()


class Mixing(Net):
    """A permute too many: pixels of all images are spread over all outputs."""

    def forward(self, x):
        maps = self.maps(x).flatten(2)
        return self.fc(maps.permute(2, 0, 1).reshape(len(x), -1, 32).mean(1))


class Frozen(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.conv2.requires_grad_(False)


class Sigmoids(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.deep = nn.Sequential(*[layer for _ in range(5) for layer in (nn.Linear(32, 32), nn.Sigmoid())])

    def forward(self, x):
        return self.fc(self.deep(self.maps(x).mean((2, 3))))


class Exploding(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.deep = nn.Sequential(*[layer for _ in range(6) for layer in (nn.Linear(32, 32), nn.ReLU())])
        for layer in self.deep[::2]:
            nn.init.normal_(layer.weight, std=3.0)

    def forward(self, x):
        return self.fc(self.deep(self.maps(x).mean((2, 3))))


class Bypassed(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.direct = nn.Conv2d(32, num_classes, 1)

    def forward(self, x):
        maps = self.maps(x)
        self.fc(maps.mean((2, 3)))
        return self.direct(maps).mean((2, 3))


class Broken(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        nn.init.constant_(self.conv2.weight, float("nan"))


class Overflowing(Net):
    def forward(self, x):
        return super().forward(x * 1e30 * 1e30)


class Dead(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        nn.init.constant_(self.conv2.bias, -100.0)


class Constant(Net):
    def forward(self, x):
        return super().forward(torch.ones_like(x))


class ForgetfulBatchNorm(BatchNorm):
    momentum = 1e-5


class RandomAlways(Net):
    def forward(self, x):
        return self.fc(functional.dropout(self.maps(x).mean((2, 3)), 0.5))


class Viewing(nn.Module):
    """It takes 64 px only, and no feature maps with their channels last."""

    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 4, 1)
        self.fc = nn.Linear(4 * 16 * 16, classes)

    def forward(self, x):
        return self.fc(self.conv(x).relu().view(len(x), -1))


class Averaged(Net):
    """As distilled models do it."""

    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.fc2 = nn.Linear(32, num_classes)

    def forward(self, x):
        maps = self.maps(x)
        return (self.fc(maps.mean((2, 3))) + self.fc2(maps.amax((2, 3)))) / 2


class Stated(Net):
    image_size = (48, 48)
    mean = (0.5, 0.5, 0.5)
    std = torch.full((3,), 0.25)


class Gray(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


class AlwaysZero(nn.Module):
    """It has nothing but a head."""

    def __init__(self, num_classes):
        super().__init__()
        self.fc = nn.Linear(4, num_classes)

    def forward(self, x):
        return self.fc(torch.zeros(len(x), 4, device=x.device))


def fixed_head():
    return Net(1000)


def with_weights(num_classes, **_):
    torch.manual_seed(7)
    return Net(num_classes)


def takes_two(a, b):
    return Net(3)


def fails(num_classes):
    raise RuntimeError("no such thing\\nat all")


def gives_text():
    return "resnet"


def convolution_head():
    return nn.Sequential(nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def two_outputs_swapped(num_classes):
    return nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU())


already_made = Net(3)
number = 7
'''


def write_models(folder: Path) -> Path:
    """The file, in ``folder``."""
    file = folder / "own_models.py"
    file.write_text(SOURCE, encoding="utf-8")
    return file
