"""Load a model of timm, of torchvision or of the user's own with the weights that can be had, and state its facts.

Names, weights files and checkpoints are hostile until read: files go through ``weights_only=True`` or safetensors, and
the network is reached only for pretrained weights that were asked for and are not on this machine yet. A user's own
file is run because the user named it, and only then.
"""

from cvadvisor.inspect.model.build import create, takes_channels_last
from cvadvisor.inspect.model.describe import describe
from cvadvisor.inspect.model.errors import ModelError
from cvadvisor.inspect.model.name import Origin, check_name, nearest_models, origin, own_file
from cvadvisor.inspect.model.weights import WHEEL, WHEEL_MODEL, Weights, load_into, load_weights, save_state

__all__ = [
    "WHEEL",
    "WHEEL_MODEL",
    "ModelError",
    "Origin",
    "Weights",
    "check_name",
    "create",
    "describe",
    "load_into",
    "load_weights",
    "nearest_models",
    "origin",
    "own_file",
    "save_state",
    "takes_channels_last",
]
