"""Policies that operators write first, and who tried to get around them. Temporal has nothing like it, so it is not asked."""

from functools import partial
from typing import Any

from .case import ISSUER, Case, request, ruled
from .inside import completed

CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER | {"service_when": [{"sub": "system:serviceaccount:*"}]}},
    "roles": {
        "developer": {"from": "client", "minus": ["terminate", "delete", "reset"]},
        "by-id": {"from": "client", "plus": ["RespondActivityTaskCompletedById"]},
        "deployer": {"from": "worker", "plus": ["deploy", "compute"]},
    },
    "grants": [
        {"name": "developers", "who": {"issuer": "corp", "claims": {"groups": "developers"}}, "role": "developer", "namespaces": ["*"]},
        {"name": "clients", "who": {"issuer": "corp", "claims": {"groups": "clients"}}, "role": "client", "namespaces": ["*"]},
        {"name": "webhooks", "who": {"issuer": "corp", "claims": {"groups": "webhooks"}}, "role": "by-id", "namespaces": ["*"]},
        {"name": "writers", "who": {"issuer": "corp", "claims": {"groups": "writers"}}, "role": "writer", "namespaces": ["*"]},
        {"name": "pipelines", "who": {"issuer": "corp", "subject": "repo:acme/*"}, "role": "writer", "namespaces": ["*"]},
        {"name": "mail", "who": {"issuer": "corp", "claims": {"team": "orders"}}, "role": "writer", "namespaces": ["*"]},
        {"name": "staff", "who": {"issuer": "corp", "kind": "human", "claims": {"team": "staff"}}, "role": "writer", "namespaces": ["*"]},
        {"name": "readers", "who": {"issuer": "corp", "claims": {"groups": "readers"}}, "role": "reader", "namespaces": ["*"]},
        {"name": "deployers", "who": {"issuer": "corp", "claims": {"groups": "deployers"}}, "role": "deployer", "namespaces": ["*"]},
        {"name": "admins", "who": {"issuer": "corp", "claims": {"groups": "admins"}}, "role": "admin", "namespaces": ["*"]},
    ],
    "denials": [
        {"name": "pipelines-never-terminate", "effects": ["terminate"], "who": {"subject": "repo:acme/app:*"}},
        {"name": "mail-never-terminates", "effects": ["terminate"], "who": {"claims": {"email": "*@contractor.com"}}},
        {"name": "contractors-never-terminate", "effects": ["terminate"], "who": {"claims": {"groups": "contractors"}}},
        {"name": "only-finance-starts-payroll", "effects": ["start"], "namespaces": ["payroll-*"], "unless": {"issuer": "corp", "claims": {"team": "finance"}}},
    ],
}
DENIALS = {"pipelines-never-terminate", "mail-never-terminates", "contractors-never-terminate", "only-finance-starts-payroll"}
NONE = "default-deny"
case = partial(ruled, denials=DENIALS)



def member(group: str) -> dict[str, Any]:
    return {"groups": [group]}


DEVELOPER, CLIENT, WRITER, READER = (member(group) for group in ("developers", "clients", "writers", "readers"))
STOP, START, COUNT = "TerminateWorkflowExecution", "StartWorkflowExecution", "CountWorkflowExecutions"
COMPLETED, POLL, BY_ID = "RespondWorkflowTaskCompleted", "PollWorkflowTaskQueue", "RespondActivityTaskCompletedById"
VALIDATE, CREATE = "ValidateWorkerDeploymentVersionComputeConfig", "CreateWorkerDeploymentVersion"
OTHER_APP = "repo:acme/app2:ref:refs/heads/main"
APP = "repo:acme/app:ref:refs/heads/main"
HANDED = request(CREATE, namespace="orders", compute_config={"scaling_groups": {"g": {}}})


def of(method: str, namespace: str = "orders", **fields: Any) -> tuple[str, Any]:
    return method, request(method, namespace=namespace, **fields)


def mail(address: Any, **more: Any) -> dict[str, Any]:
    return {"team": "orders", "email": address} | more


CASES: list[Case] = [
    case(name, method, message, claims, rule)
    for name, (method, message), claims, rule in [
        # Developers cannot terminate.
        ("developer: start", of(START), DEVELOPER, "developers"),
        ("developer: terminate", of(STOP), DEVELOPER, NONE),
        ("developer: poll for the task instead", of(POLL, task_queue={"name": "q"}), DEVELOPER, NONE),
        ("developer: fail the workflow as its worker", (COMPLETED, completed("fail_workflow_execution", failure={"message": "over"})), DEVELOPER, NONE),
        ("developer: answer an activity by id", of(BY_ID, workflow_id="w", activity_id="a"), DEVELOPER, NONE),
        ("developer: take the first task with the start", of(START, request_eager_execution=True), DEVELOPER, NONE),
        ("developer: run the clock of a workflow into its timeout", of("UpdateWorkflowExecutionOptions", workflow_execution_options={"time_skipping_config": {"enabled": True}}), DEVELOPER, NONE),
        ("developer: other options", of("UpdateWorkflowExecutionOptions", workflow_execution_options={}), DEVELOPER, "developers"),
        ("client: terminate", of(STOP), CLIENT, "clients"),
        ("client: poll", of(POLL, task_queue={"name": "q"}), CLIENT, NONE),
        ("client: deploy", of("SetWorkerDeploymentCurrentVersion", deployment_name="d"), CLIENT, NONE),
        ("client: query", of("QueryWorkflow"), CLIENT, "clients"),
        ("writer: fail the workflow as its worker", (COMPLETED, completed("fail_workflow_execution", failure={"message": "over"})), WRITER, "writers"),
        ("webhook: answer an activity by id", of(BY_ID, workflow_id="w", activity_id="a"), {"groups": ["webhooks"]}, "webhooks"),
        ("webhook: answer a task", of("RespondActivityTaskCompleted", task_token=b""), {"groups": ["webhooks"]}, NONE),
        # In a denial, `*` also matches a colon and the text after it.
        ("pipeline of the app: start", of(START), {"sub": APP}, "pipelines"),
        ("pipeline of the app: terminate", of(STOP), {"sub": APP}, "pipelines-never-terminate"),
        ("pipeline of the app, nothing after the colon", of(STOP), {"sub": "repo:acme/app:"}, "pipelines-never-terminate"),
        ("pipeline of the app in capitals", of(STOP), {"sub": APP.upper(), "groups": "writers"}, "pipelines-never-terminate"),
        ("pipeline of another app: terminate", of(STOP), {"sub": OTHER_APP}, "pipelines"),
        # An unverified address.
        ("mail, verified", of(STOP), mail("ann@contractor.com", email_verified=True), "mail-never-terminates"),
        ("mail, not verified", of(STOP), mail("ann@contractor.com"), "mail-never-terminates"),
        ("mail, in a list", of(STOP), mail(["ann@contractor.com"], email_verified=False), "mail-never-terminates"),
        ("mail of another domain", of(STOP), mail("ann@example.com"), "mail"),
        ("mail of a longer domain", of(STOP), mail("ann@contractor.com.example"), "mail"),
        # Groups as one text.
        ("groups: a list", of(STOP), {"groups": ["developers", "contractors"], "team": "orders"}, "contractors-never-terminate"),
        ("groups: one text", of(STOP), {"groups": "dev,contractors", "team": "orders"}, "contractors-never-terminate"),
        ("groups: one text of one group", of(STOP), {"groups": "contractors", "team": "orders"}, "contractors-never-terminate"),
        ("groups: one text of others", of(STOP), {"groups": "dev,contractors2", "team": "orders"}, "mail"),
        ("groups: one text, another effect", of(COUNT), {"groups": "dev,contractors", "team": "orders"}, "mail"),
        # A service account is not human.
        ("staff: a person", of(COUNT), {"team": "staff"}, "staff"),
        ("staff: a service account", of(COUNT), {"team": "staff", "sub": "system:serviceaccount:payroll:w"}, NONE),
        ("staff: a service account in capitals, which is in doubt", of(COUNT), {"team": "staff", "sub": "SYSTEM:serviceaccount:payroll:w"}, NONE),
        # A reader only reads.
        ("reader: count", of(COUNT), READER, "readers"),
        ("reader: hand the server a compute configuration", of(VALIDATE), READER, NONE),
        ("writer: hand the server a compute configuration", of(VALIDATE), WRITER, NONE),
        ("writer: a version without one", of(CREATE), WRITER, "writers"),
        ("writer: a version with one", (CREATE, HANDED), WRITER, NONE),
        ("deployer: a version with one", (CREATE, HANDED), {"groups": ["deployers"]}, "deployers"),
        ("deployer: start", of(START), {"groups": ["deployers"]}, NONE),
        ("admin: hand the server a compute configuration", of(VALIDATE), {"groups": ["admins"]}, "admins"),
        # Every namespace matches.
        ("a namespace with a colon", of(COUNT, "v1:data-0"), READER, "readers"),
        ("the empty namespace", of(COUNT, ""), READER, NONE),
        ("payroll's namespaces: start", of(START, "payroll-x"), WRITER, "only-finance-starts-payroll"),
        ("payroll's namespaces: start behind a colon", of(START, "payroll-x:y"), WRITER, "only-finance-starts-payroll"),
        ("payroll's namespaces: start in what the star takes nothing of", of(START, "payroll-"), WRITER, "only-finance-starts-payroll"),
        ("payroll's namespaces: start by finance", of(START, "payroll-x:y"), WRITER | {"team": "finance"}, "writers"),
        ("payroll's namespaces: count", of(COUNT, "payroll-x:y"), WRITER, "writers"),
        ("another namespace: start", of(START, "payrolls"), WRITER, "writers"),
    ]
]
