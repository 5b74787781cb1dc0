use alloc::string::String;
use alloc::vec::Vec;

use crate::{host, wire, Result, Timestamp};

// kinds of records
const STATE: u8 = 0;

/// How much of a range is fetched at once. Part of the contract's behaviour:
/// what is handed over counts as read.
const BATCH: usize = 16 << 10;

/// The bytes of whole records, fetched as they are needed.
struct Records {
    handle: i32,
    buf: Vec<u8>,
    at: usize,
    done: bool,
}

impl Records {
    fn new(handle: i32) -> Records {
        Records { handle, buf: Vec::new(), at: 0, done: false }
    }

    /// Decodes the next record; `None` is the end, also after an error.
    fn next<T>(&mut self, decode: impl FnOnce(&mut wire::Reader) -> Result<T>) -> Option<Result<T>> {
        if self.done {
            return None;
        }
        if self.at == self.buf.len() {
            let handle = self.handle;
            self.at = 0;
            match host::fetch(BATCH, |ptr, cap| unsafe { host::iter_next(handle, ptr, cap) }) {
                Ok(b) => self.buf = b,
                Err(e) => return self.fail(e),
            }
            if self.buf.is_empty() {
                self.done = true;
                return None;
            }
        }
        let mut r = wire::Reader(&self.buf[self.at..]);
        match decode(&mut r) {
            Ok(record) => {
                self.at = self.buf.len() - r.0.len();
                Some(Ok(record))
            }
            Err(e) => self.fail(e),
        }
    }

    fn fail<T>(&mut self, e: crate::Error) -> Option<Result<T>> {
        self.done = true;
        Some(Err(e))
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        unsafe { host::iter_close(self.handle) };
    }
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its committed value.
    pub value: Vec<u8>,
}

/// The entries of a range, in the order of the keys' bytes. It ends after the
/// first error.
pub struct Range(Records);

impl Range {
    pub(crate) fn open(collection: &str, start: &str, end: &str, flags: u32) -> Result<Range> {
        open(collection, start, end, flags, 0, "").map(|h| Range(Records::new(h)))
    }
}

impl Range {
    pub(crate) fn query(collection: &str, query: &str) -> Result<Range> {
        let bookmark = "";
        host::check(unsafe {
            host::query_open(
                collection.as_ptr(),
                collection.len(),
                query.as_ptr(),
                query.len(),
                0,
                bookmark.as_ptr(),
                bookmark.len(),
            )
        })
        .map(|h| Range(Records::new(h)))
    }
}

fn open(collection: &str, start: &str, end: &str, flags: u32, page: u32, bookmark: &str) -> Result<i32> {
    host::check(unsafe {
        host::range_open(
            collection.as_ptr(),
            collection.len(),
            start.as_ptr(),
            start.len(),
            end.as_ptr(),
            end.len(),
            flags,
            page,
            bookmark.as_ptr(),
            bookmark.len(),
        )
    })
}

fn entry(r: &mut wire::Reader) -> Result<Entry> {
    if r.u8()? != STATE {
        return Err(crate::Error::new("a record of a range is of another kind"));
    }
    r.bytes()?; // the namespace, always the chaincode's own
    Ok(Entry { key: r.text()?, value: r.bytes()?.into() })
}

impl Iterator for Range {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        self.0.next(entry)
    }
}

/// A part of a range, and where the next one begins.
pub struct Page {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// Where the next page begins; empty after the last one.
    pub bookmark: String,
}

impl Page {
    pub(crate) fn open(start: &str, end: &str, flags: u32, size: u32, bookmark: &str) -> Result<Page> {
        let mut range = Range(Records::new(open("", start, end, flags, size, bookmark)?));
        let entries = range.by_ref().collect::<Result<Vec<_>>>()?;
        let handle = range.0.handle;
        let meta = host::fetch(512, |ptr, cap| unsafe { host::iter_meta(handle, ptr, cap) })?;
        let mut r = wire::Reader(&meta);
        r.u32()?; // the count, known already
        Ok(Page { entries, bookmark: r.text()? })
    }
}

/// One change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modification {
    /// The transaction that made it.
    pub tx_id: String,
    /// Its time.
    pub timestamp: Timestamp,
    /// The value, `None` if the key was deleted.
    pub value: Option<Vec<u8>>,
}

/// The changes of a key, newest first. It ends after the first error.
pub struct History(Records);

impl History {
    pub(crate) fn open(key: &str) -> Result<History> {
        host::check(unsafe { host::history_open(key.as_ptr(), key.len()) }).map(|h| History(Records::new(h)))
    }
}

fn modification(r: &mut wire::Reader) -> Result<Modification> {
    if r.u8()? == STATE {
        return Err(crate::Error::new("a record of a history is of another kind"));
    }
    let tx_id = r.text()?;
    let timestamp = Timestamp::read(r)?;
    let deleted = r.u8()? != 0;
    let value = r.bytes()?;
    Ok(Modification { tx_id, timestamp, value: if deleted { None } else { Some(value.into()) } })
}

impl Iterator for History {
    type Item = Result<Modification>;

    fn next(&mut self) -> Option<Result<Modification>> {
        self.0.next(modification)
    }
}
