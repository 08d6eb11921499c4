"""The plan as an OpenFeature provider, and a team's own provider, loaded by its name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar, cast

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, FeatureProvider, Metadata

from bridge import paths
from bridge.errors import ConfigError
from bridge.models import UserId
from bridge.rollout.deciding import Person, decide
from bridge.rollout.plan import Plan

PROVIDER_SETTING: Final = "BRIDGE_ROLLOUT_PROVIDER"
FLAG: Final = "chat-bridge-path"
"""The one flag: a string, `bridge` or `legacy`."""
CLIENT_NAME: Final = "client_name"
CLIENT_VERSION: Final = "client_version"

T = TypeVar("T")

_ASKED_OF_A_PROVIDER: Final = ("attach", "get_metadata", "get_provider_hooks", "resolve_string_details_async")
_REASONS: Final = {
    paths.Reason.STAGE: Reason.STATIC,
    paths.Reason.KILL_SWITCH: Reason.DISABLED,
    paths.Reason.DENIED: Reason.TARGETING_MATCH,
    paths.Reason.ALLOWED: Reason.TARGETING_MATCH,
    paths.Reason.CLIENT_TOO_OLD: Reason.TARGETING_MATCH,
    paths.Reason.COHORT: Reason.SPLIT,
}


class PlanProvider(AbstractProvider):
    """Evaluates the plan in force."""

    def __init__(self, plan: Callable[[], Plan]) -> None:
        super().__init__()
        self._plan = plan

    def get_metadata(self) -> Metadata:
        """Return the provider's name."""
        return Metadata(name="chat-bridge plan")

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Resolve the flag for a user."""
        if flag_key != FLAG:
            return _not_found(default_value)
        context = evaluation_context or EvaluationContext()
        if not context.targeting_key:
            return FlagResolutionDetails(default_value, ErrorCode.TARGETING_KEY_MISSING, "a users.id is needed")
        decision = decide(self._plan(), _person(context.targeting_key, context.attributes))
        stage = decision.stage.value if decision.stage else ""
        return FlagResolutionDetails(
            value=decision.path.value,
            reason=_REASONS[decision.reason],
            variant=decision.path.value,
            flag_metadata={"stage": stage, "reason": decision.reason.value},
        )

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001  # the SDK's signature
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Find no such flag."""
        return _not_found(default_value)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Find no such flag."""
        return _not_found(default_value)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Find no such flag."""
        return _not_found(default_value)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Find no such flag."""
        return _not_found(default_value)


def load_provider(name: str) -> FeatureProvider:
    """Make the provider that `module:factory` makes when it is called without arguments.

    Raises:
        ConfigError: there is no such module or factory, it fails, or what it makes is no provider.

    """
    module_name, _, factory_name = name.partition(":")
    if not module_name or not factory_name:
        raise ConfigError(f"{PROVIDER_SETTING} must look like module:factory.")
    try:
        factory = getattr(importlib.import_module(module_name), factory_name, None)
    except Exception as error:
        raise ConfigError(
            f"{PROVIDER_SETTING} names a module that cannot be imported ({type(error).__name__})."
        ) from error
    if not callable(factory):
        raise ConfigError(
            f"{PROVIDER_SETTING} names {factory_name}, which the module does not have as something to call."
        )
    try:
        made = factory()
    except Exception as error:
        raise ConfigError(f"{PROVIDER_SETTING} names a factory that fails ({type(error).__name__}).") from error
    if not all(callable(getattr(made, one, None)) for one in _ASKED_OF_A_PROVIDER):
        raise ConfigError(f"{PROVIDER_SETTING} names a factory whose result is no OpenFeature provider.")
    return cast("FeatureProvider", made)


def _not_found(default_value: T) -> FlagResolutionDetails[T]:
    return FlagResolutionDetails(default_value, ErrorCode.FLAG_NOT_FOUND, f"there is only {FLAG}")


def _person(user_id: str, attributes: Mapping[str, object]) -> Person:
    return Person(
        user_id=UserId(user_id),
        client=str(attributes.get(CLIENT_NAME, "")),
        version=str(attributes.get(CLIENT_VERSION, "")),
    )
