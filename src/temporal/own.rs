//! What is Temporal's own: names by which its workers, schedules and deployments are known.

use crate::pattern::collation::{AsciiLetters, ascii_letters};

/// How workflows, types of workflows and task queues of Temporal's own begin. A signal to a scheduler's workflow edits its
/// schedule; a task queue of the system serves its workers. Source: `common/primitives/task_queues.go`,
/// `service/worker/scheduler`.
const PREFIX: &str = "temporal-sys-";

/// How partitions of a task queue begin, which only servers among themselves name. Source: `common/tqid`.
const PARTITION: &str = "/_sys/";

/// The namespace in which Temporal's own workers run workflows that delete namespaces and move data. Source:
/// `common/primitives/namespaces.go`, `service/worker`.
const SYSTEM_NAMESPACE: &str = "temporal-system";

/// The Nexus endpoint behind which Temporal itself acts on the namespace's workflows. Source: `common/nexus/constants.go`.
pub(super) const SYSTEM_ENDPOINT: &str = "__temporal_system";

/// Whether a workflow, a type of workflows or a task queue is Temporal's own, or a partition of a queue.
pub(super) fn is_internal(name: &str) -> bool {
    let partition = name.get(..PARTITION.len()).is_some_and(|start| start.eq_ignore_ascii_case(PARTITION));
    partition || is_reserved(name)
}

/// Whether a name begins as those of Temporal's own do, or as one that a database may take for such a name: MySQL's usual
/// collations compare without case and without accents.
pub(super) fn is_reserved(name: &str) -> bool {
    let mut read = 1;
    for char in name.chars() {
        read = further(PREFIX, read, char);
        if read == 0 || read >= bit(PREFIX.len()) {
            return read > 0;
        }
    }
    false
}

/// Whether a namespace is Temporal's own, or one that a database may take for it. Spaces at the end make no other of it.
pub(super) fn is_system(namespace: &str) -> bool {
    let read = namespace.trim_end_matches(' ').chars().fold(1, |read, char| further(SYSTEM_NAMESPACE, read, char));
    read & bit(SYSTEM_NAMESPACE.len()) != 0
}

/// How much of a text may have been read with one character more, as a bit for each length.
fn further(text: &str, read: u32, char: char) -> u32 {
    match ascii_letters(char) {
        AsciiLetters::Itself => {
            let equal = text.bytes().enumerate().filter(|(_, letter)| char::from(*letter).eq_ignore_ascii_case(&char));
            (read & equal.map(|(index, _)| bit(index)).fold(0, |equal, bit| equal | bit)) << 1
        }
        AsciiLetters::None => read,
        AsciiLetters::One => read | read << 1,
        AsciiLetters::Two => read | read << 1 | read << 2,
    }
}

fn bit(length: usize) -> u32 {
    u32::try_from(length).ok().and_then(|length| 1u32.checked_shl(length)).unwrap_or_default()
}

/// Whether the queue of a query's or a Nexus task's token is Temporal's own. An honest token names the partition from which
/// the task came; which queue that is part of, decides. Source: `common/tqid`, `parseRpcName`.
pub(super) fn is_internal_partition(name: &str) -> bool {
    let queue = match name.strip_prefix(PARTITION) {
        None => name,
        Some(rest) => rest.rsplit_once('/').map_or(rest, |(queue, _)| queue),
    };
    is_internal(queue)
}

/// Whether a query finds Temporal's own workflows, too: the server leaves them out unless the query names the division they
/// are in, in whatever spelling. Source: `common/persistence/visibility/store/query/converter.go`.
pub(super) fn asks_for_internal(query: &str) -> bool {
    query.replace('`', "").to_ascii_lowercase().contains("namespacedivision")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_temporals_own_are_known_by_how_they_begin() {
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
    fn accents_make_no_other_name_of_it() {
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
    fn names_in_other_languages_are_anybodys() {
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
            assert!(!is_internal(name) && !is_system(name), "{name}");
        }
    }

    #[test]
    fn temporals_own_namespace_is_known_in_any_spelling() {
        let accents = ["t\u{e9}mporal-system", "temporal-system\u{301}", "temporal-sy\u{fb06}em"];
        for name in ["temporal-system", "TEMPORAL-System", "temporal-system  "].into_iter().chain(accents) {
            assert!(is_system(name), "{name}");
        }
        for name in ["", "temporal-systems", "temporal-syste", "temporal", "\u{442}-temporal-system"] {
            assert!(!is_system(name), "{name}");
        }
    }

    #[test]
    fn a_partition_is_part_of_its_queue() {
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
