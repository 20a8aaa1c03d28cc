"""What serves models: the embedded Llama and its codec, NLI models, Hugging Face models, and the factory of names."""

from coarse2fine.serving.codec import Codec, Session
from coarse2fine.serving.factory import LoadedModel, load_chat_model, load_nli, model_folder, unload_chat_models
from coarse2fine.serving.failures import model_failures
from coarse2fine.serving.nli import NLIModel, NLIScores, Pair, SequenceClassifierNLI, TrueTeacherNLI
from coarse2fine.serving.scripted import ScriptedChatModel, ScriptedNLI
from coarse2fine.serving.shared_nli import SharedNLI

__all__ = [
    "Codec",
    "LoadedModel",
    "NLIModel",
    "NLIScores",
    "Pair",
    "ScriptedChatModel",
    "ScriptedNLI",
    "SequenceClassifierNLI",
    "Session",
    "SharedNLI",
    "TrueTeacherNLI",
    "load_chat_model",
    "load_nli",
    "model_failures",
    "model_folder",
    "unload_chat_models",
]
