"""Checks of workflow documents beyond their JSON Schema: references, control flow, data flow. Pure: no Django.

violations = check_workflow(document, catalog=DocumentCatalog.of(documents))
"""

from .catalog import Catalog, DocumentCatalog, TaskFacts, task_facts
from .workflow import check_workflow, uses_of

__all__ = ["Catalog", "DocumentCatalog", "TaskFacts", "check_workflow", "task_facts", "uses_of"]
