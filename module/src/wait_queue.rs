//! The requests that wait for a key. Their number is bounded, for each connection too, so that no connection takes all
//! the room.

use std::collections::BTreeMap;

/// How many requests may wait at a time. Further requests are answered UNAVAILABLE, which clients retry.
const MAX: usize = 1024;
/// How many requests of one connection may wait at a time.
const MAX_OF_CONNECTION: usize = 256;

/// How many bytes waiting requests may hold, in total and of one connection: their tokens, and the parameters of calls over HTTP.
const MAX_BYTES: usize = 4 << 20;
const MAX_BYTES_OF_CONNECTION: usize = 1 << 20;

/// The requests that wait, by context id.
#[derive(Debug)]
pub(crate) struct WaitQueue<T>(BTreeMap<u32, Waiting<T>>);

#[derive(Debug)]
struct Waiting<T> {
    connection: u64,
    /// How many bytes it holds.
    size: usize,
    request: T,
}

impl<T> Default for WaitQueue<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> WaitQueue<T> {
    /// Adds a request of this connection that holds this many bytes; `false` if there is no room.
    pub(crate) fn insert(&mut self, id: u32, connection: u64, size: usize, request: T) -> bool {
        if self.0.contains_key(&id) {
            return true;
        }
        let (mut bytes, mut of_connection, mut bytes_of_connection) = (size, 0usize, size);
        for other in self.0.values() {
            bytes = bytes.saturating_add(other.size);
            if other.connection == connection {
                of_connection = of_connection.saturating_add(1);
                bytes_of_connection = bytes_of_connection.saturating_add(other.size);
            }
        }
        let has_room = self.len() < MAX && bytes <= MAX_BYTES;
        if !has_room || of_connection >= MAX_OF_CONNECTION || bytes_of_connection > MAX_BYTES_OF_CONNECTION {
            return false;
        }
        self.0.insert(id, Waiting { connection, size, request });
        true
    }

    pub(crate) fn remove(&mut self, id: u32) {
        self.0.remove(&id);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.0.iter().map(|(id, waiting)| (*id, &waiting.request))
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
        let admitted = (0..5000).filter(|id| queue.insert(*id, 7, 1000, ())).count();
        assert_eq!((admitted, queue.len()), (MAX_OF_CONNECTION, MAX_OF_CONNECTION));
        assert!(queue.insert(0, 7, 1000, ()), "a request that waits already may go on waiting");
        assert!(queue.insert(5000, 8, 1000, ()));
        queue.remove(0);
        queue.remove(0);
        assert!(queue.insert(5001, 7, 1000, ()) && !queue.insert(5002, 7, 1000, ()));
        let admitted = (6000..9000).filter(|id| queue.insert(*id, u64::from(*id), 1000, ())).count();
        assert_eq!((admitted, queue.len()), (MAX - MAX_OF_CONNECTION - 1, MAX));
        for id in 0..9000 {
            queue.remove(id);
        }
        assert!(queue.is_empty() && queue.iter().next().is_none());
    }

    #[test]
    fn long_tokens_take_more_room() {
        let mut queue = WaitQueue::default();
        let admitted = |queue: &mut WaitQueue<()>, ids: std::ops::Range<u32>, connections: u32| {
            ids.filter(|id| queue.insert(*id, u64::from(id % connections), 60_000, ())).count()
        };
        assert_eq!(admitted(&mut queue, 0..100, 1), MAX_BYTES_OF_CONNECTION / 60_000);
        assert_eq!(admitted(&mut queue, 1000..2000, 100), MAX_BYTES / 60_000 - MAX_BYTES_OF_CONNECTION / 60_000);
    }
}
