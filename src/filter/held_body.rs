//! The body of a request on the HTTP port, held until the verdict.

use std::cell::Cell;
use std::rc::Rc;

use crate::report::Rejection;
use crate::wire::DecodeError;
use crate::wire::http::MAX_BODY;

/// How many bytes of bodies are held at a time.
const MAX_HELD: usize = 16 << 20;

/// The bytes of a body, counted among those of the other bodies that are held.
#[derive(Debug)]
pub(super) struct HeldBody {
    bytes: Vec<u8>,
    held: Rc<Cell<usize>>,
}

impl HeldBody {
    pub(super) fn new(held: &Rc<Cell<usize>>) -> Self {
        Self { bytes: Vec::new(), held: Rc::clone(held) }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Rejection> {
        check_size(self.bytes.len().saturating_add(bytes.len()))?;
        let held = self.held.get().saturating_add(bytes.len());
        if held > MAX_HELD {
            return Err(Rejection::NoRoomForBody);
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

impl Drop for HeldBody {
    fn drop(&mut self) {
        self.take();
    }
}

/// Refuses a body of this size if the server would not read it.
pub(super) fn check_size(size: usize) -> Result<(), DecodeError> {
    if size > MAX_BODY { Err(DecodeError::TooLarge) } else { Ok(()) }
}
