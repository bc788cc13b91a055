//! The program `lastmile-agent`: everything is in the library.

fn main() -> std::process::ExitCode {
    lastmile_agent::cli::main()
}
