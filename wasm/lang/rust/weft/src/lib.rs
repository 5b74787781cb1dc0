//! Write Weft chaincode in Rust.
//!
//! A chaincode is a library crate with one function that the macro
//! [`contract!`] registers. It is called once for each transaction:
//!
//! ```ignore
//! use weft::{Error, Result, Tx};
//!
//! weft::contract!(invoke);
//!
//! fn invoke(tx: &Tx) -> Result<Vec<u8>> {
//!     let args = tx.args();
//!     match args.function() {
//!         "get" => tx.get(args.text(1)?)?.ok_or_else(|| Error::new("there is no such key")),
//!         "put" => tx.put(args.text(1)?, args.bytes(2)?).map(|()| Vec::new()),
//!         _ => Err(Error::new("usage: get KEY | put KEY VALUE")),
//!     }
//! }
//! ```
//!
//! What holds for every transaction:
//!
//! - Memory is as it was after the chaincode's start: nothing that a
//!   transaction leaves in a static is seen by another one.
//! - Reads answer what is committed, never what this transaction has written.
//! - An `Err` becomes a response that is not endorsed, with the error's text.
//!   A panic, and arithmetic that overflows (`weft chaincode build` turns the
//!   checks on), ends the transaction.
//! - There is no clock, randomness, file or network but what [`Tx`] offers.
//!
//! The crate is `no_std` with `alloc`, and so may a chaincode be.

#![no_std]
#![deny(missing_docs)]

extern crate alloc;

mod args;
#[doc(hidden)]
pub mod bump;
mod composite;
#[doc(hidden)]
pub mod entry;
mod error;
mod host;
mod identity;
mod range;
mod tx;
mod wire;

pub use args::Args;
pub use composite::{composite_key, split_composite_key};
pub use error::{Code, Error, Result};
pub use identity::{Creator, Timestamp};
pub use range::{Entry, History, Modification, Page, Range};
pub use tx::{log, Level, Private, Response, Tx};

/// Registers the function that runs for each transaction. It takes a
/// [`&Tx`](Tx) and returns a [`Result`] of the payload: a `Vec<u8>`, a
/// `String`, or `()`.
///
/// It also sets the allocator: one that never frees, because the memory is
/// reset after each transaction anyway. A chaincode that allocates and frees
/// very much in one transaction keeps Rust's own:
/// `weft::contract!(invoke, allocator = std);`.
#[macro_export]
macro_rules! contract {
    ($invoke:path) => {
        $crate::__bump!();
        $crate::contract!($invoke, allocator = std);
    };
    ($invoke:path, allocator = std) => {
        $crate::__exports!($invoke);

        #[cfg(target_arch = "wasm32")]
        mod weft_std {
            extern crate std; // also where the crate itself does without

            #[no_mangle]
            extern "C" fn cc_init() -> i32 {
                // Without a hook a panic would end the transaction without a word.
                std::panic::set_hook(std::boxed::Box::new(|info| $crate::entry::panicked(info)));
                0
            }
        }
    };
}

/// Like [`contract!`], without linking `std` at all: with Rust 1.68 or newer,
/// for a crate that is `#![no_std]`, and so are its dependencies.
#[macro_export]
macro_rules! contract_no_std {
    ($invoke:path) => {
        $crate::__bump!();
        $crate::__exports!($invoke);

        #[cfg(target_arch = "wasm32")]
        #[panic_handler]
        fn weft_panic(info: &::core::panic::PanicInfo) -> ! {
            $crate::entry::panicked(info)
        }

        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        extern "C" fn cc_init() -> i32 {
            0
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __bump {
    () => {
        #[cfg(target_arch = "wasm32")]
        #[global_allocator]
        static WEFT_ALLOCATOR: $crate::bump::Bump = $crate::bump::Bump;
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __exports {
    ($invoke:path) => {
        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        extern "C" fn weft_abi() -> i32 {
            $crate::entry::VERSION
        }

        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        extern "C" fn cc_invoke(flags: i32) -> i32 {
            $crate::entry::run(flags, $invoke)
        }
    };
}
