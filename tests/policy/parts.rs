//! Parts that requests are drawn from.

/// What a part of a request means. Where it has several texts, there is `|` between them, and an empty one is left out.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    /// A message that names a namespace, with this effect there.
    Other(&'static str),
    /// A text that names a namespace by id.
    Id,
    /// A text that names a workflow or a task queue, of which no limit speaks.
    Name,
    /// A name that this limit compares.
    Named(&'static str),
    /// The same in a message that has this effect.
    NamedIn(&'static str, &'static str),
    /// A task queue, used so: its name, its kind and its normal name.
    Queue(&'static str),
    /// The text of a task queue's name alone.
    QueueName(&'static str),
    /// Where a callback goes.
    Callback,
    /// The queue on which a callback puts a Nexus task.
    Handler,
    /// A text that may ask for workflows of Temporal's own.
    Query,
    /// By which a start touches what runs already.
    Attach,
    /// A number with these effects, or one that no API has.
    Number(u8, &'static str),
    NewNumber(u8),
    /// A message with these effects.
    Message(&'static str),
    /// A field that no API has.
    Unknown,
    /// The token of a task, a query or a Nexus task: what it names, and what is wrong with it.
    Token(&'static str),
    /// A command that starts a child: its namespace, id, type, queue and reuse policy.
    Child,
    /// A command that signals: the namespace, the id and the signal.
    Signal,
    /// A command that cancels: the namespace, the id and whether it reaches children only.
    Cancel,
    /// A command that starts a Nexus operation: endpoint, service, operation, encoding and form of the input, and the
    /// namespace, id, signal and reuse policy of a SignalWithStart in it.
    Operation,
    /// A schedule: its workflow's id, type, queue and reuse policy, and its own overlap policy.
    Schedule,
}

use Part::*;

/// Parts of requests: their method (`*` for any), their meaning, and the way to them by field numbers. Of one method all
/// may stand beside each other that have not the same way; what is in a command may do that, too.
pub const PARTS: &[(&str, Part, &[u32])] = &[
    ("StartWorkflowExecution", Number(3, "terminate"), &[22]),
    ("StartWorkflowExecution", Number(4, "terminate"), &[11]),
    ("StartWorkflowExecution", NewNumber(9), &[11]),
    ("StartWorkflowExecution", Number(1, "poll"), &[17]),
    ("StartWorkflowExecution", Message("nexus"), &[21]),
    ("StartWorkflowExecution", Callback, &[21, 2, 1]),
    ("StartWorkflowExecution", Handler, &[21, 4, 1]),
    ("StartWorkflowExecution", Attach, &[26]),
    ("StartWorkflowExecution", Named("workflow_ids"), &[2]),
    ("StartWorkflowExecution", Queue("named"), &[4]),
    ("StartWorkflowExecution", Named("workflow_types"), &[3, 1]),
    ("StartActivityExecution", Queue("named"), &[6]),
    ("StartActivityExecution", Number(1, "poll"), &[24]),
    ("StartActivityExecution", Attach, &[21]),
    ("SignalWithStartWorkflowExecution", Number(4, "terminate"), &[11]),
    ("SignalWithStartWorkflowExecution", Queue("named"), &[4]),
    ("SignalWithStartWorkflowExecution", Named("workflow_ids"), &[2]),
    ("SignalWithStartWorkflowExecution", Named("signals"), &[12]),
    ("StartNexusOperationExecution", Named("nexus_endpoints"), &[5]),
    ("StartNexusOperationExecution", Attach, &[17]),
    ("RespondWorkflowTaskCompleted", Token("task"), &[1]),
    ("RespondWorkflowTaskCompleted", Queue("named"), &[2, 2, 4]),
    ("RespondWorkflowTaskCompleted", Queue("workflow"), &[4, 1]),
    ("RespondWorkflowTaskCompleted", Named("workflow_types"), &[2, 11, 1, 1]),
    ("RespondWorkflowTaskCompleted", Child, &[2, 12]),
    ("RespondWorkflowTaskCompleted", Signal, &[2, 13]),
    ("RespondWorkflowTaskCompleted", Cancel, &[2, 9]),
    ("RespondWorkflowTaskCompleted", Operation, &[2, 18]),
    ("RespondWorkflowTaskCompleted", Name, &[20]),
    ("RespondWorkflowTaskCompleted", Unknown, &[2, 2000]),
    ("RespondWorkflowTaskFailed", Token("task"), &[1]),
    ("RecordActivityTaskHeartbeat", Token("task"), &[1]),
    ("RespondActivityTaskCompleted", Token("task"), &[1]),
    ("RespondQueryTaskCompleted", Token("query"), &[1]),
    ("RespondNexusTaskCompleted", Token("nexus"), &[3]),
    ("RespondActivityTaskCompletedById", Named("workflow_ids"), &[2]),
    ("PollWorkflowTaskQueue", Queue("workflow"), &[2]),
    ("PollActivityTaskQueue", Queue("activity"), &[2]),
    ("PollNexusTaskQueue", Queue("nexus"), &[3]),
    ("DescribeTaskQueue", Queue("named"), &[2]),
    ("ShutdownWorker", QueueName("sticky"), &[2]),
    ("ShutdownWorker", QueueName("shutdown"), &[7]),
    ("ExecuteMultiOperation", Other("start"), &[2, 1, 1]),
    ("ExecuteMultiOperation", Other("update"), &[2, 2, 1]),
    ("ExecuteMultiOperation", Number(3, "terminate"), &[2, 1, 22]),
    ("ExecuteMultiOperation", Named("workflow_ids"), &[2, 1, 2]),
    ("ExecuteMultiOperation", Named("workflow_ids"), &[2, 2, 2, 1]),
    ("ExecuteMultiOperation", Named("updates"), &[2, 2, 5, 2, 2]),
    ("UpdateWorkflowExecution", Named("workflow_ids"), &[2, 1]),
    ("UpdateWorkflowExecution", Named("updates"), &[5, 2, 2]),
    ("PollWorkflowExecutionUpdate", Named("workflow_ids"), &[2, 1, 1]),
    ("CreateSchedule", Named("schedule_ids"), &[2]),
    ("CreateSchedule", Schedule, &[3]),
    ("UpdateSchedule", Named("schedule_ids"), &[2]),
    ("UpdateSchedule", Schedule, &[3]),
    ("PatchSchedule", Named("schedule_ids"), &[2]),
    ("PatchSchedule", Number(5, "terminate"), &[3, 1, 1]),
    ("DeleteSchedule", Named("schedule_ids"), &[2]),
    ("DescribeSchedule", Named("schedule_ids"), &[2]),
    ("ResetWorkflowExecution", NamedIn("signal", "signals"), &[8, 1, 1]),
    ("ResetWorkflowExecution", Message("options"), &[8, 2]),
    ("ResetWorkflowExecution", Named("workflow_ids"), &[2, 1]),
    ("StartBatchOperation", Message("terminate"), &[10]),
    ("StartBatchOperation", NamedIn("signal", "signals"), &[11, 1]),
    ("StartBatchOperation", Query, &[2]),
    ("StartBatchOperation", Unknown, &[2000]),
    ("DescribeNamespace", Id, &[2]),
    ("UpdateNamespace", Number(3, "delete,terminate"), &[2, 4]),
    ("UpdateNamespace", Query, &[3, 7, 1]),
    ("SignalWorkflowExecution", Named("workflow_ids"), &[2, 1]),
    ("SignalWorkflowExecution", Named("signals"), &[3]),
    ("TerminateWorkflowExecution", Named("workflow_ids"), &[2, 1]),
    ("PauseActivityExecution", Named("workflow_ids"), &[2]),
    ("TriggerWorkflowRule", Named("workflow_ids"), &[2, 1]),
    ("QueryWorkflow", Named("workflow_ids"), &[2, 1]),
    ("QueryWorkflow", Named("queries"), &[3, 1]),
    ("UpdateWorkflowExecutionOptions", Message("terminate"), &[3, 3]),
    ("UpdateWorkflowExecutionOptions", Named("workflow_ids"), &[2, 1]),
    ("GetWorkflowExecutionHistory", Named("workflow_ids"), &[2, 1]),
    ("CreateWorkerDeploymentVersion", Message("compute"), &[4]),
    ("*", Unknown, &[3000]),
];

/// The places of the parts that a request of this method may have.
pub fn of(method: &str) -> impl Iterator<Item = usize> {
    PARTS.iter().enumerate().filter(move |(_, part)| part.0 == method || part.0 == "*").map(|(place, _)| place)
}

/// Whether two parts may stand in one request.
pub fn may_stand_together(one: usize, other: usize) -> bool {
    PARTS[one].2 != PARTS[other].2
        || PARTS[one].2.len() > 1 && PARTS[one].2[0] == 2 && PARTS[one].0.starts_with("RespondW")
}
