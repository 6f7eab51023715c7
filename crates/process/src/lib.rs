//! How Tradewind's processes use memory: the allocator and what it and the kernel are told. Programs that are measured share it
//! with the program that is sold.

/// Returns memory to the system readily and is faster than the system's allocator with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's option `purge_delay`; the crate that wraps it names only some of the options.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Lets freed memory wait a minute for its next use before the system gets it back, and has memory cleared in pages of 4 KiB.
/// Called first thing in `main`.
///
/// With the allocator's default delay of one second a fifth of an import went into the kernel clearing pages that had been given
/// away between two commits, with ten seconds a tenth. With transparent huge pages the kernel clears 2 MiB for the first byte
/// of each: 5.7 s of an import's 24 s of CPU, 2.2 s without.
pub fn set_up() {
    #[allow(
        unsafe_code,
        reason = "the only way to set the allocator's options at run time, and what the kernel does for this process"
    )]
    // SAFETY: a plain store to an option of the allocator, which is allowed at any time, and a call that takes no pointers.
    unsafe {
        libmimalloc_sys::mi_option_set_default(PURGE_DELAY, 60_000);
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}
