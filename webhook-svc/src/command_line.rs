//! The few words that the service knows: without one it serves.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode as ProcessEnd;
use std::time::Duration;

use anyhow::{Context, bail};
use pulsarr_shared::config::Environment;
use pulsarr_shared::exit_code::ExitCode;
use pulsarr_shared::process;

const HELP: &str = "\
The small always-on service beside `pulsarr sync`: webhooks, the API, the pages, and the fast lane.

Usage: pulsarr-webhook-svc [COMMAND]

Without a command it serves until SIGTERM. It is told what to do by variables and a settings file:
`pulsarr check --offline` lists all of them with value and source.

Commands:
  healthcheck  Ask the service that runs here whether it is alive: 0 when it is, 1 when it is not

Options:
  -h, --help     Print help
  -V, --version  Print version";

/// So long a service that is alive takes at most; the probes of the deployment wait no longer either.
const PATIENCE: Duration = Duration::from_secs(5);

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Serve,
    Healthcheck,
    Help,
    Version,
}

/// Does what this process's command line says; `serve` is the whole service.
pub fn run(serve: impl FnOnce() -> anyhow::Result<()>) -> ProcessEnd {
    let done = match wish(std::env::args_os().skip(1)) {
        Ok(Wish::Serve) => serve(),
        Ok(Wish::Healthcheck) => ask_here(),
        Ok(Wish::Help) => say(HELP),
        Ok(Wish::Version) => say(concat!("pulsarr-webhook-svc ", env!("CARGO_PKG_VERSION"))),
        Err(unknown) => {
            eprintln!("error: `{}` is not understood here\n\n{HELP}", unknown.display());
            return ExitCode::Usage.into();
        }
    };
    match done {
        Ok(()) => ProcessEnd::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:?}");
            ProcessEnd::FAILURE
        }
    }
}

/// What the arguments after the program's name ask for.
///
/// # Errors
/// The first word that is one too many.
fn wish(mut arguments: impl Iterator<Item = OsString>) -> Result<Wish, OsString> {
    let Some(first) = arguments.next() else { return Ok(Wish::Serve) };
    let wish = match first.to_str() {
        Some("healthcheck") => Wish::Healthcheck,
        Some("-h" | "--help" | "help") => Wish::Help,
        Some("-V" | "--version") => Wish::Version,
        _ => return Err(first),
    };
    arguments.next().map_or(Ok(wish), Err)
}

/// A reader that has gone away is no failure.
fn say(text: &str) -> anyhow::Result<()> {
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

/// Whether the service of this machine, or container, is alive, for where nothing else could ask: an image without a shell.
///
/// # Errors
/// Why not, in the service's words where it gives any.
fn ask_here() -> anyhow::Result<()> {
    let (environment, _) = Environment::from_vars(process::variables(), Path::new("."))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, environment.port));
    let answer = ask(address, &format!("{}/healthz", environment.base_path))
        .with_context(|| format!("no answer from the service at {address} within {} s", PATIENCE.as_secs()))?;
    let (head, words) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    let status = head.lines().next().unwrap_or_default();
    bail!("the service at {address} is not well: {status}: {}", words.trim());
}

/// `GET path` as text, head and all. Plain and without a client: it is one question to our own server, every half minute, by a process
/// that should cost nothing.
fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_serves_and_words_that_nobody_knows_are_named() {
        let check = |words: &[&str], expected: Result<Wish, &str>| {
            let found = wish(words.iter().map(OsString::from));
            assert_eq!(found, expected.map_err(OsString::from), "{words:?}");
        };
        check(&[], Ok(Wish::Serve));
        check(&["healthcheck"], Ok(Wish::Healthcheck));
        check(&["--help"], Ok(Wish::Help));
        check(&["-V"], Ok(Wish::Version));
        check(&["sync"], Err("sync"));
        check(&["healthcheck", "now"], Err("now"));
    }
}
