//! The `wxgate` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    wxgate::cli::main()
}
