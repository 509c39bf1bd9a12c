"""The binary focal loss with a focus of 2 (Lin et al., 2017)."""


def forward(score, label):
    p = score.sigmoid()
    return -(label * (1 - p) ** 2 * p.log() + (1 - label) * p**2 * (1 - p).log()).sum()
