//! How much of the worker thread's time unknown tokens may take: anybody can send them, and to verify one takes longer
//! than all else that a call needs. Cached tokens never pay.
//!
//! First the connection pays, then the whole VM: one caller who sends rubbish does not keep others from being verified.

use std::collections::HashMap;
use std::time::Duration;

use crate::time::Timestamp;

/// What bad tokens may take of the thread: 8 %, which leaves room in a tenth for what is not measured.
const VM: Rate = Rate { per_milli: 80, most: 300_000 };
/// What bad tokens of one connection may take: 0.2 %, so that it takes forty to use up the whole.
const CONNECTION: Rate = Rate { per_milli: 2, most: 8_000 };
/// A token that is not bad counts for an eighth, and for its connection for less still: whoever sends many has them from
/// the issuer, and a proxy in front may bring all callers over one connection.
const GOOD_OF_VM: i64 = 8;
const GOOD_OF_CONNECTION: i64 = 32;
/// What a request is charged for that cannot wait for its key, as too many do.
const NO_ROOM: Duration = Duration::from_micros(200);
/// What one token can cost at most. More means that the clock was set, or the thread had to wait.
const LONGEST: Duration = Duration::from_millis(20);
/// How many connections are told apart. All others share one budget.
const MAX_CONNECTIONS: usize = 1024;
/// The budget of connections that are not told apart.
const OTHERS: u64 = u64::MAX;

/// What is left for unknown tokens.
#[derive(Debug)]
pub struct Budget {
    vm: Purse,
    /// By connection, those that have not got back all they spent.
    connections: HashMap<u64, Purse>,
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    /// Microseconds in each millisecond.
    per_milli: i64,
    /// In microseconds.
    most: i64,
}

#[derive(Debug, Clone, Copy)]
struct Purse {
    /// In microseconds.
    left: i64,
    at: Timestamp,
}

impl Default for Budget {
    fn default() -> Self {
        Self { vm: Purse { left: VM.most, at: Timestamp::EPOCH }, connections: HashMap::new() }
    }
}

impl Budget {
    /// Whether a token of this connection may be looked at. What is left may be overdrawn by the last one.
    pub fn allows(&mut self, connection: u64, now: Timestamp) -> bool {
        let connection = self.told_apart(connection, now);
        let left = self.connections.get_mut(&connection).is_none_or(|purse| purse.refill(CONNECTION, now) > 0);
        left && self.vm.refill(VM, now) > 0
    }

    /// A token of this connection has cost that much; `good` if it is, or may yet be when its key comes.
    pub fn spend(&mut self, connection: u64, cost: Duration, good: bool, now: Timestamp) {
        let cost = i64::from(cost.min(LONGEST).subsec_micros());
        let (of_vm, of_connection) = if good { (cost / GOOD_OF_VM, cost / GOOD_OF_CONNECTION) } else { (cost, cost) };
        self.vm.left = self.vm.left.saturating_sub(of_vm);
        if of_connection > 0 {
            let connection = self.told_apart(connection, now);
            let purse = self.connections.entry(connection).or_insert(Purse { left: CONNECTION.most, at: now });
            purse.left = purse.left.saturating_sub(of_connection);
        }
    }

    /// A request of this connection has found no room to wait for its key.
    pub fn no_room(&mut self, connection: u64, now: Timestamp) {
        self.spend(connection, NO_ROOM, false, now);
    }

    fn told_apart(&mut self, connection: u64, now: Timestamp) -> u64 {
        if self.connections.contains_key(&connection) || self.connections.len() < MAX_CONNECTIONS {
            return connection;
        }
        // Only now, as it takes a look at each.
        self.connections.retain(|_, purse| purse.refill(CONNECTION, now) < CONNECTION.most);
        if self.connections.len() < MAX_CONNECTIONS { connection } else { OTHERS }
    }
}

impl Purse {
    fn refill(&mut self, rate: Rate, now: Timestamp) -> i64 {
        // A clock that was set back gives nothing, and takes nothing.
        let passed = i64::try_from(now.saturating_since(self.at).as_millis()).unwrap_or(i64::MAX);
        self.at = now;
        self.left = self.left.saturating_add(passed.saturating_mul(rate.per_milli)).min(rate.most);
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// How many tokens are looked at in ten seconds, when each connection sends one every millisecond.
    fn flood(budget: &mut Budget, connections: u64, cost: u64, good: bool) -> u64 {
        let mut looked_at = 0;
        for now in NOW..NOW + 10_000 {
            for connection in 0..connections {
                if budget.allows(connection, at(now)) {
                    budget.spend(connection, Duration::from_micros(cost), good, at(now));
                    looked_at += 1;
                }
            }
        }
        looked_at
    }

    #[test]
    fn bad_tokens_take_a_bounded_part_of_the_thread() {
        for (connections, percent) in [(1, 1), (8, 5), (100, 9)] {
            for cost in [40, 1_300] {
                let spent = flood(&mut Budget::default(), connections, cost, false) * cost;
                assert!(spent <= percent * 100_000 + 320_000, "{connections} connections spend {spent} µs in 10 s");
            }
        }
    }

    #[test]
    fn good_tokens_take_more_but_not_all() {
        let mut budget = Budget::default();
        let spent = flood(&mut budget, 100, 1_300, true) * 1_300;
        assert!((6_000_000..10_000_000).contains(&spent), "{spent}");
    }

    #[test]
    fn a_flood_on_some_connections_does_not_stop_others() {
        let mut budget = Budget::default();
        for now in NOW..NOW + 10_000 {
            for connection in 0..20 {
                if budget.allows(connection, at(now)) {
                    budget.spend(connection, Duration::from_micros(1_300), false, at(now));
                }
            }
            if now % 100 == 0 {
                assert!(budget.allows(now, at(now)), "a new connection at {now}");
                budget.spend(now, Duration::from_micros(1_300), true, at(now));
            }
        }
        assert!(!budget.allows(0, at(NOW + 10_000)), "the flood is stopped");
        assert!(budget.allows(0, at(NOW + 20_000)), "and forgiven when it ends");
    }

    #[test]
    fn connections_are_bounded() {
        let mut budget = Budget::default();
        for connection in 0..100_000 {
            budget.spend(connection, Duration::from_micros(40), false, at(NOW));
        }
        budget.vm.left = VM.most;
        assert!(budget.allows(0, at(NOW)));
        assert_eq!(budget.connections.len(), MAX_CONNECTIONS + 1);
        assert!(!budget.allows(200_000, at(NOW)), "all others share one");
        budget.vm.left = VM.most;
        assert!(budget.allows(0, at(NOW)) && budget.allows(200_000, at(NOW + 1_000_000)));
        assert!(budget.connections.len() <= 1);
    }

    #[test]
    fn a_clock_that_jumps_costs_no_more_than_the_longest() {
        let mut budget = Budget::default();
        budget.spend(1, Duration::from_micros(u64::MAX), false, at(NOW));
        assert!(
            !budget.allows(1, at(NOW)) && !budget.allows(1, at(NOW - 1_000_000)) && budget.allows(1, at(NOW - 990_000))
        );
        assert!(budget.allows(2, at(NOW)));
    }
}
