//! Answers that are held until it is known whether they may go on.

use std::cell::Cell;
use std::rc::Rc;

/// How many bytes of answers are held at a time. A page of a thousand namespaces has half a megabyte.
const MAX_HELD: usize = 16 << 20;

/// Bytes of an answer that are held.
#[derive(Debug)]
pub(super) struct HeldBytes {
    bytes: Vec<u8>,
    held: Rc<Cell<usize>>,
}

/// No more bytes may be held.
#[derive(Debug)]
pub(super) struct NoRoom;

impl HeldBytes {
    /// No bytes yet. `held` counts the bytes of all answers.
    pub(super) fn new(held: &Rc<Cell<usize>>) -> Self {
        Self { bytes: Vec::new(), held: Rc::clone(held) }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let held = self.held.get().saturating_add(bytes.len());
        if held > MAX_HELD {
            return Err(NoRoom);
        }
        self.held.set(held);
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, which are then no longer held.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.held.set(self.held.get().saturating_sub(self.bytes.len()));
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.take();
    }
}
