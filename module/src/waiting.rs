//! Requests that wait for a key: bounded, and no connection takes the room of all others.

use std::collections::BTreeMap;

/// How many requests may wait at a time; further ones are told to come back.
const MAX: usize = 1024;
/// How many of one connection.
const MAX_OF_CONNECTION: usize = 256;

/// Requests that wait, by the number that the host has for each, with their connections.
#[derive(Debug)]
pub(crate) struct Waiting<T>(BTreeMap<u32, (u64, T)>);

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Waiting<T> {
    /// Lets a request of this connection wait. Says whether there is room.
    pub(crate) fn insert(&mut self, id: u32, connection: u64, request: T) -> bool {
        if self.0.contains_key(&id) {
            return true;
        }
        let is_of_connection = |(other, _): &&(u64, T)| *other == connection;
        if self.len() >= MAX || self.0.values().filter(is_of_connection).count() >= MAX_OF_CONNECTION {
            return false;
        }
        self.0.insert(id, (connection, request));
        true
    }

    /// The request waits no longer, if it did.
    pub(crate) fn remove(&mut self, id: u32) {
        self.0.remove(&id);
    }

    /// All that wait.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.0.iter().map(|(id, (_, request))| (*id, request))
    }

    /// How many wait.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none does.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        assert!(waiting.is_empty() && waiting.iter().next().is_none());
    }
}
