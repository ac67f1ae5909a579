//! `pulsarr`: the sync job and the operator's other commands. This crate holds arguments, wiring and reports; what a
//! run does is in `pulsarr_shared::sync`.

mod arguments;
mod commands;
mod failure;
#[cfg(feature = "image")]
mod second_name;
mod termination;

use clap::Parser;

use arguments::{Arguments, Command};
use pulsarr_shared::exit_code::{self, ExitCode};

fn main() -> std::process::ExitCode {
    #[cfg(feature = "image")]
    if second_name::is_meant() {
        return pulsarr_webhook_svc::main();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` arrive here too and are no errors.
            let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
            let _ = error.print();
            return code.into();
        }
    };
    let done = match arguments.command {
        Command::Sync(arguments) => commands::sync::run(&arguments),
        Command::Check(arguments) => commands::check::run(&arguments),
        Command::Status(arguments) => commands::status::run(&arguments),
        Command::Explain(arguments) => commands::explain::run(&arguments),
        Command::Simulate(arguments) => commands::simulate::run(&arguments),
        Command::Approvals(arguments) => commands::approvals::run(&arguments),
        Command::Copy(arguments) => commands::copy::run(&arguments),
        Command::Backup(arguments) => commands::backup::run(&arguments),
        Command::Restore(arguments) => commands::restore::run(&arguments),
        Command::Upkeep(arguments) => commands::upkeep::run(&arguments),
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
    };
    pulsarr_shared::telemetry::finish();
    match done {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("{failure}");
            failure.code.into()
        }
    }
}
