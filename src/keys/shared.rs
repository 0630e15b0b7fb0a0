//! What the VMs of a process share about an issuer's keys, so that one of them fetches for all, and a new VM can verify
//! tokens at once.
//!
//! The host's shared data is one table for every plugin of the process (in Istio all have the same `vm_id`), so nothing
//! in it is believed without a code that only this configuration can make. Anything else counts as absent.

use hmac_sha256::{HMAC, Hash};

use crate::time::Timestamp;

/// The layout of what is stored; another one counts as absent.
const VERSION: u8 = 1;
/// The bytes before an entry's content: the version and the authentication code.
const OVERHEAD: usize = 33;
/// A number that no stored entry has: with it a value is stored only if there is none.
pub const ABSENT: u32 = u32::MAX;

/// The host's shared data.
pub trait SharedData {
    /// The value with that name, and the number to pass to [`SharedData::store`].
    fn load(&self, name: &str) -> Option<(Vec<u8>, u32)>;
    /// Stores a value if the current one still has this number, or there is none; 0 overwrites any value. Returns whether
    /// it was stored.
    fn store(&self, name: &str, value: &[u8], number: u32) -> bool;
}

/// A process with one VM.
impl SharedData for () {
    fn load(&self, _: &str) -> Option<(Vec<u8>, u32)> {
        None
    }

    fn store(&self, _: &str, _: &[u8], _: u32) -> bool {
        true
    }
}

/// What only VMs with the same configuration know: it authenticates what they share.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareKey {
    /// Part of every name, so that configurations do not touch each other's entries.
    scope: String,
    key: [u8; 32],
}

/// What is shared about one issuer's keys.
pub struct SharedKeys<'a> {
    data: &'a dyn SharedData,
    share_key: &'a ShareKey,
    issuer: &'a str,
}

/// Who fetches, and how the last fetch went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lease {
    /// Until when a VM is fetching; [`Timestamp::EPOCH`] if none is.
    pub held_until: Timestamp,
    /// When the last fetch began, successful or not.
    pub started: Timestamp,
    /// When the fetch of the shared keys began; [`Timestamp::EPOCH`] if there are none.
    pub keys: Timestamp,
    /// When the next fetch is due.
    pub due: Timestamp,
    /// How many fetches failed since the last successful one.
    pub failures: u64,
}

impl ShareKey {
    pub fn of(configuration: &[u8]) -> Self {
        let scope = Hash::hash(configuration).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { scope, key: HMAC::mac(configuration, b"temporal-auth shared keys") }
    }

    fn code(&self, name: &str, content: &[u8]) -> [u8; 32] {
        let mut code = HMAC::new(self.key);
        code.update([VERSION]);
        code.update(name);
        // A separator: names have no zero bytes.
        code.update([0]);
        code.update(content);
        code.finalize()
    }
}

impl std::fmt::Debug for ShareKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShareKey({})", self.scope)
    }
}

impl<'a> SharedKeys<'a> {
    pub fn new(data: &'a dyn SharedData, share_key: &'a ShareKey, issuer: &'a str) -> Self {
        Self { data, share_key, issuer }
    }

    /// The key set last published, and when its fetch began.
    #[must_use]
    pub fn keys(&self) -> Option<(Timestamp, Vec<u8>)> {
        let (mut content, _) = self.load("keys");
        let began =
            content.as_deref().and_then(|content| content.first_chunk()).map(|began| u64::from_le_bytes(*began))?;
        content.as_mut()?.drain(..8);
        Some((Timestamp::from_millis(began), content?))
    }

    /// `began` is when the fetch of the key set began.
    pub fn publish(&self, began: Timestamp, document: &[u8]) {
        self.store("keys", &[&began.as_millis().to_le_bytes(), document].concat(), 0);
    }

    /// Removes everything, so that a configuration that is gone takes no memory.
    pub fn withdraw(&self) {
        for what in ["keys", "lease"] {
            self.data.store(&self.name(what), &[], 0);
        }
    }

    /// The lease, and the number to pass to [`SharedKeys::take`].
    #[must_use]
    pub fn lease(&self) -> (Lease, u32) {
        let (content, number) = self.load("lease");
        (content.and_then(|content| Lease::read(&content)).unwrap_or_default(), number)
    }

    /// Writes the lease unless another VM has written it since it was read. Returns whether it did.
    #[must_use]
    pub fn take(&self, lease: Lease, number: u32) -> bool {
        self.store("lease", &lease.write(), number)
    }

    /// Overwrites the lease.
    pub fn put(&self, lease: Lease) {
        self.store("lease", &lease.write(), 0);
    }

    fn name(&self, what: &str) -> String {
        format!("temporal-auth/{}/{}/{what}", self.share_key.scope, self.issuer)
    }

    fn load(&self, what: &str) -> (Option<Vec<u8>>, u32) {
        let name = self.name(what);
        let Some((mut value, number)) = self.data.load(&name) else { return (None, ABSENT) };
        let content = value.get(OVERHEAD..).filter(|content| {
            let code = self.share_key.code(&name, content);
            value.first() == Some(&VERSION) && value.get(1..OVERHEAD) == Some(&code[..])
        });
        if content.is_none() {
            return (None, number);
        }
        value.drain(..OVERHEAD);
        (Some(value), number)
    }

    fn store(&self, what: &str, content: &[u8], number: u32) -> bool {
        let name = self.name(what);
        let value = [&[VERSION], &self.share_key.code(&name, content)[..], content].concat();
        self.data.store(&name, &value, number)
    }
}

impl Lease {
    fn read(content: &[u8]) -> Option<Self> {
        let (numbers, []) = content.as_chunks::<8>() else { return None };
        match numbers.iter().map(|number| u64::from_le_bytes(*number)).collect::<Vec<_>>()[..] {
            [held_until, started, keys, due, failures] => {
                let [held_until, started, keys, due] = [held_until, started, keys, due].map(Timestamp::from_millis);
                Some(Self { held_until, started, keys, due, failures })
            }
            _ => None,
        }
    }

    fn write(self) -> Vec<u8> {
        let times = [self.held_until, self.started, self.keys, self.due].map(Timestamp::as_millis);
        times.iter().chain([&self.failures]).flat_map(|number| number.to_le_bytes()).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    /// SharedKeys data as `shared_data.cc` of proxy-wasm-cpp-host has it.
    #[derive(Default)]
    pub(crate) struct Table {
        entries: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
        next: std::cell::Cell<u32>,
    }

    impl Table {
        /// Another plugin writes to every entry.
        pub(crate) fn overwrite(&self, change: impl Fn(&mut Vec<u8>)) {
            self.entries.borrow_mut().values_mut().for_each(|(value, _)| change(value));
        }
    }

    impl SharedData for Table {
        fn load(&self, name: &str) -> Option<(Vec<u8>, u32)> {
            self.entries.borrow().get(name).cloned()
        }

        fn store(&self, name: &str, value: &[u8], number: u32) -> bool {
            let mut entries = self.entries.borrow_mut();
            if entries.get(name).is_some_and(|(_, current)| number != 0 && number != *current) {
                return false;
            }
            self.next.set(self.next.get() + 1);
            entries.insert(name.to_owned(), (value.to_vec(), self.next.get()));
            true
        }
    }

    const LEASE: Lease = Lease {
        held_until: Timestamp::from_millis(1),
        started: Timestamp::from_millis(2),
        keys: Timestamp::from_millis(3),
        due: Timestamp::from_millis(4),
        failures: 5,
    };
    const BEGAN: Timestamp = Timestamp::from_millis(7);

    #[test]
    fn vms_read_only_what_the_same_configuration_wrote() {
        let table = Table::default();
        let (ours, theirs) = (ShareKey::of(b"{}"), ShareKey::of(b"{} "));
        let shared = SharedKeys::new(&table, &ours, "corp");
        assert_eq!((shared.keys(), shared.lease()), (None, (Lease::default(), ABSENT)));
        shared.publish(BEGAN, b"{\"keys\":[]}");
        shared.put(LEASE);
        let same = ShareKey::of(b"{}");
        let other_vm = SharedKeys::new(&table, &same, "corp");
        assert_eq!((other_vm.keys(), other_vm.lease().0), (Some((BEGAN, b"{\"keys\":[]}".to_vec())), LEASE));
        for other in [SharedKeys::new(&table, &theirs, "corp"), SharedKeys::new(&table, &ours, "other")] {
            assert_eq!((other.keys(), other.lease()), (None, (Lease::default(), ABSENT)));
        }
        shared.withdraw();
        assert_eq!((other_vm.keys(), other_vm.lease().0), (None, Lease::default()));
    }

    #[test]
    fn entries_changed_by_another_plugin_count_as_absent() {
        let ours = ShareKey::of(b"{}");
        let changes: [fn(&mut Vec<u8>); 6] = [
            |value| value.clear(),
            |value| value.truncate(20),
            |value| value[0] += 1,
            |value| value[5] ^= 1,
            |value| *value.last_mut().unwrap() ^= 1,
            |value| value.push(0),
        ];
        for change in changes {
            let table = Table::default();
            let shared = SharedKeys::new(&table, &ours, "corp");
            shared.publish(BEGAN, b"document");
            shared.put(LEASE);
            table.overwrite(change);
            assert_eq!((shared.keys(), shared.lease().0), (None, Lease::default()));
            shared.publish(BEGAN, b"document");
            assert!(shared.keys().is_some(), "and it is overwritten in turn");
        }
    }

    #[test]
    fn an_entry_under_another_name_counts_as_absent() {
        let (table, ours) = (Table::default(), ShareKey::of(b"{}"));
        let shared = SharedKeys::new(&table, &ours, "corp");
        shared.publish(BEGAN, b"document");
        let (value, _) = table.load(&shared.name("keys")).unwrap();
        let other = SharedKeys::new(&table, &ours, "other");
        assert!(table.store(&other.name("keys"), &value, 0));
        assert_eq!((shared.keys().is_some(), other.keys()), (true, None));
    }

    #[test]
    fn only_one_vm_takes_the_lease() {
        let (table, ours) = (Table::default(), ShareKey::of(b"{}"));
        let shared = SharedKeys::new(&table, &ours, "corp");
        let (_, seen_by_a) = shared.lease();
        let (_, seen_by_b) = shared.lease();
        assert!(shared.take(LEASE, seen_by_a) && !shared.take(LEASE, seen_by_b));
        let (_, seen_by_a) = shared.lease();
        let (_, seen_by_b) = shared.lease();
        assert!(shared.take(LEASE, seen_by_a) && !shared.take(LEASE, seen_by_b));
    }
}
