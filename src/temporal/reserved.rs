//! The names that Temporal reserves for its own workers, schedules and deployments.

use crate::pattern::collation::{AsciiLetters, ascii_letters};

/// The prefix of workflows, workflow types and task queues that are Temporal's own. A signal to a scheduler's workflow edits
/// its schedule; Temporal's own workers poll its task queues. Source: `common/primitives/task_queues.go`,
/// `service/worker/scheduler`.
const RESERVED_PREFIX: &str = "temporal-sys-";

/// The prefix of a task queue's partitions, which only servers name. Source: `common/tqid`.
const PARTITION_PREFIX: &str = "/_sys/";

/// The namespace in which Temporal's own workers run workflows that delete namespaces and migrate data. Source:
/// `common/primitives/namespaces.go`, `service/worker`.
const SYSTEM_NAMESPACE: &str = "temporal-system";

/// The Nexus endpoint at which Temporal itself acts on the namespace's workflows. Source: `common/nexus/constants.go`.
pub(super) const SYSTEM_ENDPOINT: &str = "__temporal_system";

/// Whether the name of a workflow or a task queue is reserved, or is that of a queue's partition.
pub(super) fn is_internal(name: &str) -> bool {
    let start = name.get(..PARTITION_PREFIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(PARTITION_PREFIX)) || is_reserved(name)
}

/// Whether a name begins with the reserved prefix, or with a text that a database may take for it: MySQL's usual collations
/// compare without case and without accents.
pub(super) fn is_reserved(name: &str) -> bool {
    let mut read = 1;
    for char in name.chars() {
        read = read_on(RESERVED_PREFIX, read, char);
        if read == 0 || read >= bit(RESERVED_PREFIX.len()) {
            return read > 0;
        }
    }
    false
}

/// Whether a namespace is Temporal's own, or a database may take it for that. Databases ignore spaces at the end.
pub(super) fn is_system_namespace(namespace: &str) -> bool {
    let mut read = 1;
    for char in namespace.trim_end_matches(' ').chars() {
        read = read_on(SYSTEM_NAMESPACE, read, char);
        if read == 0 {
            return false;
        }
    }
    read & bit(SYSTEM_NAMESPACE.len()) != 0
}

/// The lengths of the parts of `text` that the characters up to this one may spell. Each set bit is a length.
fn read_on(text: &str, read: u32, char: char) -> u32 {
    match ascii_letters(char) {
        AsciiLetters::Itself => followed_by(text, read, char) << 1,
        AsciiLetters::None => read,
        AsciiLetters::One => read | read << 1,
        AsciiLetters::Two => read | read << 1 | read << 2,
    }
}

/// The lengths of those parts of `text` that this character follows, in either case.
fn followed_by(text: &str, read: u32, char: char) -> u32 {
    let (mut left, mut followed) = (read, 0);
    while left != 0 {
        // Nearly always, this is the only bit.
        let lowest = left & left.wrapping_neg();
        let next = text.as_bytes().get(lowest.trailing_zeros() as usize);
        if next.is_some_and(|letter| char::from(*letter).eq_ignore_ascii_case(&char)) {
            followed |= lowest;
        }
        left ^= lowest;
    }
    followed
}

fn bit(length: usize) -> u32 {
    u32::try_from(length).ok().and_then(|length| 1u32.checked_shl(length)).unwrap_or_default()
}

/// Whether the task queue in the token of a query or a Nexus task is Temporal's own. An honest token names the partition from
/// which the task came, and the queue of that partition decides. Source: `common/tqid`, `parseRpcName`.
pub(super) fn is_internal_partition(name: &str) -> bool {
    let queue = match name.strip_prefix(PARTITION_PREFIX) {
        None => name,
        Some(rest) => rest.rsplit_once('/').map_or(rest, |(queue, _)| queue),
    };
    is_internal(queue)
}

/// Whether a query may find Temporal's own workflows. The server leaves them out unless the query names their division, in
/// any spelling. Source: `common/persistence/visibility/store/query/converter.go`.
pub(super) fn may_find_internal(query: &str) -> bool {
    query.replace('`', "").to_ascii_lowercase().contains("namespacedivision")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_names_are_recognized_by_their_prefix() {
        for name in ["temporal-sys-scheduler:payday", "temporal-sys-", "TEMPORAL-Sys-x", "/_sys/payroll/1", "/_SYS/x"] {
            assert!(is_internal(name), "{name}");
        }
        for name in
            ["", "temporal-sys", "my-temporal-sys-x", "temporal-system", "/_sys", "temporal-sys/worker-commands/n/k"]
        {
            assert!(!is_internal(name), "{name}");
        }
    }

    #[test]
    fn an_accent_does_not_hide_the_reserved_prefix() {
        for name in [
            "t\u{e9}mporal-sys-x",
            "tempora\u{308}l-sys-x",
            "te\u{5b9}mporal-sys-x",
            "\u{167}emporal-sys-x",
            "temporal-\u{df}ys-x",
            "temporal-sy\u{17f}-",
            "\u{200b}temporal-sys-",
            "\u{ff54}\u{ff45}\u{ff4d}\u{ff50}\u{ff4f}\u{ff52}\u{ff41}\u{ff4c}\u{ff0d}\u{ff53}\u{ff59}\u{ff53}\u{ff0d}x",
        ] {
            assert!(is_internal(name), "{name}");
        }
    }

    #[test]
    fn names_in_other_languages_are_not_reserved() {
        for name in [
            "\u{437}\u{430}\u{43a}\u{430}\u{437}-17",
            "\u{3c0}\u{3b1}\u{3c1}\u{3b1}\u{3b3}\u{3b3}\u{3b5}\u{3bb}\u{3af}\u{3b1}",
            "\u{0e04}\u{0e33}\u{0e2a}\u{0e31}\u{0e48}\u{0e07}-\u{0e0b}\u{0e37}\u{0e49}\u{0e2d}-\u{0e04}\u{0e23}",
            "\u{6ce8}\u{6587}-17",
            "\u{1f680}\u{1f680}\u{1f680}\u{1f680}\u{1f680}-1",
            "t\u{e9}l\u{e9}charger-temporal-sys-",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}-1",
            "temporal-\u{e9}x",
            "\u{e9}",
        ] {
            assert!(!is_internal(name) && !is_system_namespace(name), "{name}");
        }
    }

    #[test]
    fn temporals_own_namespace_is_recognized_in_any_spelling() {
        let accents = ["t\u{e9}mporal-system", "temporal-system\u{301}", "temporal-sy\u{fb06}em"];
        for name in ["temporal-system", "TEMPORAL-System", "temporal-system  "].into_iter().chain(accents) {
            assert!(is_system_namespace(name), "{name}");
        }
        for name in ["", "temporal-systems", "temporal-syste", "temporal", "\u{442}-temporal-system"] {
            assert!(!is_system_namespace(name), "{name}");
        }
    }

    #[test]
    fn a_partition_counts_as_its_queue() {
        for name in
            ["temporal-sys-per-ns-tq", "/_sys/temporal-sys-per-ns-tq/3", "/_sys//_sys/x/1/2", "/_sys/temporal-sys-x"]
        {
            assert!(is_internal_partition(name), "{name}");
        }
        for name in
            ["", "payroll-q", "/_sys/payroll-q/2", "/_sys/a/b/2", "host:uuid", "/temporal-sys/worker-commands/n/k"]
        {
            assert!(!is_internal_partition(name), "{name}");
        }
    }
}
