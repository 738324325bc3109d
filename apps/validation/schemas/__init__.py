"""JSON Schema: the registry of our own, the check of authors' schemas, and data against them."""

from apps.validation.schemas.authoring import check_schema
from apps.validation.schemas.documents import check_document, fits_document
from apps.validation.schemas.instances import check_instance, conform, is_valid
from apps.validation.schemas.registry import registry

__all__ = ["check_document", "check_instance", "check_schema", "conform", "fits_document", "is_valid", "registry"]
