//! An issuer's keys and the lease for fetching them, shared by the VMs of a process: one VM fetches for all, and a new
//! VM can verify tokens at once.
//!
//! All plugins of the process have the same shared data, because in Istio they have the same `vm_id`. So an entry is
//! believed only with an authentication code that only this configuration can make; any other entry counts as absent.

use hmac_sha256::HMAC;
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// The version of an entry's layout. An entry of another version counts as absent.
const VERSION: u8 = 1;
/// The bytes before an entry's content: the version and the authentication code.
const OVERHEAD: usize = 33;
/// A compare-and-swap number that no entry has: with it, a value is stored only if there is no entry.
pub const ABSENT: u32 = u32::MAX;

/// The host's shared data.
pub trait SharedData {
    /// The value with this name, and its compare-and-swap number.
    fn load(&self, name: &str) -> Option<(Vec<u8>, u32)>;
    /// Stores a value if there is none, or if the current value still has this compare-and-swap number; 0 overwrites
    /// any value. Returns whether the value was stored.
    fn store(&self, name: &str, value: &[u8], cas: u32) -> bool;
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

/// A secret that only VMs with the same configuration know. It authenticates their shared entries.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareKey {
    /// A part of every entry's name, so that configurations do not overwrite each other's entries.
    scope: String,
    key: [u8; 32],
}

/// The shared entries of one issuer.
pub struct SharedKeys<'a> {
    data: &'a dyn SharedData,
    share_key: &'a ShareKey,
    issuer: &'a str,
}

/// Whether a VM is fetching, and how the last fetch went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lease {
    /// Until when a VM holds the lease; [`Timestamp::EPOCH`] if no VM does.
    pub held_until: Timestamp,
    /// When the last fetch began, successful or not.
    pub started: Timestamp,
    /// When the fetch of the shared keys began; [`Timestamp::EPOCH`] if there are no keys.
    pub keys_began: Timestamp,
    /// When the next fetch is due.
    pub due: Timestamp,
    /// How many fetches have failed since the last successful fetch.
    pub failures: u64,
}

impl ShareKey {
    pub fn of(configuration: &[u8]) -> Self {
        // Hashed once, because a configuration may have megabytes. The name is public, so it must not be a part of that hash.
        let hash = Sha256::digest(configuration);
        let name = HMAC::mac(hash, b"temporal-auth name of shared keys");
        let scope = name.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { scope, key: HMAC::mac(hash, b"temporal-auth shared keys") }
    }

    fn code(&self, name: &str, content: &[u8]) -> [u8; 32] {
        let mut code = HMAC::new(self.key);
        code.update([VERSION]);
        code.update(name);
        // A separator, because names have no zero bytes.
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

    /// The key set that was published last, and when its fetch began.
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

    /// Empties the entries, so that a configuration that is gone takes no memory.
    pub fn withdraw(&self) {
        for entry in ["keys", "lease"] {
            self.data.store(&self.name(entry), &[], 0);
        }
    }

    /// The lease, and the compare-and-swap number for [`SharedKeys::take`].
    #[must_use]
    pub fn lease(&self) -> (Lease, u32) {
        let (content, cas) = self.load("lease");
        (content.and_then(|content| Lease::decode(&content)).unwrap_or_default(), cas)
    }

    /// Writes the lease, unless another VM has written it since it was read. Returns whether it was written.
    #[must_use]
    pub fn take(&self, lease: Lease, cas: u32) -> bool {
        self.store("lease", &lease.encode(), cas)
    }

    /// Overwrites the lease.
    pub fn put(&self, lease: Lease) {
        self.store("lease", &lease.encode(), 0);
    }

    fn name(&self, entry: &str) -> String {
        format!("temporal-auth/{}/{}/{entry}", self.share_key.scope, self.issuer)
    }

    fn load(&self, entry: &str) -> (Option<Vec<u8>>, u32) {
        let name = self.name(entry);
        let Some((mut value, cas)) = self.data.load(&name) else { return (None, ABSENT) };
        let content = value.get(OVERHEAD..).filter(|content| {
            let code = self.share_key.code(&name, content);
            value.first() == Some(&VERSION) && value.get(1..OVERHEAD) == Some(&code[..])
        });
        if content.is_none() {
            return (None, cas);
        }
        value.drain(..OVERHEAD);
        (Some(value), cas)
    }

    fn store(&self, entry: &str, content: &[u8], cas: u32) -> bool {
        let name = self.name(entry);
        let value = [&[VERSION], &self.share_key.code(&name, content)[..], content].concat();
        self.data.store(&name, &value, cas)
    }
}

impl Lease {
    fn decode(content: &[u8]) -> Option<Self> {
        let (numbers, []) = content.as_chunks::<8>() else { return None };
        match numbers.iter().map(|number| u64::from_le_bytes(*number)).collect::<Vec<_>>()[..] {
            [held_until, started, keys_began, due, failures] => {
                let times = [held_until, started, keys_began, due];
                let [held_until, started, keys_began, due] = times.map(Timestamp::from_millis);
                Some(Self { held_until, started, keys_began, due, failures })
            }
            _ => None,
        }
    }

    fn encode(self) -> Vec<u8> {
        let times = [self.held_until, self.started, self.keys_began, self.due].map(Timestamp::as_millis);
        times.iter().chain([&self.failures]).flat_map(|number| number.to_le_bytes()).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    /// Shared data with the behaviour of `shared_data.cc` of proxy-wasm-cpp-host.
    #[derive(Default)]
    pub(crate) struct FakeSharedData {
        entries: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
        last_cas: std::cell::Cell<u32>,
    }

    impl FakeSharedData {
        /// Changes every entry, as another plugin might.
        pub(crate) fn overwrite(&self, change: impl Fn(&mut Vec<u8>)) {
            self.entries.borrow_mut().values_mut().for_each(|(value, _)| change(value));
        }
    }

    impl SharedData for FakeSharedData {
        fn load(&self, name: &str) -> Option<(Vec<u8>, u32)> {
            self.entries.borrow().get(name).cloned()
        }

        fn store(&self, name: &str, value: &[u8], cas: u32) -> bool {
            let mut entries = self.entries.borrow_mut();
            if entries.get(name).is_some_and(|(_, current)| cas != 0 && cas != *current) {
                return false;
            }
            self.last_cas.set(self.last_cas.get() + 1);
            entries.insert(name.to_owned(), (value.to_vec(), self.last_cas.get()));
            true
        }
    }

    const LEASE: Lease = Lease {
        held_until: Timestamp::from_millis(1),
        started: Timestamp::from_millis(2),
        keys_began: Timestamp::from_millis(3),
        due: Timestamp::from_millis(4),
        failures: 5,
    };
    const BEGAN: Timestamp = Timestamp::from_millis(7);

    #[test]
    fn vms_believe_only_entries_of_the_same_configuration() {
        let table = FakeSharedData::default();
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
            let table = FakeSharedData::default();
            let shared = SharedKeys::new(&table, &ours, "corp");
            shared.publish(BEGAN, b"document");
            shared.put(LEASE);
            table.overwrite(change);
            assert_eq!((shared.keys(), shared.lease().0), (None, Lease::default()));
            shared.publish(BEGAN, b"document");
            assert!(shared.keys().is_some(), "a VM can overwrite the entry in turn");
        }
    }

    #[test]
    fn an_entry_under_another_name_counts_as_absent() {
        let (table, ours) = (FakeSharedData::default(), ShareKey::of(b"{}"));
        let shared = SharedKeys::new(&table, &ours, "corp");
        shared.publish(BEGAN, b"document");
        let (value, _) = table.load(&shared.name("keys")).unwrap();
        let other = SharedKeys::new(&table, &ours, "other");
        assert!(table.store(&other.name("keys"), &value, 0));
        assert_eq!((shared.keys().is_some(), other.keys()), (true, None));
    }

    #[test]
    fn only_one_vm_takes_the_lease() {
        let (table, ours) = (FakeSharedData::default(), ShareKey::of(b"{}"));
        let shared = SharedKeys::new(&table, &ours, "corp");
        let (_, seen_by_a) = shared.lease();
        let (_, seen_by_b) = shared.lease();
        assert!(shared.take(LEASE, seen_by_a) && !shared.take(LEASE, seen_by_b));
        let (_, seen_by_a) = shared.lease();
        let (_, seen_by_b) = shared.lease();
        assert!(shared.take(LEASE, seen_by_a) && !shared.take(LEASE, seen_by_b));
    }
}
