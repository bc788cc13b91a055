//! The program `lastmile-controller`. Everything is in the library; see `boot`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lastmile_controller::boot::main()
}
