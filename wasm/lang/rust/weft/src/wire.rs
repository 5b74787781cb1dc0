//! The encodings of the ABI: lists, records, times, and as much of protobuf as
//! an identity needs. What comes from the host is checked all the same: a
//! mistake is an error, never a panic.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Error, Result};

/// Reads from the front of a byte string.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        if n > self.0.len() {
            return Err(Error::new("the host's answer ends too early"));
        }
        let (head, tail) = self.0.split_at(n);
        self.0 = tail;
        Ok(head)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub fn u32(&mut self) -> Result<u32> {
        let mut b = [0; 4];
        b.copy_from_slice(self.take(4)?);
        Ok(u32::from_le_bytes(b))
    }

    pub fn i32(&mut self) -> Result<i32> {
        self.u32().map(|n| n as i32)
    }

    pub fn i64(&mut self) -> Result<i64> {
        let mut b = [0; 8];
        b.copy_from_slice(self.take(8)?);
        Ok(i64::from_le_bytes(b))
    }

    /// A length and as many bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let n = self.u32()?;
        self.take(n as usize)
    }

    pub fn text(&mut self) -> Result<String> {
        text(self.bytes()?)
    }

    /// A varint of protobuf.
    pub fn varint(&mut self) -> Result<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.u8()?;
            n |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(n);
            }
        }
        Err(Error::new("a number in the identity is too long"))
    }
}

pub fn text(b: &[u8]) -> Result<String> {
    match core::str::from_utf8(b) {
        Ok(s) => Ok(s.into()),
        Err(_) => Err(Error::new("not valid UTF-8")),
    }
}

/// Decodes a list.
pub fn list(b: &[u8]) -> Result<Vec<&[u8]>> {
    let mut r = Reader(b);
    let count = r.u32()? as usize;
    // An item has four bytes at least, so a lie never becomes an allocation.
    let mut items = Vec::with_capacity(count.min(b.len() / 4));
    for _ in 0..count {
        items.push(r.bytes()?);
    }
    Ok(items)
}

/// Encodes a list.
pub fn encode_list(items: &[&[u8]]) -> Vec<u8> {
    let size = items.iter().map(|i| 4 + i.len()).sum::<usize>();
    let mut out = Vec::with_capacity(4 + size);
    out.extend_from_slice(&(items.len() as u32).to_le_bytes());
    for item in items {
        out.extend_from_slice(&(item.len() as u32).to_le_bytes());
        out.extend_from_slice(item);
    }
    out
}
