use alloc::string::String;
use alloc::vec::Vec;

use crate::{composite, composite_key, host, wire, Args, Creator, History, Page, Range, Result, Timestamp};

// fields of ctx_get
const TX_ID: u32 = 1;
const CHANNEL: u32 = 2;
const TIMESTAMP: u32 = 3;
const ARGS: u32 = 4;
const CREATOR: u32 = 5;
const TRANSIENT: u32 = 6;
const BINDING: u32 = 7;
const SIGNED_PROPOSAL: u32 = 9;
const PEER_MSP_ID: u32 = 10;
const CHAINCODE: u32 = 11;

// bits of cc_invoke's argument
const INIT: i32 = 1;
const READ_ONLY: i32 = 2;

pub(crate) const COMPOSITE: u32 = 1; // of range_open's flags

/// The transaction that runs.
pub struct Tx {
    flags: i32,
}

/// What another chaincode answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 200 and more; 400 and more is a failure.
    pub status: i32,
    /// The text of a failure.
    pub message: String,
    /// The result.
    pub payload: Vec<u8>,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Level {
    Debug = 0,
    Info = 1,
    Warning = 2,
    Error = 3,
}

/// Writes a line to the chaincode log of this peer. It changes no result.
pub fn log(level: Level, text: &str) {
    host::log(level as u32, text)
}

impl Tx {
    pub(crate) fn new(flags: i32) -> Tx {
        Tx { flags }
    }

    /// Whether the call is the chaincode's initialisation.
    pub fn is_init(&self) -> bool {
        self.flags & INIT != 0
    }

    /// Whether the call may not write.
    pub fn is_read_only(&self) -> bool {
        self.flags & READ_ONLY != 0
    }

    /// The arguments; by custom the first is the function's name.
    pub fn args(&self) -> Args {
        Args(self.field(ARGS))
    }

    /// The transaction's id.
    pub fn id(&self) -> String {
        self.field_text(TX_ID)
    }

    /// The channel.
    pub fn channel(&self) -> String {
        self.field_text(CHANNEL)
    }

    /// This chaincode's name.
    pub fn chaincode(&self) -> String {
        self.field_text(CHAINCODE)
    }

    /// The MSP id of the peer that runs the chaincode. It differs between
    /// peers: what is written must not depend on it.
    pub fn peer_msp_id(&self) -> String {
        self.field_text(PEER_MSP_ID)
    }

    /// The client's time, the same on every peer.
    pub fn timestamp(&self) -> Timestamp {
        let b = self.field(TIMESTAMP);
        Timestamp::read(&mut wire::Reader(&b)).unwrap_or_else(|e| host::abort(e.message()))
    }

    /// The client that signed the proposal.
    pub fn creator(&self) -> Result<Creator> {
        Creator::decode(&self.creator_bytes())
    }

    /// The client's marshalled identity.
    pub fn creator_bytes(&self) -> Vec<u8> {
        self.field(CREATOR)
    }

    /// The value that the client gave under a name for the endorsers' eyes
    /// only; it does not become part of the transaction.
    pub fn transient(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let map = self.field(TRANSIENT);
        let items = wire::list(&map)?;
        let found = items.chunks_exact(2).find(|pair| pair[0] == name.as_bytes());
        Ok(found.map(|pair| pair[1].into()))
    }

    /// A hash that ties the proposal to its creator and nonce.
    pub fn binding(&self) -> Vec<u8> {
        self.field(BINDING)
    }

    /// The marshalled `peer.SignedProposal`.
    pub fn signed_proposal(&self) -> Vec<u8> {
        self.field(SIGNED_PROPOSAL)
    }

    /// The committed value of a key, `None` if there is none.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Private("").get(key)
    }

    /// Writes a key. An empty value deletes it when the block is committed.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        Private("").put(key, value)
    }

    /// Deletes a key, which need not exist.
    pub fn delete(&self, key: &str) -> Result<()> {
        Private("").delete(key)
    }

    /// The committed values of several keys, in their order, in one call.
    pub fn get_all(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>> {
        Private("").get_all(keys)
    }

    /// The keys from `start` up to, and without, `end`. An empty end is no
    /// end; an empty start is the first key that is no composite key.
    pub fn range(&self, start: &str, end: &str) -> Result<Range> {
        Private("").range(start, end)
    }

    /// The composite keys of an object type whose attributes begin with those
    /// given.
    pub fn range_composite(&self, object_type: &str, attributes: &[&str]) -> Result<Range> {
        Private("").range_composite(object_type, attributes)
    }

    /// At most `size` keys of a range, from a page's bookmark on; the first
    /// page's is empty. For queries: what is read is not checked at commit.
    pub fn page(&self, start: &str, end: &str, size: u32, bookmark: &str) -> Result<Page> {
        Page::open(start, end, 0, size, bookmark)
    }

    /// A page of [`range_composite`](Tx::range_composite).
    pub fn page_composite(&self, object_type: &str, attributes: &[&str], size: u32, bookmark: &str) -> Result<Page> {
        let (start, end) = composite_range(object_type, attributes)?;
        Page::open(&start, &end, COMPOSITE, size, bookmark)
    }

    /// The entries that a rich query selects, where the peers' state database
    /// has such queries.
    pub fn query(&self, query: &str) -> Result<Range> {
        Range::query("", query)
    }

    /// What a key's value was, newest first.
    pub fn history(&self, key: &str) -> Result<History> {
        History::open(key)
    }

    /// The private data of a collection.
    pub fn private<'a>(&self, collection: &'a str) -> Private<'a> {
        Private(collection)
    }

    /// A key's endorsement policy, `None` if it has none of its own.
    pub fn validation_parameter(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Private("").validation_parameter(key)
    }

    /// Sets a key's endorsement policy.
    pub fn set_validation_parameter(&self, key: &str, policy: &[u8]) -> Result<()> {
        Private("").set_validation_parameter(key, policy)
    }

    /// Sets the transaction's one event; the last call wins.
    pub fn event(&self, name: &str, payload: &[u8]) -> Result<()> {
        let answer = unsafe { host::event_set(name.as_ptr(), name.len(), payload.as_ptr(), payload.len()) };
        host::check(answer).map(|_| ())
    }

    /// Calls another chaincode, on this channel if `channel` is empty. A call
    /// to another channel only reads. A failure there is an `Ok` with its
    /// status.
    pub fn call(&self, chaincode: &str, args: &[&[u8]], channel: &str) -> Result<Response> {
        let args = wire::encode_list(args);
        let status = host::check(unsafe {
            host::cc_call(
                chaincode.as_ptr(),
                chaincode.len(),
                args.as_ptr(),
                args.len(),
                channel.as_ptr(),
                channel.len(),
            )
        })?;
        let (message, payload) = host::call_result()?;
        Ok(Response { status, message, payload })
    }

    /// What the host always has in a transaction.
    fn field(&self, field: u32) -> Vec<u8> {
        host::ctx(field).unwrap_or_else(|e| host::abort(e.message()))
    }

    fn field_text(&self, field: u32) -> String {
        String::from_utf8(self.field(field)).unwrap_or_default()
    }
}

/// The bounds of the composite keys that begin with the attributes.
fn composite_range(object_type: &str, attributes: &[&str]) -> Result<(String, String)> {
    let start = composite_key(object_type, attributes)?;
    let mut end = start.clone();
    end.push(composite::MOST);
    Ok((start, end))
}

/// A collection of private data; its methods are those of [`Tx`].
#[derive(Debug, Clone, Copy)]
pub struct Private<'a>(&'a str);

#[allow(missing_docs)]
impl<'a> Private<'a> {
    pub fn get(self, key: &str) -> Result<Option<Vec<u8>>> {
        host::fetch_some(|ptr, cap| unsafe {
            host::state_get(self.0.as_ptr(), self.0.len(), key.as_ptr(), key.len(), ptr, cap)
        })
    }

    pub fn get_all(self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>> {
        let keys: Vec<&[u8]> = keys.iter().map(|k| k.as_bytes()).collect();
        let keys = wire::encode_list(&keys);
        let answer = host::fetch(4096, |ptr, cap| unsafe {
            host::state_get_multi(self.0.as_ptr(), self.0.len(), keys.as_ptr(), keys.len(), ptr, cap)
        })?;
        let items = wire::list(&answer)?;
        Ok(items
            .into_iter()
            .map(|item| item.split_first().filter(|(there, _)| **there != 0).map(|(_, v)| v.into()))
            .collect())
    }

    /// The hash of a value, which peers that do not have the value know too.
    pub fn hash(self, key: &str) -> Result<Option<Vec<u8>>> {
        host::fetch_some(|ptr, cap| unsafe {
            host::state_hash(self.0.as_ptr(), self.0.len(), key.as_ptr(), key.len(), ptr, cap)
        })
    }

    pub fn put(self, key: &str, value: &[u8]) -> Result<()> {
        let answer = unsafe {
            host::state_put(self.0.as_ptr(), self.0.len(), key.as_ptr(), key.len(), value.as_ptr(), value.len())
        };
        host::check(answer).map(|_| ())
    }

    pub fn delete(self, key: &str) -> Result<()> {
        self.remove(key, 0)
    }

    /// Deletes a key and what is kept of its past.
    pub fn purge(self, key: &str) -> Result<()> {
        self.remove(key, 1)
    }

    fn remove(self, key: &str, mode: u32) -> Result<()> {
        let answer = unsafe { host::state_del(self.0.as_ptr(), self.0.len(), key.as_ptr(), key.len(), mode) };
        host::check(answer).map(|_| ())
    }

    pub fn range(self, start: &str, end: &str) -> Result<Range> {
        Range::open(self.0, start, end, 0)
    }

    pub fn range_composite(self, object_type: &str, attributes: &[&str]) -> Result<Range> {
        let (start, end) = composite_range(object_type, attributes)?;
        Range::open(self.0, &start, &end, COMPOSITE)
    }

    pub fn validation_parameter(self, key: &str) -> Result<Option<Vec<u8>>> {
        host::fetch_some(|ptr, cap| unsafe {
            host::meta_get(
                self.0.as_ptr(),
                self.0.len(),
                key.as_ptr(),
                key.len(),
                VALIDATION_PARAMETER.as_ptr(),
                VALIDATION_PARAMETER.len(),
                ptr,
                cap,
            )
        })
    }

    pub fn set_validation_parameter(self, key: &str, policy: &[u8]) -> Result<()> {
        let answer = unsafe {
            host::meta_put(
                self.0.as_ptr(),
                self.0.len(),
                key.as_ptr(),
                key.len(),
                VALIDATION_PARAMETER.as_ptr(),
                VALIDATION_PARAMETER.len(),
                policy.as_ptr(),
                policy.len(),
            )
        };
        host::check(answer).map(|_| ())
    }
}

const VALIDATION_PARAMETER: &str = "VALIDATION_PARAMETER";
