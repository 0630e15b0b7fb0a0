//! The requests that wait for a key. Their number is bounded, for each connection too, so that no connection takes all
//! the room.

use std::collections::BTreeMap;

/// How many requests may wait at a time. Further requests are answered UNAVAILABLE, which clients retry.
const MAX: usize = 1024;
/// How many requests of one connection may wait at a time.
const MAX_OF_CONNECTION: usize = 256;

/// The requests that wait, by context id, with their connections.
#[derive(Debug)]
pub(crate) struct WaitQueue<T>(BTreeMap<u32, (u64, T)>);

impl<T> Default for WaitQueue<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> WaitQueue<T> {
    /// Adds a request of this connection; `false` if there is no room.
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

    pub(crate) fn remove(&mut self, id: u32) {
        self.0.remove(&id);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.0.iter().map(|(id, (_, request))| (*id, request))
    }

    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

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
        let mut queue = WaitQueue::default();
        let admitted = (0..5000).filter(|id| queue.insert(*id, 7, ())).count();
        assert_eq!((admitted, queue.len()), (MAX_OF_CONNECTION, MAX_OF_CONNECTION));
        assert!(queue.insert(0, 7, ()), "a request that waits already may go on waiting");
        assert!(queue.insert(5000, 8, ()));
        queue.remove(0);
        queue.remove(0);
        assert!(queue.insert(5001, 7, ()) && !queue.insert(5002, 7, ()));
        let admitted = (6000..9000).filter(|id| queue.insert(*id, u64::from(*id), ())).count();
        assert_eq!((admitted, queue.len()), (MAX - MAX_OF_CONNECTION - 1, MAX));
        for id in 0..9000 {
            queue.remove(id);
        }
        assert!(queue.is_empty() && queue.iter().next().is_none());
    }
}
