//! What each caller has used of the thread's time and of the VM's memory, whatever the number of their connections.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::TooMuchWork;
use super::bucket::{RefillRate, TimeBucket};
use crate::time::Timestamp;

/// Requests of one caller that take more work than is free may take a tenth of the thread's time, and 50 ms at once.
const CALLER: RefillRate = RefillRate { per_mille: 100, capacity: Duration::from_millis(50) };
/// Those of all callers may take four tenths.
const ALL_CALLERS: RefillRate = RefillRate { per_mille: 400, capacity: Duration::from_millis(300) };
/// The largest payment that may overdraw an account. The account must cover a larger payment, or be full.
const MAX_OVERDRAFT: Duration = Duration::from_millis(5);
/// The largest payment from a full account, which is overdrawn then: an honest request may need more than an account ever has,
/// but not more than this.
const MAX_FROM_FULL: Duration = Duration::from_millis(250);
/// An account with this much counts as full: before a request is decided, reading it may have taken the rest.
const FULL: Duration = Duration::from_millis(40);
/// How many bytes unfinished requests may hold: all of them, and those of one caller.
const MAX_RESERVED: usize = 64 << 20;
const MAX_RESERVED_BY_CALLER: usize = MAX_RESERVED / 8;
/// The longest subject that is kept, in bytes.
const MAX_SUBJECT: usize = 128;
/// How many callers have an account of their own. All others share one.
const MAX_ACCOUNTS: usize = 4096;

/// A caller's account.
#[derive(Debug)]
pub struct Account {
    time: Cell<TimeBucket>,
    /// Bytes held by the caller's requests.
    held: Cell<usize>,
    all: Rc<AllCallers>,
}

/// What all callers have in common.
struct AllCallers {
    clock: Box<dyn Fn() -> Timestamp>,
    time: Cell<TimeBucket>,
    held: Cell<usize>,
}

/// The issuer's name, which peers do not have, and the subject or the peer's name, or its hash if it is long.
type AccountKey = (Option<Rc<str>>, Box<[u8]>);

/// The accounts of callers.
#[derive(Debug)]
pub struct Accounts {
    all: Rc<AllCallers>,
    by_caller: BTreeMap<AccountKey, Rc<Account>>,
    /// The account of callers that have none of their own.
    shared: Rc<Account>,
}

impl AllCallers {
    fn new(clock: impl Fn() -> Timestamp + 'static) -> Rc<Self> {
        let time = Cell::new(TimeBucket::full(ALL_CALLERS, clock()));
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
            // Otherwise, a caller whose token is no longer cached would get a full account.
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
        let time = Cell::new(TimeBucket::full(CALLER, (all.clock)()));
        Self { time, held: Cell::default(), all: Rc::clone(all) }
    }

    /// Pays for work that takes this long.
    ///
    /// # Errors
    /// Too little is left for this caller, or for all of them.
    pub fn pay(&self, time: Duration) -> Result<(), TooMuchWork> {
        let now = (self.all.clock)();
        let (mut own, mut all) = (self.time.get(), self.all.time.get());
        own.refill(CALLER, now);
        all.refill(ALL_CALLERS, now);
        let is_small = time <= MAX_OVERDRAFT;
        let may_overdraw = is_small && own.has_time() || time <= MAX_FROM_FULL && own.covers(FULL);
        // What all callers have is never overdrawn by much, or a few of them could keep it from the others.
        let is_left_for_all = if is_small { all.has_time() } else { all.covers(time) };
        let paid = match (may_overdraw || own.covers(time), is_left_for_all) {
            (true, true) => Ok(()),
            (true, false) => Err(TooMuchWork::AllUnpaid),
            (false, _) if time > MAX_FROM_FULL => Err(TooMuchWork::Never),
            (false, _) => Err(TooMuchWork::Unpaid),
        };
        if paid.is_ok() {
            own.take(time);
            all.take(time);
        }
        self.time.set(own);
        self.all.time.set(all);
        paid
    }

    /// Reserves memory for a request; `None` if there is none left for its caller, or for all of them.
    #[must_use]
    pub fn reserve(self: &Rc<Self>, bytes: usize) -> Option<Reservation> {
        if self.missing_room(bytes) > 0 {
            return None;
        }
        for held in [&self.held, &self.all.held] {
            held.set(held.get().saturating_add(bytes));
        }
        Some(Reservation { account: Rc::clone(self), bytes })
    }

    /// How many bytes other requests would have to give up, so that this many can be reserved.
    #[must_use]
    pub fn missing_room(&self, bytes: usize) -> usize {
        let in_total = self.all.held.get().saturating_add(bytes).saturating_sub(MAX_RESERVED);
        in_total.max(self.missing_share(bytes))
    }

    /// How many bytes other requests of this caller would have to give up for that.
    #[must_use]
    pub fn missing_share(&self, bytes: usize) -> usize {
        self.held.get().saturating_add(bytes).saturating_sub(MAX_RESERVED_BY_CALLER)
    }

    fn is_full(&self, now: Timestamp) -> bool {
        let mut time = self.time.get();
        time.refill(CALLER, now);
        self.held.get() == 0 && time.is_full(CALLER)
    }
}

/// Memory that is reserved for a request, until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    account: Rc<Account>,
    bytes: usize,
}

impl Reservation {
    /// How many bytes are reserved.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes
    }

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
