"""A denial equals Temporal's own byte for byte, so that SDKs raise the right type of error."""

from __future__ import annotations

from harness.gate import Gate, refused
from harness.minter import Minter

# grpc-status-details-bin as the server's own authorizer sends it (unpadded base64): google.rpc.Status with code 7,
# the text, and an empty temporal.api.errordetails.v1.PermissionDeniedFailure.
DETAILS = (
    "CAcSFVJlcXVlc3QgdW5hdXRob3JpemVkLhpKCkh0eXBlLmdvb2dsZWFwaXMuY29tL3RlbXBvcmFsLmFwaS5lcnJvcmRldGFpbHMudjEu"
    "UGVybWlzc2lvbkRlbmllZEZhaWx1cmU"
)


def test_policy_denial(gate: Gate, corp: Minter) -> None:
    reply = refused(gate.count("finance-reports", token=corp.token(permissions=["payroll:read"])), 7)
    assert reply.all("grpc-status-details-bin") == [DETAILS]
    assert reply.all("grpc-message") == ["Request unauthorized."]
    assert reply.all("content-type") == ["application/grpc"]
    # Envoy adds two headers of its own; nothing else shows that the answer is not Temporal's.
    names = {name.decode() for name, _ in reply.headers} - {"date", "server"}
    assert names == {":status", "content-type", "grpc-status", "grpc-message", "grpc-status-details-bin"}


def test_early_denial(gate: Gate, corp: Minter) -> None:
    """A denial before the body has the same bytes."""
    reply = refused(gate.start(token=corp.token(permissions=["payroll:read"])), 7)
    assert reply.all("grpc-status-details-bin") == [DETAILS]


def test_details_parse(gate: Gate, corp: Minter) -> None:
    from temporalio.api.common.v1 import GrpcStatus
    from temporalio.api.errordetails.v1 import PermissionDeniedFailure

    status = GrpcStatus.FromString(gate.count("finance-reports", token=corp.token(permissions=["payroll:read"])).details)
    assert (status.code, status.message) == (7, "Request unauthorized.")
    failure = PermissionDeniedFailure()
    assert status.details[0].Unpack(failure) and failure.reason == ""


def test_no_details_of_other_refusals(gate: Gate, corp: Minter) -> None:
    """An answer that is not a denial must not look like one."""
    for reply in (gate.count(), gate.count(token="x.y.z"), gate.call("/a.B/C")):
        assert reply.grpc_status != 7 and reply.details == b""


def test_clients_do_not_learn_the_reason(gate: Gate, corp: Minter) -> None:
    token = corp.token("alice", permissions=["payroll:read"])
    for reply in (gate.count("finance-reports", token=token), gate.count(token=corp.token(exp=1)), gate.count()):
        told = b" ".join(value for _, value in reply.headers) + reply.body
        for secret in (b"alice", b"finance", b"payroll", b"corp", b"expired", b"grant", b"rule"):
            assert secret not in told.replace(b"unauthorized", b""), told
