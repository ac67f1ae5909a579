//! The way to the engine. testcontainers speaks the newest version of the engine's API and no other, and an older engine refuses that;
//! what we ask for is the same in both. So a relay stands between the two and writes the version into each request that the engine knows.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use tempfile::TempDir;
use testcontainers::bollard::API_DEFAULT_VERSION;

/// Where an engine listens unless `DOCKER_HOST` says otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// A socket in front of the engine's own, until the process ends.
pub struct Relay {
    folder: TempDir,
}

/// What is written for what, in the first line of a request: ` /v1.53/` and ` /v1.41/`.
struct Versions {
    ours: Vec<u8>,
    theirs: Vec<u8>,
}

impl Relay {
    /// Starts one.
    ///
    /// # Errors
    /// Why there is no engine.
    pub fn start() -> Result<Self, String> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| format!("unix://{SOCKET}"));
        let socket = host.strip_prefix("unix://").map(PathBuf::from);
        let socket = socket.ok_or_else(|| format!("DOCKER_HOST is no socket of this machine: {host}"))?;
        let theirs = version_of(&socket)?;
        let ours = (API_DEFAULT_VERSION.major_version, API_DEFAULT_VERSION.minor_version);
        let in_path = |(major, minor): (usize, usize)| format!(" /v{major}.{minor}/").into_bytes();
        let versions = Arc::new(Versions { ours: in_path(ours), theirs: in_path(theirs.min(ours)) });

        let folder = tempfile::tempdir().map_err(|error| format!("there is no room for a socket: {error}"))?;
        let listener = UnixListener::bind(folder.path().join("docker.sock")).map_err(|error| error.to_string())?;
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(engine) = UnixStream::connect(&socket) else { continue };
                let (answers, asker) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
                let versions = Arc::clone(&versions);
                thread::spawn(move || pass_on(client, engine, |request| versions.rewrite(request)));
                thread::spawn(move || pass_on(answers, asker, |answer| answer));
            }
        });
        Ok(Self { folder })
    }

    /// For `DOCKER_HOST`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }
}

/// Until one side has nothing more to say.
fn pass_on(mut from: UnixStream, mut to: UnixStream, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut part) {
        if to.write_all(&change(part[..read].to_vec())).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

impl Versions {
    /// The client writes a head in one piece, so its first line stands at the beginning of what was read; bodies have no such line.
    fn rewrite(&self, mut read: Vec<u8>) -> Vec<u8> {
        let line = read.iter().position(|byte| *byte == b'\r').unwrap_or(0);
        let found = read[..line].windows(self.ours.len()).position(|part| part == self.ours);
        if let Some(at) = found {
            read.splice(at..at + self.ours.len(), self.theirs.iter().copied());
        }
        read
    }
}

/// The newest version of its API that the engine knows: (1, 41).
fn version_of(socket: &Path) -> Result<(usize, usize), String> {
    let asked = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        stream.write_all(b"GET /version HTTP/1.0\r\nHost: docker\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = asked().map_err(|error| format!("no engine answers at {}: {error}", socket.display()))?;
    let version = answer.split("\"ApiVersion\":\"").nth(1).and_then(|rest| {
        let (major, minor) = rest.split('"').next()?.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    version.ok_or_else(|| format!("whoever answers at {} tells no version: {answer}", socket.display()))
}

#[test]
fn only_the_version_in_the_first_line_of_a_request_is_another() {
    let versions = Versions { ours: b" /v1.53/".to_vec(), theirs: b" /v1.41/".to_vec() };
    let check = |asked: &str, expected: &str| {
        assert_eq!(String::from_utf8(versions.rewrite(asked.into())).unwrap(), expected);
    };
    check("GET /v1.53/info HTTP/1.1\r\nX: /v1.53/\r\n\r\n", "GET /v1.41/info HTTP/1.1\r\nX: /v1.53/\r\n\r\n");
    check("{\"Cmd\": \" /v1.53/\"}", "{\"Cmd\": \" /v1.53/\"}");
    check("", "");
}
