//! The `wxgate` program: everything is in the library.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// glibc gives back what is free at the end of its heap only: after a burst of connections, each keeps what it needed at the
/// height of it. jemalloc gives back any page that has been free for ten seconds, from a thread of its own.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    wxgate::cli::main()
}
