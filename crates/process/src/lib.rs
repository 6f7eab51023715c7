//! How Tradewind's processes use memory and processors: the allocator, what it and the kernel are told, and which threads give
//! way. Programs that are measured share it with the program that is sold.

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
pub fn set_up_memory() {
    #[allow(
        unsafe_code,
        reason = "the only way to set the allocator's options at run time, and what the kernel does for this process"
    )]
    // SAFETY: a plain store to an option of the allocator, which is allowed at any time, and a call that takes no pointers.
    unsafe {
        libmimalloc_sys::mi_option_set_default(PURGE_DELAY, 60_000);
        #[cfg(target_os = "linux")]
        {
            // The call is variadic and reads them as long. Refused means huge pages as the system is set.
            let (on, none): (libc::c_ulong, libc::c_ulong) = (1, 0);
            libc::prctl(libc::PR_SET_THP_DISABLE, on, none, none, none);
        }
    }
}

/// How much the threads that work on what is durable give way to those that make it durable (POSIX niceness, 0 to 19): beside one
/// that does not give way such a thread gets a quarter of a processor.
const GIVES_WAY: libc::c_int = 5;

/// Has the calling thread, and every thread it starts from now on, give way to others. A burst of events is taken in and made
/// durable first; views and tables follow. Without a burst there is nothing to give way to.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    {
        #[allow(unsafe_code, reason = "std knows no priorities of threads")]
        // SAFETY: takes no pointers; on Linux the number 0 means the calling thread.
        let refused = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, GIVES_WAY) } != 0;
        // A sandbox may forbid it: then all threads are equal.
        let _ = refused;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_that_gives_way_starts_others_that_do() {
        let niceness = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // The name, in parentheses, may hold anything; niceness is the 17th field after it.
            let fields = stat.rsplit_once(')').unwrap().1;
            fields.split_whitespace().nth(16).unwrap().to_owned()
        };
        let before = niceness();
        let of_child = std::thread::spawn(move || {
            super::give_way();
            std::thread::spawn(niceness).join().unwrap()
        });
        assert_eq!(of_child.join().unwrap(), super::GIVES_WAY.to_string());
        assert_eq!(niceness(), before);
    }
}
