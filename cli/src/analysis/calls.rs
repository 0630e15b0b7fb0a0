//! Which calls may have which effects: each method by itself, and by what its request may say.

use temporal_auth::config::Config;
use temporal_auth::temporal::http::{NexusCall, OPENAPI, nexus_method};
use temporal_auth::temporal::method::ADMIN_METHOD;
use temporal_auth::temporal::schema::{FieldMeaning, Message};
use temporal_auth::temporal::{Catalogue, EffectSet, Method, MethodRef, Scope};

/// The method whose request may have an operation of a newer server.
const START_BATCH: &str = "StartBatchOperation";
/// The only operation of Temporal's own endpoint that a worker's command may start.
const OPERATION: &str = "SignalWithStartWorkflowExecution";

/// The methods of Nexus over HTTP, whose requests are in their paths and headers.
const NEXUS_SERVICE: &str = "/temporal.api.nexusservice.";

/// Something that a request may say, and what the call then does besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallOption {
    /// The field, and its value if it is an enum.
    pub(crate) text: String,
    pub(crate) effects: EffectSet,
    /// Whether it has these effects in another namespace, which it names.
    pub(crate) elsewhere: bool,
    /// Whether it is an operation of a newer server, which could do anything that a writer may.
    pub(crate) is_newer: bool,
}

/// Everything that requests of a method may say that has effects.
pub(crate) fn options(method: &Method) -> Vec<CallOption> {
    let mut found = Vec::new();
    collect(method.request, &mut Vec::new(), &mut found);
    if method.name() == START_BATCH {
        let text = "an operation of a newer server".to_owned();
        found.push(CallOption { text, effects: EffectSet::WRITER, elsewhere: false, is_newer: true });
    }
    found
}

/// Every effect that a call of this method may have, in its own namespace or in others. A call that touches something of
/// Temporal's own also has `cluster-admin`, unless it only reads.
pub(crate) fn possible(method: &Method) -> EffectSet {
    let internal = if touches_internal(method) { EffectSet::CLUSTER_ADMIN } else { EffectSet::NONE };
    options(method).iter().fold(method.effects.with(internal), |all, option| all.with(option.effects))
}

/// Whether a call of this method may touch something of Temporal's own in a way that needs a system grant.
pub(crate) fn touches_internal(method: &Method) -> bool {
    method.scope == Scope::Namespace && !EffectSet::READER.covers(method.effects)
}

/// Whether requests of this method may register a callback into Temporal itself.
pub(crate) fn may_call_back(method: &Method) -> bool {
    fn has_callback(message: &'static Message, seen: &mut Vec<*const Message>) -> bool {
        if seen.contains(&std::ptr::from_ref(message)) {
            return false;
        }
        seen.push(message);
        message.fields.iter().any(|field| match &field.meaning {
            FieldMeaning::CallbackUrl | FieldMeaning::InternalCallback | FieldMeaning::NexusInput => true,
            FieldMeaning::Message(_, inner) => has_callback(inner, seen),
            _ => false,
        })
    }
    method.path.starts_with(NEXUS_SERVICE) || has_callback(method.request, &mut Vec::new())
}

fn collect(message: &'static Message, seen: &mut Vec<*const Message>, found: &mut Vec<CallOption>) {
    if seen.contains(&std::ptr::from_ref(message)) {
        return;
    }
    seen.push(message);
    for field in message.fields {
        let mut add = |text: String, effects: EffectSet, elsewhere: bool| {
            let option = CallOption { text, effects, elsewhere, is_newer: false };
            if !effects.is_empty() && !found.contains(&option) {
                found.push(option);
            }
        };
        match &field.meaning {
            FieldMeaning::OtherNamespace(there) => {
                add(format!("{} in another namespace", of_command(message)), *there, true);
            }
            FieldMeaning::Flag(effects) => add(field.name.to_owned(), *effects, false),
            FieldMeaning::Enum(names, effects, _) => {
                for (value, effects) in *effects {
                    let name = names.values.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name);
                    add(format!("{} {name}", field.name), *effects, false);
                }
            }
            FieldMeaning::Message(effects, inner) => {
                add(field.name.to_owned(), *effects, false);
                collect(inner, seen, found);
            }
            FieldMeaning::NexusInput => {
                if let Some(method) = Catalogue::default().named(OPERATION) {
                    add(format!("{OPERATION} in another namespace"), method.effects, true);
                    collect(method.request, seen, found);
                }
            }
            _ => {}
        }
    }
}

/// What a message is called that acts in another namespace.
fn of_command(message: &Message) -> &str {
    let name = message.name;
    name.strip_suffix("CommandAttributes").or_else(|| name.strip_suffix("Request")).unwrap_or(name)
}

/// All methods that are served with this configuration, in the order of their names.
pub(crate) fn methods(config: &Config) -> Vec<MethodRef> {
    let mut methods: Vec<_> = config.catalogue.methods().collect();
    if config.http.nexus {
        let by_queue = NexusCall::ByQueue { namespace: String::new(), task_queue: String::new() };
        let calls = [by_queue, NexusCall::ByEndpoint { id: String::new() }, NexusCall::Callback { namespace: None }];
        methods.extend(calls.iter().map(nexus_method));
    }
    if config.http.openapi {
        methods.push(MethodRef::Known(&OPENAPI));
    }
    if config.admin_service {
        methods.push(MethodRef::Known(&ADMIN_METHOD));
    }
    methods.sort_by(|one, other| shown_name(one).cmp(shown_name(other)).then_with(|| one.path.cmp(&other.path)));
    methods
}

/// What a method is called in lists of methods.
pub(crate) fn shown_name(method: &Method) -> &str {
    if method.path == ADMIN_METHOD.path { "AdminService" } else { method.name() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> MethodRef {
        Catalogue::default().named(name).unwrap()
    }

    #[test]
    fn options_are_those_of_the_table() {
        let texts = |name: &str, effect: EffectSet| -> Vec<String> {
            let options = options(&named(name)).into_iter().filter(|option| option.effects.covers(effect));
            options.map(|option| option.text).collect()
        };
        assert_eq!(
            texts("StartWorkflowExecution", EffectSet::TERMINATE),
            ["workflow_id_reuse_policy TERMINATE_IF_RUNNING", "workflow_id_conflict_policy TERMINATE_EXISTING"]
        );
        assert_eq!(texts("StartWorkflowExecution", EffectSet::POLL), ["request_eager_execution"]);
        assert!(
            texts("RespondWorkflowTaskCompleted", EffectSet::START)
                .contains(&"StartChildWorkflowExecution in another namespace".to_owned())
        );
        assert!(texts("CreateSchedule", EffectSet::TERMINATE).contains(&"overlap_policy TERMINATE_OTHER".to_owned()));
        assert!(
            texts("StartBatchOperation", EffectSet::TERMINATE).contains(&"an operation of a newer server".to_owned())
        );
        assert_eq!(texts("QueryWorkflow", EffectSet::NONE), [""; 0]);
    }

    #[test]
    fn a_call_may_have_what_its_method_and_its_request_have() {
        assert_eq!(possible(&named("QueryWorkflow")), EffectSet::QUERY);
        assert!(possible(&named("UpdateNamespace")).covers(EffectSet::TERMINATE.with(EffectSet::CLUSTER_ADMIN)));
        assert!(!possible(&named("TerminateWorkflowExecution")).covers(EffectSet::START));
    }

    #[test]
    fn callbacks_are_registered_by_calls_that_start() {
        for (name, expected) in
            [("StartWorkflowExecution", true), ("RespondWorkflowTaskCompleted", true), ("QueryWorkflow", false)]
        {
            assert_eq!(may_call_back(&named(name)), expected, "{name}");
        }
    }

    #[test]
    fn every_method_is_there() {
        let of = |more: serde_json::Value| {
            let mut config = serde_json::json!({"version": 1, "issuers": {"a": {"issuer": "https://a/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}}}});
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            methods(&Config::parse(config.to_string().as_bytes()).unwrap())
        };
        let usual = of(serde_json::json!({}));
        assert!(usual.len() > 120 && usual.iter().any(|method| method.path.starts_with("/grpc.health")));
        let more = of(serde_json::json!({"admin_service": true, "http": {"nexus": true, "openapi": true}}));
        assert_eq!(more.len(), usual.len() + 5);
        assert!(more.iter().any(|method| shown_name(method) == "AdminService"));
    }
}
