//! The host functions of `weft_v1`, and how their answers are fetched.

#![allow(clippy::too_many_arguments)] // the ABI's

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Error, Result};

/// Declares the imports for wasm32. Other targets, where a crate's own unit
/// tests run, get functions that say where they are to be called.
macro_rules! imports {
    ($(fn $name:ident($($arg:ident: $ty:ty),*) -> i32;)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "weft_v1")]
        extern "C" { $(pub fn $name($($arg: $ty),*) -> i32;)* }

        #[cfg(not(target_arch = "wasm32"))]
        mod elsewhere {
            use super::{In, Out};
            $(pub unsafe fn $name($(_: $ty),*) -> i32 {
                panic!(concat!(stringify!($name), " needs a host: test the chaincode with weft chaincode test"))
            })*
        }
        #[cfg(not(target_arch = "wasm32"))]
        pub use elsewhere::*;
    };
}

type In = *const u8;
type Out = *mut u8;

imports! {
    fn ctx_get(field: u32, ptr: Out, cap: usize) -> i32;
    fn state_get(coll: In, coll_len: usize, key: In, key_len: usize, ptr: Out, cap: usize) -> i32;
    fn state_get_multi(coll: In, coll_len: usize, keys: In, keys_len: usize, ptr: Out, cap: usize) -> i32;
    fn state_hash(coll: In, coll_len: usize, key: In, key_len: usize, ptr: Out, cap: usize) -> i32;
    fn state_put(coll: In, coll_len: usize, key: In, key_len: usize, val: In, val_len: usize) -> i32;
    fn state_del(coll: In, coll_len: usize, key: In, key_len: usize, mode: u32) -> i32;
    fn meta_get(coll: In, coll_len: usize, key: In, key_len: usize, name: In, name_len: usize, ptr: Out, cap: usize) -> i32;
    fn meta_put(coll: In, coll_len: usize, key: In, key_len: usize, name: In, name_len: usize, val: In, val_len: usize) -> i32;
    fn range_open(coll: In, coll_len: usize, start: In, start_len: usize, end: In, end_len: usize, flags: u32, page: u32, bookmark: In, bookmark_len: usize) -> i32;
    fn query_open(coll: In, coll_len: usize, query: In, query_len: usize, page: u32, bookmark: In, bookmark_len: usize) -> i32;
    fn history_open(key: In, key_len: usize) -> i32;
    fn iter_next(handle: i32, ptr: Out, cap: usize) -> i32;
    fn iter_meta(handle: i32, ptr: Out, cap: usize) -> i32;
    fn iter_close(handle: i32) -> i32;
    fn cc_call(name: In, name_len: usize, args: In, args_len: usize, channel: In, channel_len: usize) -> i32;
    fn event_set(name: In, name_len: usize, payload: In, payload_len: usize) -> i32;
    fn response_set(status: i32, msg: In, msg_len: usize, payload: In, payload_len: usize) -> i32;
    fn result_read(off: usize, ptr: Out, len: usize) -> i32;
    fn error_read(ptr: Out, cap: usize) -> i32;
}

#[cfg(target_arch = "wasm32")]
mod silent {
    #[link(wasm_import_module = "weft_v1")]
    extern "C" {
        pub fn log(level: u32, msg: *const u8, len: usize);
        pub fn abort(msg: *const u8, len: usize);
    }
}

pub fn log(level: u32, text: &str) {
    #[cfg(target_arch = "wasm32")]
    unsafe {
        silent::log(level, text.as_ptr(), text.len())
    }
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (level, text);
}

pub fn abort(text: &str) -> ! {
    #[cfg(target_arch = "wasm32")]
    unsafe {
        silent::abort(text.as_ptr(), text.len());
        core::arch::wasm32::unreachable() // abort does not come back
    }
    #[cfg(not(target_arch = "wasm32"))]
    panic!("{}", text)
}

/// What is longer than the first buffer takes a second call.
const FIRST: usize = 512;

/// Fetches an output of the host, of whatever length.
pub fn fetch(first: usize, call: impl FnOnce(Out, usize) -> i32) -> Result<Vec<u8>> {
    let mut buf = Vec::with_capacity(first);
    let n = call(buf.as_mut_ptr(), first);
    let n = check(n)? as usize;
    unsafe { finish(&mut buf, n) };
    Ok(buf)
}

/// Sets the length of what the host has written, or reads what it has kept.
unsafe fn finish(buf: &mut Vec<u8>, n: usize) {
    if n > buf.capacity() {
        *buf = Vec::with_capacity(n);
        result_read(0, buf.as_mut_ptr(), n);
    }
    buf.set_len(n);
    buf.shrink_to_fit();
}

/// Turns a negative answer into the error whose text the host has.
pub fn check(answer: i32) -> Result<i32> {
    if answer >= 0 {
        return Ok(answer);
    }
    let mut text = Vec::with_capacity(FIRST);
    let n = unsafe { error_read(text.as_mut_ptr(), FIRST) };
    if n < 0 {
        return Err(Error::from_host(answer, String::from("the host refused and gave no reason")));
    }
    unsafe { finish(&mut text, n as usize) };
    Err(Error::from_host(answer, String::from_utf8_lossy(&text).into_owned()))
}

/// Like `fetch`, with `None` for NOT_FOUND.
pub fn fetch_some(call: impl FnOnce(Out, usize) -> i32) -> Result<Option<Vec<u8>>> {
    const NOT_FOUND: i32 = -1;
    let mut buf = Vec::with_capacity(FIRST);
    match call(buf.as_mut_ptr(), FIRST) {
        NOT_FOUND => Ok(None),
        n => {
            let n = check(n)? as usize;
            unsafe { finish(&mut buf, n) };
            Ok(Some(buf))
        }
    }
}

pub fn ctx(field: u32) -> Result<Vec<u8>> {
    fetch(FIRST, |ptr, cap| unsafe { ctx_get(field, ptr, cap) })
}

pub fn respond(status: i32, message: &str, payload: &[u8]) -> i32 {
    unsafe { response_set(status, message.as_ptr(), message.len(), payload.as_ptr(), payload.len()) }
}

/// The message and the payload that a called chaincode answered.
pub fn call_result() -> Result<(String, Vec<u8>)> {
    // A list of two; its length is in its bytes.
    let mut word = [0; 4];
    let mut part = |off: usize| -> Result<(usize, Vec<u8>)> {
        check(unsafe { result_read(off, word.as_mut_ptr(), 4) })?;
        let n = u32::from_le_bytes(word) as usize;
        let mut b = Vec::with_capacity(n);
        check(unsafe { result_read(off + 4, b.as_mut_ptr(), n) })?;
        unsafe { b.set_len(n) };
        Ok((off + 4 + n, b))
    };
    let (next, payload) = part(4)?;
    let (_, message) = part(next)?;
    Ok((String::from_utf8_lossy(&message).into_owned(), payload))
}
