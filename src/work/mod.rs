//! Bounds the work that one request may cause, and charges its caller for what an honest request does not need.
//!
//! A few kilobytes of gzip can hold millions of fields, and reading them would keep the thread from everybody else. So
//! reading a request spends from a [`Work`]: what every request may cost is free, and what goes beyond is paid from the
//! caller's [`Account`], step by step, so that a request ends as soon as the account is empty.

mod account;
mod bucket;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

pub use account::{Account, Accounts, Reservation};
pub use bucket::{RefillRate, TimeBucket};

/// How many fields any message may have; larger messages may have more. No honest encoder comes near that: a worker's answer
/// with a thousand commands has ten thousand fields.
const FREE_FIELDS: u64 = 16 << 10;
/// A message may have one more field for each of this many bytes.
const BYTES_PER_FIELD: u64 = 16;

/// The work that is free for each part of a request: several times that of an ordinary request.
const FREE: Nanoseconds = Nanoseconds(30_000);
/// The work that is free for each byte of a compressed message or a JSON body. Whoever sends many bytes also waits for the network.
const FREE_PER_BYTE: Nanoseconds = Nanoseconds(4);
/// What is paid at a time at least, so that the clock is rarely asked for the time.
const STEP: Nanoseconds = Nanoseconds(50_000);

/// A span of the thread's time. `Duration` has two numbers, which would be slower for each field that is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Nanoseconds(u64);

impl Nanoseconds {
    const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// A piece of work.
#[derive(Debug, Clone, Copy)]
pub enum Piece {
    Field,
    /// A byte of content that is inflated.
    Byte,
    /// A byte of gzip's headers and trailers.
    Overhead,
    /// The tables of a block.
    Block,
    /// A value or a member of JSON, whether it matters or not.
    Value,
    /// A member of JSON whose name is looked up, or a message in JSON.
    Member,
    /// A byte of an earlier name that a new name is compared with.
    Lookup,
    /// A message that is embedded in a field.
    Embedded,
    /// An entry of a list. Deciding about it is like deciding about a call.
    Entry,
    /// Up to 32 bytes of a name that are compared with a pattern.
    Comparison,
}

impl Piece {
    /// Roughly what it costs in WebAssembly.
    const fn cost(self) -> Nanoseconds {
        Nanoseconds(match self {
            Self::Lookup => 1,
            Self::Byte => 4,
            Self::Overhead | Self::Value => 20,
            Self::Field => 25,
            Self::Comparison => 40,
            Self::Member => 200,
            Self::Embedded => 2_000,
            Self::Entry => 3_000,
            Self::Block => 8_000,
        })
    }
}

/// Why a request is not read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuchWork {
    /// It has more fields than its size allows.
    Fields,
    /// Its caller has used up their share of the thread's time.
    Unpaid,
    /// All callers together have used up theirs.
    AllUnpaid,
    /// Its caller can never pay for it.
    Never,
}

impl TooMuchWork {
    /// Whether it takes more time than its caller may take, rather than being made to take it.
    #[must_use]
    pub fn is_unpaid(self) -> bool {
        matches!(self, Self::Unpaid | Self::AllUnpaid | Self::Never)
    }
}

impl fmt::Display for TooMuchWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fields => "more fields than a message of this size may have",
            Self::Unpaid => "the request takes more work than is left for its caller at the moment",
            Self::AllUnpaid => "the request takes more work than is left for all callers at the moment",
            Self::Never => "the request takes more work than any caller may cause at once",
        })
    }
}

/// The work that one request may still cause.
#[derive(Debug, Default)]
pub struct Work {
    /// Free or paid work that is left.
    left: Nanoseconds,
    /// Fields read so far, those of embedded messages included.
    fields: u64,
    /// Where the embedded message that is being read begins.
    offset: u64,
    /// `None` if nobody is charged.
    account: Option<Rc<Account>>,
}

impl Work {
    /// The work of a request whose caller has this account.
    #[must_use]
    pub fn charged_to(account: Rc<Account>) -> Self {
        Self { left: FREE, account: Some(account), ..Self::default() }
    }

    /// This many bytes have arrived.
    pub fn arrived(&mut self, bytes: usize) {
        self.left = self.left.plus(FREE_PER_BYTE.times(bytes as u64));
    }

    /// A field begins at this position of its message.
    ///
    /// # Errors
    /// It is one too many, or the caller cannot pay for it.
    pub fn field(&mut self, position: u64) -> Result<(), TooMuchWork> {
        self.fields = self.fields.saturating_add(1);
        let size = self.offset.saturating_add(position);
        if self.fields > FREE_FIELDS.saturating_add(size / BYTES_PER_FIELD) {
            return Err(TooMuchWork::Fields);
        }
        self.spend(Piece::Field, 1)
    }

    /// A value that may be an embedded message begins at this position. [`Work::leave`] takes what this returns.
    #[must_use]
    pub fn enter(&mut self, position: u64) -> u64 {
        let around = self.offset;
        self.offset = around.saturating_add(position);
        around
    }

    /// The value has ended, whether it was read to its end or not.
    pub fn leave(&mut self, around: u64) {
        self.offset = around;
    }

    /// This many pieces of work are about to be done.
    ///
    /// # Errors
    /// The caller cannot pay for them.
    pub fn spend(&mut self, piece: Piece, count: usize) -> Result<(), TooMuchWork> {
        let cost = piece.cost().times(count as u64);
        if cost > self.left {
            return self.pay(cost);
        }
        self.left = self.left.minus(cost);
        Ok(())
    }

    /// Pays for what is not free. Few requests come here.
    #[cold]
    #[inline(never)]
    fn pay(&mut self, cost: Nanoseconds) -> Result<(), TooMuchWork> {
        let Some(account) = &self.account else { return Ok(()) };
        let missing = cost.minus(self.left).max(STEP);
        // Accounts have microseconds.
        account.pay(Duration::from_micros(missing.0.div_ceil(1_000)))?;
        self.left = self.left.plus(missing).minus(cost);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
