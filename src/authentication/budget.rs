//! Bounds the worker thread's time that unknown tokens may take: anybody can send them, and verifying a token takes
//! longer than everything else about a call. Cached tokens are never charged.
//!
//! Each connection has a budget, and so does the whole VM. So a caller who sends garbage does not keep others from
//! being verified.

use std::collections::HashMap;
use std::time::Duration;

use crate::time::Timestamp;
use crate::work::{RefillRate, TimeBucket};

/// Bad tokens may take 8 % of the thread's time. With the work that is not measured, they stay below a tenth.
const VM: RefillRate = RefillRate { per_mille: 80, capacity: Duration::from_millis(300) };
/// Bad tokens of one connection may take 0.2 %, so that it takes forty connections to use up the VM's budget.
const BAD: RefillRate = RefillRate { per_mille: 2, capacity: Duration::from_millis(8) };
/// Good tokens of one connection may take a fifth, and a second at once: a proxy in front may send all callers over one
/// connection, and whoever sends many good tokens got them from the issuer.
const GOOD: RefillRate = RefillRate { per_mille: 200, capacity: Duration::from_secs(1) };
/// For a good token, the VM is charged an eighth of the cost.
const VM_DIVISOR: u32 = 8;
/// For a token that waits for its key, its connection is charged this part of the cost.
const WAITING_DIVISOR: u32 = 32;
/// The charge for a request that cannot wait for its key, because too many others do.
const NO_ROOM: Duration = Duration::from_micros(200);
/// The most that one token can cost. A longer time means that the clock was set or the thread had to wait.
const MAX_COST: Duration = Duration::from_millis(20);
/// How many connections have a budget of their own. All others share a budget.
const MAX_CONNECTIONS: usize = 1024;
/// The id under which all other connections share a budget.
const SHARED_ID: u64 = u64::MAX;

/// The time that is left for unknown tokens.
#[derive(Debug)]
pub struct Budget {
    vm: TimeBucket,
    /// By connection. A connection that is not here has full buckets.
    connections: HashMap<u64, ConnectionBudget>,
}

/// What a token proved to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Good,
    /// Its key is missing.
    Waiting,
    Bad,
}

/// The time that is left for the unknown tokens of one connection. When either is used up, no token is verified, because
/// only that tells good from bad.
#[derive(Debug, Clone, Copy)]
struct ConnectionBudget {
    bad: TimeBucket,
    good: TimeBucket,
}

impl Default for Budget {
    fn default() -> Self {
        Self { vm: TimeBucket::full(VM, Timestamp::EPOCH), connections: HashMap::new() }
    }
}

impl Budget {
    /// Whether a token of this connection may be verified. Its cost may then overdraw the budget.
    pub fn allows(&mut self, connection: u64, now: Timestamp) -> bool {
        let id = self.bucket_id(connection, now);
        let has_time = self.connections.get_mut(&id).is_none_or(|budget| budget.has_time(now));
        self.vm.refill(VM, now);
        has_time && self.vm.has_time()
    }

    /// Charges this connection and the VM for a token.
    pub fn spend(&mut self, connection: u64, cost: Duration, outcome: Outcome, now: Timestamp) {
        let cost = cost.min(MAX_COST);
        self.vm.take(if outcome == Outcome::Bad { cost } else { part(cost, VM_DIVISOR) });
        let id = self.bucket_id(connection, now);
        let budget = self.connections.entry(id).or_insert_with(|| ConnectionBudget::full(now));
        match outcome {
            Outcome::Good => budget.good.take(cost),
            Outcome::Waiting => budget.bad.take(part(cost, WAITING_DIVISOR)),
            Outcome::Bad => budget.bad.take(cost),
        }
    }

    /// Turns the charge for a bad token into that for a good one, as it has proved good.
    pub fn refund(&mut self, connection: u64, cost: Duration, now: Timestamp) {
        self.spend(connection, cost, Outcome::Good, now);
        let cost = cost.min(MAX_COST);
        self.vm.give(cost, VM);
        let id = self.bucket_id(connection, now);
        if let Some(budget) = self.connections.get_mut(&id) {
            budget.bad.give(cost, BAD);
        }
    }

    /// Charges for a request of this connection that finds no room to wait for its key.
    pub fn no_room(&mut self, connection: u64, now: Timestamp) {
        self.spend(connection, NO_ROOM, Outcome::Bad, now);
    }

    /// What is left for bad tokens of a connection, in microseconds.
    #[cfg(test)]
    pub(super) fn level(&self, connection: u64) -> i64 {
        self.connections
            .get(&connection)
            .map_or_else(|| TimeBucket::full(BAD, Timestamp::EPOCH).level(), |budget| budget.bad.level())
    }

    /// The id of the connection's budget.
    fn bucket_id(&mut self, connection: u64, now: Timestamp) -> u64 {
        if self.connections.contains_key(&connection) || self.connections.len() < MAX_CONNECTIONS {
            return connection;
        }
        // Full budgets are dropped only now, because that means looking at each.
        self.connections.retain(|_, budget| !budget.is_full(now));
        if self.connections.len() < MAX_CONNECTIONS { connection } else { SHARED_ID }
    }
}

impl ConnectionBudget {
    fn full(now: Timestamp) -> Self {
        let full = |rate: RefillRate| TimeBucket::full(rate, now);
        Self { bad: full(BAD), good: full(GOOD) }
    }

    fn has_time(&mut self, now: Timestamp) -> bool {
        self.refill(now);
        self.bad.has_time() && self.good.has_time()
    }

    fn is_full(&mut self, now: Timestamp) -> bool {
        self.refill(now);
        self.bad.is_full(BAD) && self.good.is_full(GOOD)
    }

    fn refill(&mut self, now: Timestamp) {
        self.bad.refill(BAD, now);
        self.good.refill(GOOD, now);
    }
}

fn part(cost: Duration, divisor: u32) -> Duration {
    cost.checked_div(divisor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// How many tokens are verified in ten seconds if each connection sends a token every millisecond.
    fn flood(budget: &mut Budget, connections: u64, cost: u64, outcome: Outcome) -> u64 {
        let mut verified = 0;
        for now in NOW..NOW + 10_000 {
            for connection in 0..connections {
                if budget.allows(connection, at(now)) {
                    budget.spend(connection, Duration::from_micros(cost), outcome, at(now));
                    verified += 1;
                }
            }
        }
        verified
    }

    #[test]
    fn bad_tokens_take_a_bounded_part_of_the_thread() {
        for (connections, percent) in [(1, 1), (8, 5), (100, 9)] {
            for cost in [40, 1_300] {
                let spent = flood(&mut Budget::default(), connections, cost, Outcome::Bad) * cost;
                assert!(spent <= percent * 100_000 + 320_000, "{connections} connections spend {spent} µs in 10 s");
            }
        }
    }

    #[test]
    fn good_tokens_take_more_but_not_all() {
        let mut budget = Budget::default();
        let spent = flood(&mut budget, 100, 1_300, Outcome::Good) * 1_300;
        assert!((6_000_000..10_000_000).contains(&spent), "{spent}");
    }

    #[test]
    fn good_tokens_of_one_connection_take_a_fifth_after_a_burst() {
        for cost in [40, 1_300, 4_000] {
            let spent = flood(&mut Budget::default(), 1, cost, Outcome::Good) * cost;
            assert!(spent <= 3_000_000 + cost, "one connection spends {spent} µs in 10 s");
        }
        // A thousand tokens at once whose verification takes a millisecond.
        let mut budget = Budget::default();
        for _ in 0..1000 {
            assert!(budget.allows(1, at(NOW)));
            budget.spend(1, Duration::from_millis(1), Outcome::Good, at(NOW));
        }
    }

    #[test]
    fn good_tokens_earn_nothing_for_bad_ones() {
        let mut budget = Budget::default();
        for now in NOW..NOW + 10_000 {
            budget.spend(1, Duration::from_micros(100), Outcome::Good, at(now));
        }
        let mut bad = 0;
        while budget.allows(1, at(NOW + 10_000)) {
            budget.spend(1, Duration::from_micros(100), Outcome::Bad, at(NOW + 10_000));
            bad += 1;
        }
        assert_eq!(bad, 80, "as many as over a connection that has sent no good token");
    }

    #[test]
    fn a_bad_token_that_proves_good_is_charged_as_one() {
        let (mut corrected, mut good) = (Budget::default(), Budget::default());
        let cost = Duration::from_micros(1_300);
        for budget in [&mut corrected, &mut good] {
            budget.spend(1, cost, Outcome::Good, at(NOW));
        }
        corrected.spend(1, cost, Outcome::Bad, at(NOW));
        corrected.refund(1, cost, at(NOW));
        good.spend(1, cost, Outcome::Good, at(NOW));
        assert_eq!(format!("{corrected:?}"), format!("{good:?}"));
    }

    #[test]
    fn a_flood_on_some_connections_does_not_stop_others() {
        let mut budget = Budget::default();
        for now in NOW..NOW + 10_000 {
            for connection in 0..20 {
                if budget.allows(connection, at(now)) {
                    budget.spend(connection, Duration::from_micros(1_300), Outcome::Bad, at(now));
                }
            }
            if now % 100 == 0 {
                assert!(budget.allows(now, at(now)), "a new connection at {now}");
                budget.spend(now, Duration::from_micros(1_300), Outcome::Good, at(now));
            }
        }
        assert!(!budget.allows(0, at(NOW + 10_000)), "the flood is stopped");
        assert!(budget.allows(0, at(NOW + 20_000)), "and is forgiven after it has ended");
    }

    #[test]
    fn the_number_of_connections_is_bounded() {
        let mut budget = Budget::default();
        for connection in 0..100_000 {
            budget.spend(connection, Duration::from_micros(40), Outcome::Bad, at(NOW));
        }
        budget.vm = TimeBucket::full(VM, at(NOW));
        assert!(budget.allows(0, at(NOW)));
        assert_eq!(budget.connections.len(), MAX_CONNECTIONS + 1);
        assert!(!budget.allows(200_000, at(NOW)), "all others share a budget");
        budget.vm = TimeBucket::full(VM, at(NOW));
        assert!(budget.allows(0, at(NOW)) && budget.allows(200_000, at(NOW + 1_000_000)));
        assert!(budget.connections.len() <= 1);
    }

    #[test]
    fn a_clock_that_jumps_costs_no_more_than_the_maximum() {
        let mut budget = Budget::default();
        budget.spend(1, Duration::from_micros(u64::MAX), Outcome::Bad, at(NOW));
        assert!(
            !budget.allows(1, at(NOW)) && !budget.allows(1, at(NOW - 1_000_000)) && budget.allows(1, at(NOW - 990_000))
        );
        assert!(budget.allows(2, at(NOW)));
    }
}
