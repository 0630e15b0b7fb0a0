//! Requests that wait for a key: bounded, and no connection takes the room of all others.

use std::collections::BTreeMap;

/// How many requests may wait at a time; further ones are told to come back.
const MAX: usize = 1024;
/// How many of one connection.
const MAX_OF_CONNECTION: usize = 256;

/// Requests that wait, by the number that the host has for each.
#[derive(Debug)]
pub struct Waiting<T> {
    requests: BTreeMap<u32, (u64, T)>,
    of_connection: BTreeMap<u64, usize>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { requests: BTreeMap::new(), of_connection: BTreeMap::new() }
    }
}

impl<T> Waiting<T> {
    /// Lets a request of this connection wait. Says whether there is room.
    pub fn insert(&mut self, id: u32, connection: u64, request: T) -> bool {
        if self.requests.contains_key(&id) {
            return true;
        }
        let of_connection = self.of_connection.get(&connection).copied().unwrap_or_default();
        if self.requests.len() >= MAX || of_connection >= MAX_OF_CONNECTION {
            return false;
        }
        self.of_connection.insert(connection, of_connection.saturating_add(1));
        self.requests.insert(id, (connection, request));
        true
    }

    /// The request waits no longer, if it did.
    pub fn remove(&mut self, id: u32) {
        let Some((connection, _)) = self.requests.remove(&id) else { return };
        if let Some(count) = self.of_connection.get_mut(&connection) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_connection.remove(&connection);
            }
        }
    }

    /// All that wait.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.requests.iter().map(|(id, (_, request))| (*id, request))
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_leaves_room_for_others() {
        let mut waiting = Waiting::default();
        let admitted = (0..5000).filter(|id| waiting.insert(*id, 7, ())).count();
        assert_eq!((admitted, waiting.len()), (MAX_OF_CONNECTION, MAX_OF_CONNECTION));
        assert!(waiting.insert(0, 7, ()), "one that waits already may go on waiting");
        assert!(waiting.insert(5000, 8, ()));
        waiting.remove(0);
        waiting.remove(0);
        assert!(waiting.insert(5001, 7, ()) && !waiting.insert(5002, 7, ()));
        let admitted = (6000..9000).filter(|id| waiting.insert(*id, u64::from(*id), ())).count();
        assert_eq!((admitted, waiting.len()), (MAX - MAX_OF_CONNECTION - 1, MAX));
        for id in 0..9000 {
            waiting.remove(id);
        }
        assert!(waiting.is_empty() && waiting.of_connection.is_empty() && waiting.iter().next().is_none());
    }
}
