//! The parts from which random requests are made.

/// What a part of a request means. If a part has several texts, they are separated by `|`, and empty texts are left out.
#[derive(Clone, Copy, PartialEq)]
pub enum RequestPart {
    /// A message that names a namespace and has this effect there.
    OtherNamespace(&'static str),
    /// A namespace id.
    NamespaceId,
    /// The name of a workflow or a task queue that no limit compares.
    UnlimitedName,
    /// A name that this limit compares.
    LimitedName(&'static str),
    /// A name that this limit compares, in a message that has this effect.
    LimitedNameWithEffect(&'static str, &'static str),
    /// A task queue with this use: its name, its kind and its normal name.
    TaskQueue(&'static str),
    /// The name of a task queue with this use.
    TaskQueueName(&'static str),
    /// The URL of a callback.
    CallbackUrl,
    /// The task queue on which a callback puts a Nexus task.
    CallbackTaskQueue,
    /// A visibility query. It may ask for workflows of Temporal's own.
    VisibilityQuery,
    /// The options with which a start also changes a running execution.
    Attach,
    /// A number that has these effects.
    EffectNumber(u8, &'static str),
    /// A value of an enum that no API has.
    UnknownNumber(u8),
    /// An empty message that has these effects.
    EffectMessage(&'static str),
    /// A field that no API has.
    UnknownField,
    /// The token of a task, a query or a Nexus task: the name in it, and what is wrong with it.
    TaskToken(&'static str),
    /// A command that starts a child: its namespace, id, type, queue and reuse policy.
    StartChildCommand,
    /// A command that signals a workflow: the namespace, the id and the signal.
    SignalCommand,
    /// A command that cancels a workflow: the namespace, the id and whether the workflow must be a child.
    CancelCommand,
    /// A command that starts a Nexus operation: endpoint, service, operation, encoding and form of the input, and the
    /// namespace, id, signal and reuse policy of a SignalWithStart in it.
    NexusOperationCommand,
    /// A schedule: its workflow's id, type, queue and reuse policy, and its own overlap policy.
    Schedule,
}

use RequestPart::*;

/// The parts: a method (`*` for any), the meaning, and the field numbers that lead to the part. Two parts of one request have
/// different field numbers, unless they are in commands, which can be repeated.
pub const PARTS: &[(&str, RequestPart, &[u32])] = &[
    ("StartWorkflowExecution", EffectNumber(3, "terminate"), &[22]),
    ("StartWorkflowExecution", EffectNumber(4, "terminate"), &[11]),
    ("StartWorkflowExecution", UnknownNumber(9), &[11]),
    ("StartWorkflowExecution", EffectNumber(1, "poll"), &[17]),
    ("StartWorkflowExecution", EffectMessage("nexus"), &[21]),
    ("StartWorkflowExecution", CallbackUrl, &[21, 2, 1]),
    ("StartWorkflowExecution", CallbackTaskQueue, &[21, 4, 1]),
    ("StartWorkflowExecution", Attach, &[26]),
    ("StartWorkflowExecution", LimitedName("workflow_ids"), &[2]),
    ("StartWorkflowExecution", TaskQueue("named"), &[4]),
    ("StartWorkflowExecution", LimitedName("workflow_types"), &[3, 1]),
    ("StartActivityExecution", TaskQueue("named"), &[6]),
    ("StartActivityExecution", EffectNumber(1, "poll"), &[24]),
    ("StartActivityExecution", Attach, &[21]),
    ("SignalWithStartWorkflowExecution", EffectNumber(4, "terminate"), &[11]),
    ("SignalWithStartWorkflowExecution", TaskQueue("named"), &[4]),
    ("SignalWithStartWorkflowExecution", LimitedName("workflow_ids"), &[2]),
    ("SignalWithStartWorkflowExecution", LimitedName("signals"), &[12]),
    ("StartNexusOperationExecution", LimitedName("nexus_endpoints"), &[5]),
    ("StartNexusOperationExecution", Attach, &[17]),
    ("RespondWorkflowTaskCompleted", TaskToken("task"), &[1]),
    ("RespondWorkflowTaskCompleted", TaskQueue("named"), &[2, 2, 4]),
    ("RespondWorkflowTaskCompleted", TaskQueue("workflow"), &[4, 1]),
    ("RespondWorkflowTaskCompleted", LimitedName("workflow_types"), &[2, 11, 1, 1]),
    ("RespondWorkflowTaskCompleted", StartChildCommand, &[2, 12]),
    ("RespondWorkflowTaskCompleted", SignalCommand, &[2, 13]),
    ("RespondWorkflowTaskCompleted", CancelCommand, &[2, 9]),
    ("RespondWorkflowTaskCompleted", NexusOperationCommand, &[2, 18]),
    ("RespondWorkflowTaskCompleted", UnlimitedName, &[20]),
    ("RespondWorkflowTaskCompleted", UnknownField, &[2, 2000]),
    ("RespondWorkflowTaskFailed", TaskToken("task"), &[1]),
    ("RecordActivityTaskHeartbeat", TaskToken("task"), &[1]),
    ("RespondActivityTaskCompleted", TaskToken("task"), &[1]),
    ("RespondQueryTaskCompleted", TaskToken("query"), &[1]),
    ("RespondNexusTaskCompleted", TaskToken("nexus"), &[3]),
    ("RespondActivityTaskCompletedById", LimitedName("workflow_ids"), &[2]),
    ("PollWorkflowTaskQueue", TaskQueue("workflow"), &[2]),
    ("PollActivityTaskQueue", TaskQueue("activity"), &[2]),
    ("PollNexusTaskQueue", TaskQueue("nexus"), &[3]),
    ("DescribeTaskQueue", TaskQueue("named"), &[2]),
    ("ShutdownWorker", TaskQueueName("sticky"), &[2]),
    ("ShutdownWorker", TaskQueueName("shutdown"), &[7]),
    ("ExecuteMultiOperation", OtherNamespace("start"), &[2, 1, 1]),
    ("ExecuteMultiOperation", OtherNamespace("update"), &[2, 2, 1]),
    ("ExecuteMultiOperation", EffectNumber(3, "terminate"), &[2, 1, 22]),
    ("ExecuteMultiOperation", LimitedName("workflow_ids"), &[2, 1, 2]),
    ("ExecuteMultiOperation", LimitedName("workflow_ids"), &[2, 2, 2, 1]),
    ("ExecuteMultiOperation", LimitedName("updates"), &[2, 2, 5, 2, 2]),
    ("UpdateWorkflowExecution", LimitedName("workflow_ids"), &[2, 1]),
    ("UpdateWorkflowExecution", LimitedName("updates"), &[5, 2, 2]),
    ("PollWorkflowExecutionUpdate", LimitedName("workflow_ids"), &[2, 1, 1]),
    ("CreateSchedule", LimitedName("schedule_ids"), &[2]),
    ("CreateSchedule", Schedule, &[3]),
    ("UpdateSchedule", LimitedName("schedule_ids"), &[2]),
    ("UpdateSchedule", Schedule, &[3]),
    ("PatchSchedule", LimitedName("schedule_ids"), &[2]),
    ("PatchSchedule", EffectNumber(5, "terminate"), &[3, 1, 1]),
    ("DeleteSchedule", LimitedName("schedule_ids"), &[2]),
    ("DescribeSchedule", LimitedName("schedule_ids"), &[2]),
    ("ResetWorkflowExecution", LimitedNameWithEffect("signal", "signals"), &[8, 1, 1]),
    ("ResetWorkflowExecution", EffectMessage("options"), &[8, 2]),
    ("ResetWorkflowExecution", LimitedName("workflow_ids"), &[2, 1]),
    ("StartBatchOperation", EffectMessage("terminate"), &[10]),
    ("StartBatchOperation", LimitedNameWithEffect("signal", "signals"), &[11, 1]),
    ("StartBatchOperation", VisibilityQuery, &[2]),
    ("StartBatchOperation", UnknownField, &[2000]),
    ("DescribeNamespace", NamespaceId, &[2]),
    ("UpdateNamespace", EffectNumber(3, "delete,terminate"), &[2, 4]),
    ("UpdateNamespace", VisibilityQuery, &[3, 7, 1]),
    ("SignalWorkflowExecution", LimitedName("workflow_ids"), &[2, 1]),
    ("SignalWorkflowExecution", LimitedName("signals"), &[3]),
    ("TerminateWorkflowExecution", LimitedName("workflow_ids"), &[2, 1]),
    ("PauseActivityExecution", LimitedName("workflow_ids"), &[2]),
    ("TriggerWorkflowRule", LimitedName("workflow_ids"), &[2, 1]),
    ("QueryWorkflow", LimitedName("workflow_ids"), &[2, 1]),
    ("QueryWorkflow", LimitedName("queries"), &[3, 1]),
    ("UpdateWorkflowExecutionOptions", EffectMessage("terminate"), &[3, 3]),
    ("UpdateWorkflowExecutionOptions", LimitedName("workflow_ids"), &[2, 1]),
    ("GetWorkflowExecutionHistory", LimitedName("workflow_ids"), &[2, 1]),
    ("CreateWorkerDeploymentVersion", EffectMessage("compute"), &[4]),
    ("*", UnknownField, &[3000]),
];

/// The indices of the parts that a request of this method may have.
pub fn of(method: &str) -> impl Iterator<Item = usize> {
    PARTS.iter().enumerate().filter(move |(_, part)| part.0 == method || part.0 == "*").map(|(index, _)| index)
}

/// Whether one request may have both parts.
pub fn may_be_together(one: usize, other: usize) -> bool {
    PARTS[one].2 != PARTS[other].2
        || PARTS[one].2.len() > 1 && PARTS[one].2[0] == 2 && PARTS[one].0.starts_with("RespondW")
}
