"""Every error of the HTTP API in one form: `{"error": {"code", "message", "field"}}`.

The message is one line that says what is wrong and what to do. It never repeats more than a few words of what
was sent, and of a fault of ours it tells nothing: that goes to the log.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

MAX_SHOWN = 100
"""Characters of a name that a caller made up and that an error repeats."""


class ErrorFacts(BaseModel):
    """What went wrong."""

    code: str = Field(description="A word for programs; it stays the same when messages change.")
    message: str = Field(description="One line for people: what is wrong, and what to do.")
    field: str | None = Field(None, description="The part of the request that is wrong, where it is one.")


class ErrorAnswer(BaseModel):
    """The body of every answer with a status of 400 or above."""

    error: ErrorFacts


class ApiError(Exception):
    """An answer with an error; `retry_after` is in seconds, for what passes by itself."""

    def __init__(
        self, status: int, code: str, message: str, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.facts = ErrorFacts(code=code, message=message, field=field)
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}


def answer(error: ApiError, *, closes: bool = False) -> JSONResponse:
    """The answer that an error is; `closes` where the rest of the request is not read."""
    headers = error.headers | ({"Connection": "close"} if closes else {})
    return JSONResponse(ErrorAnswer(error=error.facts).model_dump(), error.status, headers)


def add_error_handlers(app: FastAPI) -> None:
    """Have whatever an app refuses or fails at answered in the one form."""
    app.add_exception_handler(ApiError, _own)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(Exception, _fault)


async def _own(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ApiError):
        raise error
    return answer(error)


async def _fault(request: Request, error: Exception) -> JSONResponse:
    """A fault of ours. Whoever serves raises it again, for the log."""
    return answer(ApiError(500, "fault", "The server failed, and not your request: try again, or report it."))


# The errors of the framework in our words: status -> code and message.
_WORDS: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The body cannot be read: send JSON in UTF-8, not nested deeply."),
    404: ("not_found", "There is nothing at this path: GET / says what there is."),
    405: ("method_not_allowed", "This path does not take this method: the header Allow says which it takes."),
}


async def _of_framework(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code, message = _WORDS.get(error.status_code, ("refused", "The request was refused."))
    made = answer(ApiError(error.status_code, code, message))
    made.headers.update(error.headers or {})
    if error.status_code == 405:
        made.headers["Allow"] = ", ".join(_allowed(request))
    return made


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _allowed(request: Request) -> list[str]:
    """The methods that a path takes. The framework names those of the first route that has the path."""
    asked = {method: {**request.scope, "method": method} for method in _METHODS}
    routes = request.app.routes
    return [m for m, scope in asked.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)]


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return answer(validation_error(error.errors()))


def validation_error(found: Sequence[Mapping[str, Any]]) -> ApiError:
    """What is told of the errors that the validation found: the first one, and how many more there are."""
    first = found[0]
    if first["type"] == "json_invalid":
        reason = first["ctx"]["error"]
        return ApiError(400, "not_json", f"The body is not JSON: {reason} at character {first['loc'][-1]}.")
    if _is_broken_key(first):
        message = "A key is not valid Unicode: it holds half of a surrogate pair."
        return ApiError(422, "invalid", message, "body")
    if first["loc"] == ("body",):
        wanted = " with either tool and arguments, or message" if first["type"] == _NO_FORM else ""
        message = f"The body has to be a JSON object{wanted}, and Content-Type: application/json its header."
        return ApiError(422, "invalid", message, "body")
    field = _field(first["loc"])
    reason = _REASONS.get(first["type"], first["msg"])
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return ApiError(422, "invalid", f"{field}: {reason}{more}.", field)


# Types of errors of the validation: the one where a turn has neither of its forms, and those with our words.
_NO_FORM = "union_tag_not_found"
_REASONS = {"missing": "this field is missing", "extra_forbidden": "there is no such field here"}


def _is_broken_key(error: Mapping[str, Any]) -> bool:
    """Whether the name of a field or of an argument holds what no text may hold."""
    *before, last = error["loc"]
    is_object = before in ([], ["body"]) and last in _OURS
    return error["type"] == "string_unicode" and (is_object or last == "[key]")


# Parts of a place that are ours and not the request's: where it stands, and which of two forms it has.
_OURS = ("body", "query", "path", "call", "message_form")


def _field(place: Sequence[str | int]) -> str:
    """A place in a request, as `arguments.code`."""
    while len(place) > 1 and place[0] in _OURS:
        place = place[1:]
    text = ".".join(str(part) for part in place)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
