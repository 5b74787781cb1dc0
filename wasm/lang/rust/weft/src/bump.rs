//! An allocator that only goes forward. The host resets the memory after each
//! transaction, so freeing would be work for nothing.

use core::alloc::{GlobalAlloc, Layout};

/// The allocator of [`contract_no_std!`](crate::contract_no_std).
pub struct Bump;

#[cfg(target_arch = "wasm32")]
mod heap {
    use super::*;
    use core::arch::wasm32::{memory_grow, memory_size};

    const PAGE: usize = 65_536;
    static mut NEXT: usize = 0; // where the next allocation may begin
    static mut END: usize = 0; // of the memory that is there

    extern "C" {
        static __heap_base: u8; // the linker's: the end of data and stack
    }

    // A guest has one thread, and nothing calls back into it.
    unsafe impl GlobalAlloc for Bump {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if END == 0 {
                NEXT = &__heap_base as *const u8 as usize;
                END = memory_size(0) * PAGE;
            }
            let start = match NEXT.checked_add(layout.align() - 1) {
                Some(n) => n & !(layout.align() - 1),
                None => return core::ptr::null_mut(),
            };
            match start.checked_add(layout.size()) {
                Some(end) if reach(end) => {
                    NEXT = end;
                    start as *mut u8
                }
                _ => core::ptr::null_mut(),
            }
        }

        unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
            if ptr as usize + layout.size() == NEXT {
                NEXT = ptr as usize; // the newest one is free to give back
            }
        }

        unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            if ptr as usize + layout.size() == NEXT {
                return match (ptr as usize).checked_add(size) {
                    Some(end) if reach(end) => {
                        NEXT = end; // the newest one grows and shrinks where it is
                        ptr
                    }
                    _ => core::ptr::null_mut(),
                };
            }
            if size <= layout.size() {
                return ptr;
            }
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                core::ptr::copy_nonoverlapping(ptr, new, layout.size());
            }
            new
        }
    }

    /// Makes memory up to end.
    unsafe fn reach(end: usize) -> bool {
        if end <= END {
            return true;
        }
        let pages = (end - END + PAGE - 1) / PAGE;
        if memory_grow(0, pages) == usize::MAX {
            return false;
        }
        END += pages * PAGE;
        true
    }
}

#[cfg(not(target_arch = "wasm32"))]
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
