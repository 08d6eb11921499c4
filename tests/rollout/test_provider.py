"""The plan behind the OpenFeature interface, and providers loaded by name."""

from __future__ import annotations

import pytest
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from bridge.errors import ConfigError
from bridge.paths import Stage
from bridge.rollout.plan import Plan
from bridge.rollout.provider import FLAG, PlanProvider, load_provider
from tests.plans import plan_of
from tests.rollout.providers import OwnProvider

HERE = "tests.rollout.providers"
SOMEBODY = "aaaaaaaa-0000-4000-8000-000000000002"


def resolved(plan: Plan, **attributes: str) -> tuple[str, str | None, object]:
    """Return value, reason and what decided, for somebody."""
    details = PlanProvider(lambda: plan).resolve_string_details(
        FLAG, "neither", EvaluationContext(targeting_key=SOMEBODY, attributes=attributes)
    )
    assert details.error_code is None
    assert details.flag_metadata["stage"] == plan.stage
    return details.value, details.reason, details.flag_metadata["reason"]


def test_the_plan_answers_in_openfeatures_words() -> None:
    """Value, reason, and in the metadata what decided."""
    assert resolved(plan_of(Stage.FULL)) == ("bridge", Reason.STATIC, "stage")
    assert resolved(plan_of(Stage.RAMP, percentage=100.0)) == ("bridge", Reason.SPLIT, "cohort")
    assert resolved(plan_of(Stage.FULL, deny={SOMEBODY})) == ("legacy", Reason.TARGETING_MATCH, "denied")
    assert resolved(plan_of(Stage.FULL, kill_switch=True)) == ("legacy", Reason.DISABLED, "kill_switch")
    new = plan_of(Stage.FULL, minimum_versions={"web": "2"})
    assert resolved(new, client_name="web", client_version="1.9")[0] == "legacy"
    assert resolved(new, client_name="web", client_version="2.1")[0] == "bridge"


def test_without_a_user_there_is_no_answer() -> None:
    """A cohort is of users."""
    provider = PlanProvider(lambda: plan_of(Stage.FULL))
    for context in (None, EvaluationContext()):
        details = provider.resolve_string_details(FLAG, "legacy", context)
        assert (details.value, details.error_code) == ("legacy", ErrorCode.TARGETING_KEY_MISSING)


def test_there_is_one_flag() -> None:
    """A string; the default comes back for any other."""
    provider = PlanProvider(lambda: plan_of(Stage.FULL))
    assert provider.get_metadata().name == "chat-bridge plan"
    found = [
        provider.resolve_string_details("other", "x"),
        provider.resolve_boolean_details(FLAG, True),
        provider.resolve_integer_details(FLAG, 7),
        provider.resolve_float_details(FLAG, 0.5),
        provider.resolve_object_details(FLAG, {"a": 1}),
    ]
    assert [one.value for one in found] == ["x", True, 7, 0.5, {"a": 1}]
    assert {one.error_code for one in found} == {ErrorCode.FLAG_NOT_FOUND}


def test_a_provider_is_made_by_its_name() -> None:
    """Of module and factory; a class is one, too."""
    assert isinstance(load_provider(f"{HERE}:make"), OwnProvider)
    assert isinstance(load_provider(f"{HERE}:OwnProvider"), OwnProvider)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("flags", "must look like module:factory."),
        (":make", "must look like module:factory."),
        ("flags:", "must look like module:factory."),
        ("no.such:make", "names a module that cannot be imported (ModuleNotFoundError)."),
        (".relative:make", "names a module that cannot be imported (TypeError)."),
        (f"{HERE}:nothing", "names nothing, which the module does not have as something to call."),
        (f"{HERE}:NOT_CALLABLE", "names NOT_CALLABLE, which the module does not have as something to call."),
        (f"{HERE}:fail", "names a factory that fails (ZeroDivisionError)."),
        (f"{HERE}:make_something_else", "names a factory whose result is no OpenFeature provider."),
    ],
)
def test_a_wrong_name_is_one_sentence(name: str, sentence: str) -> None:
    """It names the setting."""
    with pytest.raises(ConfigError) as refused:
        load_provider(name)
    assert str(refused.value) == f"BRIDGE_ROLLOUT_PROVIDER {sentence}"
