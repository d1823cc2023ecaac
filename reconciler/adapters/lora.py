"""The tensors of a LoRA adapter: pairs, ranks, modules, dtypes, and whether they fit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.adapters.config import LoraConfig
from reconciler.adapters.families import models_of_width, width_of
from reconciler.adapters.safetensors import Tensor
from reconciler.adapters.text import shown, some
from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import adapters as codes
from reconciler.model import AdapterFacts

DTYPES = ("F16", "BF16", "F32")
"""What PEFT trains in and vLLM loads (vllm.config LoRAConfig.lora_dtype)."""

# As PEFT writes them and vLLM reads them (vllm/lora/utils.py, parse_fine_tuned_lora_name).
_NAME = re.compile(
    r"base_model\.model\.(?P<module>.+)\."
    r"(?:lora_(?P<part>[AB])\.weight|lora_embedding_(?P<embedding>[AB]))\Z",
    re.DOTALL,
)
_COPY_OF_BASE = ".base_layer.weight"
_PLAIN_KEY = re.compile(r"\^?[\w.]+\Z")
_READS_HIDDEN_STATE = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")
_SAME_TRAINING = "Use the adapter_config.json that was saved together with these weights."

_OTHER_WRITERS = (
    (".default.weight", "They carry the adapter's name: save with peft_model.save_pretrained()."),
    ("lora_magnitude_vector", "They are DoRA's: train without use_dora."),
    ("lora_down", "They are named as kohya's scripts do: convert them to PEFT's format."),
    ("lora_a", "They are named as MLX does: convert them to PEFT's format."),
    ("lora_A.bias", "They are biases: train without lora_bias."),
    ("lora_B.bias", "They are biases: train without lora_bias."),
)


@dataclass(slots=True)
class _Module:
    """The two halves of what was trained for one module."""

    name: str
    halves: dict[str, Tensor] = field(default_factory=dict)

    @property
    def last(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def is_of_matrices(self) -> bool:
        return all(len(half.shape) == 2 and all(half.shape) for half in self.halves.values())

    @property
    def ranks(self) -> set[int]:
        # A is (rank, inputs), B is (outputs, rank).
        return {half.shape["AB".index(part)] for part, half in self.halves.items()}


def check_tensors(
    tensors: Sequence[Tensor], config: LoraConfig | None, model: str
) -> Iterator[Diagnostic]:
    """Check the weights against their configuration and against the base model's width.

    config: None where it could not be read; then only what the weights say themselves.
    """
    modules, others = _modules(tensors)
    yield from _check_dtypes(tensors)
    if not modules:
        yield _no_pairs(others)
        return
    yield from _check_others(others, config)
    halves = [
        f"{m.name}: lora_{'B' if 'A' in m.halves else 'A'}" for m in modules if len(m.halves) < 2
    ]
    if halves:
        yield codes.INCOMPLETE_PAIR.error(
            f"There is no other half for {some(halves)}.",
            hint="Save the adapter again with PEFT.",
        )
    matrices = [m for m in modules if m.is_of_matrices]
    others = [m.name for m in modules if not m.is_of_matrices]
    if others:
        yield codes.UNEXPECTED_TENSOR.error(
            f"LoRA weights must be matrices that are not empty; others are in {some(others)}.",
            hint="Train linear layers only.",
        )
    yield from _check_ranks(matrices, config)
    yield from _check_modules(modules, config)
    yield from _check_width(matrices, model)


def facts(tensors: Sequence[Tensor], config: LoraConfig | None) -> AdapterFacts:
    """Collect what people want to know of an adapter."""
    config = config or LoraConfig()
    modules, _ = _modules(tensors)
    found = {module.last for module in modules} or set(config.target_modules or ())
    return AdapterFacts(
        base_model=config.base_model,
        model_type=config.model_type,
        task_type=config.task_type,
        rank=config.rank,
        alpha=config.alpha,
        modules=tuple(sorted(found)),
        tensors=len(tensors),
        dtypes=dict(sorted(Counter(tensor.dtype for tensor in tensors).items())),
        parameters=sum(tensor.parameters for tensor in tensors),
    )


def _modules(tensors: Sequence[Tensor]) -> tuple[list[_Module], list[str]]:
    modules: dict[str, _Module] = {}
    others: list[str] = []
    for tensor in tensors:
        found = _NAME.match(tensor.name)
        if found:
            module = modules.setdefault(found["module"], _Module(found["module"]))
            module.halves[found["part"] or found["embedding"]] = tensor
        else:
            others.append(tensor.name)
    return list(modules.values()), others


def _check_dtypes(tensors: Sequence[Tensor]) -> Iterator[Diagnostic]:
    wrong = [tensor for tensor in tensors if tensor.dtype not in DTYPES]
    if wrong:
        dtypes = ", ".join(sorted({tensor.dtype for tensor in wrong}))
        yield codes.DTYPE.error(
            f"{dtypes} is the dtype of {some(t.name for t in wrong)}; inference takes "
            f"{', '.join(DTYPES)}.",
            hint="Convert before saving: model.to(torch.bfloat16).",
        )


def _no_pairs(others: Sequence[str]) -> Diagnostic:
    return codes.NO_TENSORS.error(
        f"No tensor is a LoRA weight as PEFT names them; there is {some(others)}.",
        hint=_other_writer(others)
        or "Save the adapter, not the whole or merged model: peft_model.save_pretrained(FOLDER).",
    )


def _other_writer(names: Sequence[str]) -> str:
    return next((hint for part, hint in _OTHER_WRITERS if any(part in n for n in names)), "")


def _check_others(others: Sequence[str], config: LoraConfig | None) -> Iterator[Diagnostic]:
    copies = [name for name in others if name.endswith(_COPY_OF_BASE)]
    if copies:
        yield codes.UNEXPECTED_TENSOR.warning(
            f"The file holds copies of the base model's own weights: {some(copies)}.",
            hint="Save with peft_model.save_pretrained(FOLDER, save_embedding_layers=False).",
        )
    rest = [name for name in others if not name.endswith(_COPY_OF_BASE)]
    # What the configuration says openly is reported there, where it can be mended.
    if rest and not (config and config.beyond):
        yield codes.UNEXPECTED_TENSOR.error(
            f"Besides LoRA weights the file holds {some(rest)}.",
            hint=_other_writer(rest) or "Save with PEFT an adapter that is plain LoRA.",
        )


def _check_ranks(modules: Sequence[_Module], config: LoraConfig | None) -> Iterator[Diagnostic]:
    split = [module.name for module in modules if len(module.ranks) > 1]
    if split:
        yield codes.RANK_DIFFERS.error(
            f"lora_A and lora_B have different ranks in {some(split)}.",
            hint="Save the adapter with PEFT again.",
        )
    if not config or not config.rank:
        return
    expected = _ExpectedRanks(config)
    wrong: dict[tuple[int, str], list[str]] = {}
    for module in modules:
        ranks = expected.of(module.name)
        if len(module.ranks) == 1 and not module.ranks <= ranks:
            said = " or ".join(str(rank) for rank in sorted(ranks))
            wrong.setdefault((min(module.ranks), said), []).append(module.name)
    for (rank, said), names in wrong.items():
        yield codes.RANK_DIFFERS.error(
            f"The configuration says rank {said}; the weights have {rank} in {some(names)}.",
            hint=_SAME_TRAINING,
        )


class _ExpectedRanks:
    """The rank as PEFT finds it: of the first key that the name ends with, or r.

    PEFT reads the keys of rank_pattern as patterns. Those that are more than a name are not
    run, as they could run for ever: any of the configured ranks is then as good.
    """

    def __init__(self, config: LoraConfig) -> None:
        self._default = {config.rank}
        self._ranks = config.rank_pattern
        self._order = {key: order for order, key in enumerate(config.rank_pattern)}
        if not all(_PLAIN_KEY.match(key) for key in config.rank_pattern):
            self._default |= set(config.rank_pattern.values())
            self._order = {}

    def of(self, module: str) -> set[int]:
        keys = [key for key in (f"^{module}", *_suffixes(module)) if key in self._order]
        return {self._ranks[min(keys, key=self._order.__getitem__)]} if keys else self._default


def _check_modules(modules: Sequence[_Module], config: LoraConfig | None) -> Iterator[Diagnostic]:
    if not config or config.target_modules is None:
        return
    targets = set(config.target_modules)
    used: set[str] = set()
    strange: list[str] = []
    for module in modules:
        matching = targets.intersection(_suffixes(module.name))
        used |= matching
        if not matching:
            strange.append(module.name)
    if strange and not config.beyond:
        yield codes.MODULES_DIFFER.error(
            f"There are weights for {some(strange)}; target_modules has {some(sorted(targets))}.",
            hint=_SAME_TRAINING,
        )
    unused = sorted(targets - used)
    if unused:
        yield codes.MODULES_DIFFER.warning(
            f"target_modules has {some(unused)}, and there are no weights for it.",
            hint=f"Remove it if the model has no such module; otherwise: {_SAME_TRAINING}",
        )


def _suffixes(module: str) -> Iterator[str]:
    """Walk the name's endings at a dot, as PEFT compares them: a.b.c, b.c, c."""
    yield module
    while "." in module:
        module = module.partition(".")[2]
        yield module


def _check_width(modules: Sequence[_Module], model: str) -> Iterator[Diagnostic]:
    wanted = width_of(model)
    if not wanted:
        return
    widths = {
        module.halves["A"].shape[1]
        for module in modules
        if module.last in _READS_HIDDEN_STATE and "A" in module.halves
    }
    # A width that no known model has is left alone: that is a cut-down model, for trials.
    for width in sorted(widths - {wanted}):
        known = models_of_width(width)
        if known:
            yield codes.WRONG_BASE_MODEL.error(
                f"The weights are for a model {width:,} wide, as {some(known)} is; "
                f"{shown(model)} is {wanted:,} wide.",
                hint="Change `model` in the manifest, or use the adapter that belongs to it.",
            )
