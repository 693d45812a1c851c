"""IAM's errors as moto serialises them (the HTTP status comes from botocore's service model)."""

from __future__ import annotations

from moto.iam.exceptions import IAMException


def error(code: str, message: str) -> Exception:
    """What the IAM API answers with: a code of its model, and a message."""
    made: Exception = IAMException(code, message)
    return made


def missing(what: str, name: object) -> Exception:
    """NoSuchEntity, in AWS's words."""
    return error("NoSuchEntity", f"The {what} with name {name} cannot be found.")


def invalid(field: str, value: object, constraint: str) -> Exception:
    """ValidationError, as a constraint of the model that does not hold."""
    told = f"Value '{value}' at '{field}' failed to satisfy constraint: {constraint}"
    return error("ValidationError", f"1 validation error detected: {told}")
