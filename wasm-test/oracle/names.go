package main

import "google.golang.org/protobuf/reflect/protoreflect"

// ids are those of workflows, Temporal's own and such as a database may take for them among them.
var ids = []string{
	"acme-1", "acme-1", "acme-1", "acme-1", "acme-2", "acme-2", "acme-payroll-7", "acme-payroll-8", "acme-", "acme", "ACME-1", "",
	"globex-1", "globex-1", "globex-2", "globex-3", "payroll-1", "payroll-2", "order:17", "order:18",
	"temporal-sys-scheduler:payday", "Temporal-Sys-batcher:1", "t\u00e9mporal-sys-scheduler:x", "my-temporal-sys-scheduler", "/_sys/acme-1",
}

// queues are names of task queues: of users, of partitions, of workers, of Temporal.
var queues = []string{
	"payroll-q", "payroll-q", "payroll-q", "payroll-q", "payroll-q", "payroll-q", "payroll-q-2", "payroll-q-2", "finance-q", "finance-q",
	"17@host-5f6:0c1de0a4", "17@host-5f6:0c1de0a4", "", "temporal-sys-per-ns-tq", "TEMPORAL-SYS-per-ns-tq",
	"temporal-sys/worker-commands/payroll/8c1b7c5e", "/temporal-sys/worker-commands/payroll/8c1b7c5e", "/_sys/payroll-q/2",
}

// partitions are those in task tokens, some of which are none.
var partitions = []string{
	"payroll-q", "payroll-q", "/_sys/payroll-q/1", "/_sys/payroll-q/2", "/_sys/payroll-q/3", "/_sys/payroll-q/1", "/_sys/payroll-q/2", "/_sys/payroll-q/3",
	"payroll-q", "finance-q", "/_sys/finance-q/1", "/_sys/finance-q/12", "/_sys/pay/roll/2", "17@host-5f6:0c1de0a4", "",
	"temporal-sys/worker-commands/payroll/8c1b7c5e", "/temporal-sys/worker-commands/payroll/8c1b7c5e",
	"temporal-sys-per-ns-tq", "/_sys/temporal-sys-per-ns-tq/1", "/_sys/Temporal-Sys-per-ns-tq/02", "/_sys/temporal-sys-per-ns-tq/+3",
	"/_sys/payroll-q/0", "/_sys/payroll-q/-1", "/_sys/payroll-q/x", "/_sys/payroll-q", "/_sys//1", "/_sys/", "/_sys", "/_SYS/payroll-q/1",
	"/_sys//_sys/temporal-sys-per-ns-tq/1/2", "/_sys/temporal-sys-per-ns-tq/v1:2",
}

// texts are what strings that name something of a sort are drawn from.
var texts = map[string][]string{
	"workflow_id": ids,
	"business_id": ids,
	"job_id":      ids,
	"schedule_id": {"acme-daily", "acme-daily", "globex-daily", "", "payday"},
	"signal":      {"approve", "approve", "reject", "patch", ""},
	"query":       {"status", "status", "__stack_trace", "__temporal_workflow_metadata", ""},
	"update":      {"setRate", "setRate", "approve", ""},
	"workflow_type": {
		"Payroll", "Payroll", "Payroll", "Audit", "Audit", "Order", "Order", "Invoice", "temporal-sys-scheduler-workflow",
		"temporal-sys-batch-workflow", "",
	},
	"activity_type": {"Pay", "Charge", ""},
	"task_queue":    queues,
	"normal_name":   {"payroll-q", "finance-q", "", ""},
	"endpoint":      {"payments", "payments", "payments", "tax", "tax", "__temporal_system", "__Temporal_System", ""},
	"filter": {
		"WorkflowType = 'Payroll'", "WorkflowType = 'Audit'", "ExecutionStatus = 'Running'", "", "TemporalNamespaceDivision = 'TemporalScheduler'", "`TemporalName``spaceDivision` IS NOT NULL",
		"NamespaceDivision = 'x'",
	},
	"namespace_id": {"", "8c1b7c5e-2a7e-4d6b-9a52-3f7d7b0c2f10"},
}

// others are those of fields that name nothing which sortOf knows.
var others = map[protoreflect.FullName][]string{
	"temporal.api.command.v1.ScheduleNexusOperationCommandAttributes.service":   {systemService, systemService, "Payments", ""},
	"temporal.api.command.v1.ScheduleNexusOperationCommandAttributes.operation": {systemOperation, systemOperation, "StartWorkflowExecution", "pay", ""},
	"temporal.api.namespace.v1.NamespaceConfig.CustomSearchAttributeAliasesEntry.key": {
		"Keyword01", "Keyword02", "Int01", "TemporalNamespaceDivision", "temporalnamespacedivision", "NamespaceDivision", "",
	},
	"temporal.server.api.token.v1.QueryTask.task_queue": partitions,
	"temporal.server.api.token.v1.NexusTask.task_queue": partitions,
}

func textsOf(field protoreflect.FieldDescriptor) []string {
	if texts, ok := others[field.FullName()]; ok {
		return texts
	}
	return texts[sortOf(field)]
}
