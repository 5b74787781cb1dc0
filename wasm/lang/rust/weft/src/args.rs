use alloc::format;
use alloc::vec::Vec;

use crate::{wire, Error, Result};

/// The arguments of a call. By custom the first is the function's name.
pub struct Args(pub(crate) Vec<u8>);

impl Args {
    /// The arguments in turn, the function's name among them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut r = wire::Reader(self.0.get(4..).unwrap_or(&[]));
        core::iter::from_fn(move || r.bytes().ok())
    }

    /// How many there are, with the function's name.
    pub fn len(&self) -> usize {
        wire::Reader(&self.0).u32().unwrap_or(0) as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first argument, empty if there is none or it is no text.
    pub fn function(&self) -> &str {
        self.text(0).unwrap_or("")
    }

    /// Argument i.
    pub fn bytes(&self, i: usize) -> Result<&[u8]> {
        self.iter().nth(i).ok_or_else(|| Error::new(format!("argument {} is missing", i)))
    }

    /// Argument i, which must be UTF-8.
    pub fn text(&self, i: usize) -> Result<&str> {
        core::str::from_utf8(self.bytes(i)?).map_err(|_| Error::new(format!("argument {} is not valid UTF-8", i)))
    }
}
