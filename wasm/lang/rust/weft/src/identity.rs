use alloc::string::String;
use alloc::vec::Vec;

use crate::{wire, Error, Result};

/// The client that signed the proposal.
pub struct Creator {
    /// The organisation's MSP id.
    pub msp_id: String,
    /// The certificate, PEM.
    pub certificate: Vec<u8>,
}

impl Creator {
    /// Decodes a marshalled `msp.SerializedIdentity`: 1 the MSP id, 2 the
    /// certificate.
    pub(crate) fn decode(b: &[u8]) -> Result<Creator> {
        let mut creator = Creator { msp_id: String::new(), certificate: Vec::new() };
        let mut r = wire::Reader(b);
        while !r.0.is_empty() {
            let tag = r.varint()?;
            if tag & 7 != 2 {
                return Err(Error::new("the creator is not a serialized identity"));
            }
            let n = r.varint()?;
            let field = r.take(usize::try_from(n).unwrap_or(usize::MAX))?;
            match tag >> 3 {
                1 => creator.msp_id = wire::text(field)?,
                2 => creator.certificate = field.into(),
                _ => {}
            }
        }
        Ok(creator)
    }
}

/// A time, counted from 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Whole seconds.
    pub seconds: i64,
    /// Nanoseconds on top, below 1,000,000,000.
    pub nanos: i32,
}

impl Timestamp {
    pub(crate) fn read(r: &mut wire::Reader) -> Result<Timestamp> {
        Ok(Timestamp { seconds: r.i64()?, nanos: r.i32()? })
    }
}
