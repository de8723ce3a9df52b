import logging

import pytest

from components.dynamic import errors
from kube import ApiError, KubeconfigError, UnknownKind, Unreachable


@pytest.mark.parametrize(
    ("raised", "expected", "text"),
    [
        (Unreachable("https://x", "no answer\nin time"), errors.ClusterUnreachableError, "no answer in time"),
        (KubeconfigError("no kubeconfig"), errors.ClusterUnreachableError, "no kubeconfig"),
        (ApiError(401, "Unauthorized", "Unauthorized"), errors.NotPermittedError, "401"),
        (ApiError(403, "Forbidden", "you cannot"), errors.NotPermittedError, "you cannot"),
        (ApiError(422, "Invalid", "bad"), errors.RefusedError, "bad"),
        (UnknownKind("v1", "X"), errors.RefusedError, '"X"'),
    ],
)
def test_errors_of_the_client_become_one_line(
    raised: Exception, expected: type[errors.DynamicError], text: str
) -> None:
    with pytest.raises(expected) as caught, errors.clear_errors("thing 'a'"):
        raise raised
    assert str(caught.value).startswith("thing 'a': ")
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_our_own_errors_pass() -> None:
    with pytest.raises(errors.MissingError, match=r"^gone$"), errors.clear_errors("thing"):
        raise errors.MissingError("gone")


def test_what_is_left_behind_is_told() -> None:
    error = errors.RequestDeniedError("denied")
    error.left_behind = "request a could not be deleted"
    assert str(error) == "denied; request a could not be deleted"


def test_only_our_errors_are_told_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    errors.hide_tracebacks()
    errors.hide_tracebacks()
    for error in (errors.MissingError("expected"), KeyError("a bug")):
        try:
            raise error
        except Exception:
            logging.getLogger("grpc._server").exception("Exception calling application")
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["'a bug'"]
