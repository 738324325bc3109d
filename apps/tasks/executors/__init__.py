"""How tasks are done: one executor class per `implementation.kind`, and the plan a definition is compiled to.

The runtime takes `plan = plans.plan_of(definition)`, then `checks.check_input`, then `execute_now` (no waiting) or
`execute` (on the event loop), then `checks.check_output`.
"""

from .base import Completed, Executor, Failed, NowExecutor, Result, TaskCall
from .checks import check_input, check_output, run_checked, run_checked_now
from .plans import TaskDefinitionPlan, compile_plan, plan_of, plans_by_id
from .registry import executor_for, known_kinds

__all__ = [
    "Completed",
    "Executor",
    "Failed",
    "NowExecutor",
    "Result",
    "TaskCall",
    "TaskDefinitionPlan",
    "check_input",
    "check_output",
    "compile_plan",
    "executor_for",
    "known_kinds",
    "plan_of",
    "plans_by_id",
    "run_checked",
    "run_checked_now",
]
