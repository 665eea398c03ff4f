"""The register: every method by its name.

Adding a method is one file and one line here; what the suite must know of it are its class fields.
"""

from __future__ import annotations

from methods.deep_ensemble import Bagging, DeepEnsemble
from methods.interface import Prediction, UncertaintyMethod
from methods.mc_dropout import (
    ArticleMCDropout,
    DropoutOff,
    MCDropout,
    MCDropoutEnsemble,
    MCDropoutWithoutBlanks,
)
from methods.pooled import MemberMethod, PooledMethod
from methods.posthoc.augmentation import Augmentation
from methods.posthoc.laplace import (
    LaplaceLastLayer,
    LaplaceLastLayerFisher,
    LaplaceLastLayerKron,
)
from methods.posthoc.laplace_kron import LaplaceKron
from methods.posthoc.snapshot_ensemble import FastGeometricEnsemble, SnapshotEnsemble
from methods.posthoc.swag import SWAG
from methods.posthoc.temperature_scaling import (
    TemperatureScaledEnsemble,
    TemperatureScaledMCDropout,
    TemperatureScaling,
)
from methods.posthoc.uniform_mixture import UniformMixture
from methods.softmax import Softmax, WeightAveraging
from methods.trained.batch_ensemble import BatchEnsemble
from methods.trained.cyclical_sghmc import CyclicalSGHMC
from methods.trained.evidential import Evidential
from methods.trained.ivon import IVON
from methods.trained.masksembles import Masksembles
from methods.trained.mimo import MIMO
from methods.trained.packed_ensemble import PackedEnsemble
from methods.trained.shallow_ensemble import ShallowEnsemble
from methods.trained.sngp import SNGP
from methods.trained.variational import Variational

__all__ = [
    "IVON",
    "METHODS",
    "MIMO",
    "SNGP",
    "SWAG",
    "ArticleMCDropout",
    "Augmentation",
    "Bagging",
    "BatchEnsemble",
    "CyclicalSGHMC",
    "DeepEnsemble",
    "DropoutOff",
    "Evidential",
    "FastGeometricEnsemble",
    "LaplaceKron",
    "LaplaceLastLayer",
    "LaplaceLastLayerFisher",
    "LaplaceLastLayerKron",
    "MCDropout",
    "MCDropoutEnsemble",
    "MCDropoutWithoutBlanks",
    "Masksembles",
    "MemberMethod",
    "PackedEnsemble",
    "PooledMethod",
    "Prediction",
    "ShallowEnsemble",
    "SnapshotEnsemble",
    "Softmax",
    "TemperatureScaledEnsemble",
    "TemperatureScaledMCDropout",
    "TemperatureScaling",
    "UncertaintyMethod",
    "UniformMixture",
    "Variational",
    "WeightAveraging",
]

METHODS: dict[str, type[UncertaintyMethod]] = {
    method.name: method
    for method in (
        Softmax,
        MCDropout,
        MCDropoutWithoutBlanks,
        DeepEnsemble,
        TemperatureScaling,
        TemperatureScaledMCDropout,
        TemperatureScaledEnsemble,
        LaplaceLastLayer,
        UniformMixture,
        LaplaceKron,
        Augmentation,
        SWAG,
        SnapshotEnsemble,
        LaplaceLastLayerKron,
        LaplaceLastLayerFisher,
        FastGeometricEnsemble,
        MCDropoutEnsemble,
        BatchEnsemble,
        PackedEnsemble,
        MIMO,
        ShallowEnsemble,
        Masksembles,
        Variational,
        IVON,
        CyclicalSGHMC,
        SNGP,
        Evidential,
        ArticleMCDropout,
        DropoutOff,
        Bagging,
        WeightAveraging,
    )
}
