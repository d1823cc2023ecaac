"""What an error of obstore means, by the service's own code and its status."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from reconciler.buckets.opening import Bucket

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_UNKNOWN_CREDENTIALS = {
    "AuthenticationFailed",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
}
_MACHINES_OWN = ("169.254.", "/computeMetadata/", "/latest/api/token", "/metadata/identity/")
"""Where a machine in a cloud gets credentials from, when none are given."""
_NO_PLACE = {"ContainerNotFound", "NoSuchBucket"}
_OTHER_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_OTHER_REGION |= {"PermanentRedirect", "TemporaryRedirect"}
# S3 answers so when two conditional writes meet; neither has to have won.
_PASSING_CONFLICTS = {"ConditionalRequestConflict", "OperationAborted"}


_CAUSES = (
    (r"TunnelUnsuccessful|ProxyAuthRequired", "the proxy does not let it through"),
    (r"BadScheme", "plain http:// is not spoken with other machines"),
    (r"(?s)dns error.*Temporary failure", "the name of its host cannot be looked up just now"),
    (r"dns error", "there is no such host"),
    (r"ConnectionRefused", "the connection was refused"),
    (r"(Network|Host)Unreachable", "there is no route to it"),
    (r"InvalidContentType", "TLS failed, because it does not speak TLS"),
    (r"InvalidCertificate\(\s*Expired", "TLS failed, because its certificate has expired"),
    (r"InvalidCertificate\(\s*NotValidForName", "TLS failed, because its certificate is another's"),
    (r"InvalidCertificate\(\s*UnknownIssuer", "TLS failed, because nobody known signed for it"),
    (r"InvalidCertificate|AlertReceived|InvalidMessage|PeerIncompatible", "TLS failed"),
    (
        r"ConnectionReset|ConnectionAborted|BrokenPipe|UnexpectedEof|IncompleteMessage",
        "the connection was cut",
    ),
    (r"TimedOut|kind: Timeout|timed out", "no answer came in time"),
)
"""What the library's chain of errors shows, the first that fits; and in our words."""
_UNREADABLE_FILES = {
    "Failed to read token file": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "Failed to read EKS token file": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "Error reading federated token file": "AZURE_FEDERATED_TOKEN_FILE",
}


class Kind(Enum):
    """What kind of trouble it is."""

    MISSING = "missing"
    DENIED = "denied"
    ANSWERED = "answered"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error for people. detail: a clause without its full stop. hint: what to do."""

    kind: Kind
    detail: str
    hint: str


def code_of(error: Exception) -> str:
    """Return the service's own code, "" for none."""
    found = re.search(r"<Code>(\w+)</Code>|\(code: (\w+)\)", str(error))
    return (found[1] or found[2]) if found else ""


def status_of(error: Exception) -> int:
    """Return the status of the answer, 0 for none."""
    found = re.search(r"status code: (\d{3})", str(error))
    return int(found[1]) if found else 0


def is_missing_bucket(error: Exception) -> bool:
    """Whether it is the bucket that is not there, and not an object in it."""
    return code_of(error) in _NO_PLACE


def may_pass(error: Exception) -> bool:
    """Whether it may be different in a moment, or may have been executed after all."""
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | FileNotFoundError):
        return False
    if _lacks_credentials(error):
        return False
    if code_of(error) in _PASSING_CONFLICTS:
        return True
    status = status_of(error)
    return status in (408, 429) or status >= 500 or (status == 0 and "HTTP error" in str(error))


def may_be_done(error: Exception) -> bool:
    """Whether a request that failed may have been executed all the same."""
    if not may_pass(error) or status_of(error) == 429 or code_of(error) in _PASSING_CONFLICTS:
        return False
    # Only of a connection that was never made is it known that nothing was sent on it.
    text = str(error)
    return not any(part in text for part in ("kind: Connect,", "token request", *_MACHINES_OWN))


def explain(error: Exception, bucket: Bucket, forbidden_hint: str) -> Trouble:
    """Say what it means. forbidden_hint: what the credentials need to be allowed."""
    code, status = code_of(error), status_of(error)
    said = f" ({code or status})" if code or status else ""
    if code in _NO_PLACE:
        return Trouble(
            Kind.MISSING,
            f"there is no bucket or container {bucket.name}",
            "Correct its name, or create it.",
        )
    if code in _EXPIRED:
        return Trouble(
            Kind.DENIED,
            f"the credentials have expired{said}",
            "Renew them (for example: aws sso login), then run it again.",
        )
    if code in _UNKNOWN_CREDENTIALS or isinstance(error, UnauthenticatedError):
        what = f"the service does not accept the credentials{said}"
        return Trouble(Kind.DENIED, what, bucket.credentials_hint)
    if code in _OTHER_REGION or status in (301, 307) or "without LOCATION" in str(error):
        return Trouble(
            Kind.MISSING,
            f"bucket {bucket.name} is in another region{said}",
            "Set AWS_REGION to the region of the bucket.",
        )
    if isinstance(error, PermissionDeniedError) or code == "AccessDenied":
        return Trouble(Kind.DENIED, f"the credentials may not do this{said}", forbidden_hint)
    return _explain_rest(error, bucket, said)


def _explain_rest(error: Exception, bucket: Bucket, said: str) -> Trouble:
    text = str(error)
    for words, name in _UNREADABLE_FILES.items():
        if words in text:
            what = f"the file that {name} names cannot be read"
            return Trouble(Kind.DENIED, what, f"Correct or unset {name}.")
    if _lacks_credentials(error) or (not said and "credential" in text.lower()):
        what = f"there are no credentials for {bucket.scheme}://"
        return Trouble(Kind.DENIED, what, bucket.credentials_hint)
    if said:
        return Trouble(
            Kind.ANSWERED,
            f"the service answered with an error{said}",
            "Try again; if it stays, look up the code in the service's documentation.",
        )
    return Trouble(
        Kind.UNREACHABLE,
        f"{_unreached(text)} could not be reached{_cause(text)}",
        "Check the network, the proxy and AWS_ENDPOINT_URL."
        if bucket.scheme in ("s3", "r2")
        else "Check the network and the proxy.",
    )


def _unreached(text: str) -> str:
    if "ConnectFailed(" in text:
        return "the proxy"
    return "the service that signs in" if "token request" in text else "it"


def _cause(text: str) -> str:
    """Say why there was no answer, from the chain of errors and never in its words."""
    found = (words for pattern, words in _CAUSES if re.search(pattern, text))
    return f": {cause}" if (cause := next(found, "")) else ""


def _lacks_credentials(error: Exception) -> bool:
    """Whether no request was sent at all, for want of credentials to send it with."""
    text, status = str(error), status_of(error)
    if any(part in text for part in _MACHINES_OWN):
        return status < 500
    return "token request" in text and 400 <= status < 500 and status != 429
