//! What each caller has used of the thread's time and of the VM's memory, whatever the number of their connections.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::TooMuchWork;
use super::bucket::{RefillRate, TokenBucket};
use crate::time::Timestamp;

/// Requests of one caller that take more work than is free may take a tenth of the thread's time, and 50 ms at once.
const CALLER: RefillRate = RefillRate { per_milli: 100, capacity: 50_000 };
/// Those of all callers may take four tenths.
const ALL_CALLERS: RefillRate = RefillRate { per_milli: 400, capacity: 300_000 };
/// More than this is paid only from what is there, in microseconds: a payment may overdraw an account by no more.
const MAX_OVERDRAFT: u32 = 5_000;
/// How many bytes requests may hold that have not arrived as a whole, and how many those of one caller.
const MAX_HELD: usize = 64 << 20;
const MAX_HELD_BY_CALLER: usize = MAX_HELD / 8;
/// The longest subject that is kept, in bytes.
const MAX_SUBJECT: usize = 128;
/// How many callers have an account of their own. All others share one.
const MAX_ACCOUNTS: usize = 4096;

/// A caller's account.
#[derive(Debug)]
pub struct Account {
    time: Cell<TokenBucket>,
    /// Bytes held by the caller's requests.
    held: Cell<usize>,
    all: Rc<AllCallers>,
}

/// What all callers have in common.
struct AllCallers {
    clock: Box<dyn Fn() -> Timestamp>,
    time: Cell<TokenBucket>,
    held: Cell<usize>,
}

/// The issuer's name, which peers do not have, and the subject or the peer's name, or its hash if it is long.
type Caller = (Option<Rc<str>>, Box<[u8]>);

/// The accounts of callers.
#[derive(Debug)]
pub struct Accounts {
    all: Rc<AllCallers>,
    by_caller: BTreeMap<Caller, Rc<Account>>,
    /// The account of callers that have none of their own.
    shared: Rc<Account>,
}

impl AllCallers {
    fn new(clock: impl Fn() -> Timestamp + 'static) -> Rc<Self> {
        let time = Cell::new(TokenBucket::full(ALL_CALLERS, clock()));
        Rc::new(Self { clock: Box::new(clock), time, held: Cell::default() })
    }
}

impl Accounts {
    #[must_use]
    pub fn new(clock: impl Fn() -> Timestamp + 'static) -> Self {
        let all = AllCallers::new(clock);
        Self { shared: Rc::new(Account::new(&all)), by_caller: BTreeMap::new(), all }
    }

    /// The account of this caller.
    pub fn of(&mut self, issuer: Option<&Rc<str>>, subject: &str) -> Rc<Account> {
        let subject = subject.as_bytes();
        let name =
            if subject.len() <= MAX_SUBJECT { subject.into() } else { Sha256::digest(subject).as_slice().into() };
        let caller = (issuer.cloned(), name);
        if let Some(account) = self.by_caller.get(&caller) {
            return Rc::clone(account);
        }
        if self.by_caller.len() >= MAX_ACCOUNTS {
            // An account that is not full counts even if no token of its caller is cached at the moment.
            let now = (self.all.clock)();
            self.by_caller.retain(|_, account| Rc::strong_count(account) > 1 || !account.is_full(now));
        }
        if self.by_caller.len() >= MAX_ACCOUNTS {
            return Rc::clone(&self.shared);
        }
        let account = Rc::new(Account::new(&self.all));
        self.by_caller.insert(caller, Rc::clone(&account));
        account
    }
}

impl Account {
    fn new(all: &Rc<AllCallers>) -> Self {
        let time = Cell::new(TokenBucket::full(CALLER, (all.clock)()));
        Self { time, held: Cell::default(), all: Rc::clone(all) }
    }

    /// Pays for this many microseconds of work.
    ///
    /// # Errors
    /// Too little is left for this caller, or for all of them.
    pub fn pay(&self, micros: u32) -> Result<(), TooMuchWork> {
        let now = (self.all.clock)();
        let (mut own, mut all) = (self.time.get(), self.all.time.get());
        let (left, left_for_all) = (own.refill(CALLER, now), all.refill(ALL_CALLERS, now));
        let is_enough = left > 0 && (micros <= MAX_OVERDRAFT || left >= i64::from(micros));
        let paid = match (is_enough, left_for_all > 0) {
            (true, true) => Ok(()),
            (true, false) => Err(TooMuchWork::AllUnpaid),
            (false, _) => Err(TooMuchWork::Unpaid),
        };
        if paid.is_ok() {
            own.take(micros.into());
            all.take(micros.into());
        }
        self.time.set(own);
        self.all.time.set(all);
        paid
    }

    /// Reserves memory for a request; `None` if there is none left for its caller, or for all of them.
    #[must_use]
    pub fn reserve(self: &Rc<Self>, bytes: usize) -> Option<Reservation> {
        if !self.has_room_for(bytes) {
            return None;
        }
        for held in [&self.held, &self.all.held] {
            held.set(held.get().saturating_add(bytes));
        }
        Some(Reservation { account: Rc::clone(self), bytes })
    }

    #[must_use]
    pub fn has_room_for(&self, bytes: usize) -> bool {
        !self.holds_too_much_with(bytes) && self.all.held.get().saturating_add(bytes) <= MAX_HELD
    }

    /// Whether the caller's own share would not be enough for this many more bytes.
    #[must_use]
    pub fn holds_too_much_with(&self, bytes: usize) -> bool {
        self.held.get().saturating_add(bytes) > MAX_HELD_BY_CALLER
    }

    fn is_full(&self, now: Timestamp) -> bool {
        let mut time = self.time.get();
        self.held.get() == 0 && time.refill(CALLER, now) == CALLER.capacity
    }
}

/// Memory that is reserved for a request, until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    account: Rc<Account>,
    bytes: usize,
}

impl Reservation {
    /// Whether the memory is reserved for this caller.
    #[must_use]
    pub fn is_of(&self, account: &Rc<Account>) -> bool {
        Rc::ptr_eq(&self.account, account)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for held in [&self.account.held, &self.account.all.held] {
            held.set(held.get().saturating_sub(self.bytes));
        }
    }
}

/// The account of a caller on a host whose time does not pass.
impl Default for Account {
    fn default() -> Self {
        Self::new(&AllCallers::new(|| Timestamp::EPOCH))
    }
}

impl fmt::Debug for AllCallers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllCallers").field("time", &self.time).field("held", &self.held).finish_non_exhaustive()
    }
}
