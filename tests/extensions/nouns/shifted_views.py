"""A method of one network of the pool, of several sizes."""

import torch

from methods import MemberMethod

SHIFTS = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, -1))


class ShiftedViews(MemberMethod):
    """Test-time augmentation: a member is the network's prediction of the shifted image."""

    name = "shifted_views"
    label = "Shifted views"
    citation = "Ayhan & Berens 2018"
    group = "single network"
    size, sweep = "views", (2, 4, 7)

    def __init__(self, *, seed=0, device="cpu", pool=None, replicate=0, views=7):
        super().__init__(seed=seed, device=device, pool=pool, replicate=replicate)
        self.views = views

    @property
    def member_slice(self):
        return slice(0, self.views)

    def member_logits(self, images):
        views = (torch.roll(images, shift, dims=(2, 3)) for shift in SHIFTS[: self.views])
        return torch.cat([self.prepared.logits(view) for view in views])
