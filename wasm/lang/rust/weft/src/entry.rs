//! What the macros' exports call.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::{host, Result, Tx};

/// The ABI's version that this crate needs: major 1, minor 0.
pub const VERSION: i32 = 1 << 16;

/// What a contract's function may return as payload.
pub trait Payload {
    /// The bytes of the response.
    fn into_payload(self) -> Vec<u8>;
}

impl Payload for Vec<u8> {
    fn into_payload(self) -> Vec<u8> {
        self
    }
}

impl Payload for String {
    fn into_payload(self) -> Vec<u8> {
        self.into_bytes()
    }
}

impl Payload for () {
    fn into_payload(self) -> Vec<u8> {
        Vec::new()
    }
}

/// Runs one transaction.
pub fn run<P: Payload>(flags: i32, invoke: impl FnOnce(&Tx) -> Result<P>) -> i32 {
    match invoke(&Tx::new(flags)) {
        Ok(payload) => host::respond(200, "", &payload.into_payload()),
        Err(e) => host::respond(e.status(), e.message(), &[]),
    }
}

/// Ends the transaction; what panicked goes to the peer's log and to the
/// client. It takes `core`'s or `std`'s information, whichever there is.
pub fn panicked(info: &impl fmt::Display) -> ! {
    host::abort(&info.to_string())
}
