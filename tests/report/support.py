"""The article's claims as a run leaves them."""

from __future__ import annotations

CLAIM = {
    "id": "image-61",
    "statement": "Image 61 is <told> differently.",
    "place": "section 2",
    "rule": "at least half",
    "remark": "",
    "verdict": "not reproduced",
    "why": "together: 3 of 50 networks",
    "beside": {"standard": "together: 5 of 50 networks"},
    "figure": "claims-count-plots",
    "numbers": {"article": {"votes": [0.25, 0.75, None]}, "standard": {"gap": [0.5]}},
}
CLAIMS = {
    "setting": {
        **{"recipe": "article", "networks": 50, "epochs": 10, "passes": 100},
        **{"images": 10_000, "ood": ["ood-fashion_mnist"], "unavailable": ["ood-kmnist"]},
        "beside": {"standard": 3},
    },
    "claims": [CLAIM, CLAIM | {"id": "other", "verdict": "reproduced"}],
    "double_softmax": [
        {
            **{"method": "softmax", "measure": "NLL, clean"},
            **{"article": 0.5, "article-logits": 0.25, "standard": 0.125},
            **{"difference": 0.25, "lower": 0.2, "upper": 0.3},
        },
        {
            **{"method": "deep_ensemble", "measure": "NLL, clean"},
            **{"article": 0.5, "article-logits": 0.25, "difference": 0.25},
        },
    ],
}
