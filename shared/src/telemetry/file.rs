//! Log lines in files as well, where the settings ask for them. Whoever logs hands a line over and goes on: a thread of its own writes,
//! so that a slow or full disk keeps nobody waiting. What it cannot write is counted and told.
//!
//! Written by ourselves, because a crate for it (`tracing-appender`) turns files over by the clock and not by size, and would see lines
//! before their secrets are taken out.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Error, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock as _, SystemClock, UnixMs, rfc3339};
use crate::config::Environment;

use super::recent::Recent;

/// The folder of log files, below the data folder.
pub const FOLDER: &str = "logs";

/// Lines, and bytes of them, that wait for the disk at most.
const MOST_WAITING: (usize, usize) = (2_000, 512 * 1024);

/// How long the end of a program waits for its last lines to be written.
const LAST_LINES_WITHIN: Duration = Duration::from_secs(2);

/// The thread opens files and formats a few words.
const STACK: usize = 256 * 1024;

/// A megabyte as the arrs count it.
const MB: u64 = 1024 * 1024;

/// No setting keeps more files.
const MOST_KEPT: u32 = 50;

/// Which file lines go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    folder: PathBuf,
    /// `service`, for `service.log`
    program: &'static str,
    limit_bytes: u64,
    rotate: u32,
}

impl Wanted {
    pub(super) fn of(environment: &Environment, program: &'static str) -> Option<Self> {
        environment.log_file.then(|| Self {
            folder: environment.data_dir.join(FOLDER),
            program,
            limit_bytes: u64::from(environment.log_size_limit_mb) * MB,
            rotate: environment.log_rotate,
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.program))
    }

    /// `service.1.log` is the newest of those that were put aside.
    fn aside(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{}.{number}.log", self.program))
    }
}

/// How it is with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// Where lines go.
    pub path: PathBuf,
    /// Why they do not, since when, and how many did not; `None`: they do.
    pub trouble: Option<(String, UnixMs, u64)>,
}

/// Takes lines for a file.
pub(super) struct LogFile {
    /// Looked at for every line.
    on: AtomicBool,
    /// Lines have gone to a file before.
    has_been_on: AtomicBool,
    now: Mutex<Now>,
    waiting_bytes: AtomicUsize,
    /// Lines that did not reach the file since the last one that did.
    lost: AtomicU64,
    trouble: Mutex<Option<(String, UnixMs)>>,
}

#[derive(Default)]
struct Now {
    wanted: Option<Wanted>,
    /// To the thread, which begins with the first line; and whether it has ended.
    thread: Option<(SyncSender<String>, Receiver<()>)>,
}

impl LogFile {
    pub(super) const fn new() -> Self {
        Self {
            on: AtomicBool::new(false),
            has_been_on: AtomicBool::new(false),
            now: Mutex::new(Now { wanted: None, thread: None }),
            waiting_bytes: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            trouble: Mutex::new(None),
        }
    }

    /// From now on lines go there, or nowhere. What was taken before still goes where it was meant to. Those of `earlier` go first when
    /// it is the first file of this process, which reads what is wanted only after its first lines.
    pub(super) fn follow(&'static self, wanted: Option<Wanted>, earlier: &Recent) {
        let mut now = self.now();
        if now.wanted != wanted {
            self.on.store(wanted.is_some(), Ordering::Relaxed);
            *now = Now { wanted, thread: None };
            drop(now);
            *self.trouble() = None;
            self.lost.store(0, Ordering::Relaxed);
            if self.is_on() && !self.has_been_on.swap(true, Ordering::Relaxed) {
                earlier.after(0).iter().for_each(|line| self.push(&line.text));
            }
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Takes a line, never waiting for the disk.
    pub(super) fn push(&'static self, line: &str) {
        let line = line.trim_end();
        let mut now = self.now();
        let Some(wanted) = &now.wanted else { return };
        if now.thread.is_none() {
            now.thread = self.begin(wanted.clone());
        }
        let waiting = self.waiting_bytes.fetch_add(line.len(), Ordering::Relaxed);
        let sent = match &now.thread {
            Some((sender, _)) if waiting + line.len() <= MOST_WAITING.1 => sender.try_send(line.to_owned()).is_ok(),
            _ => false,
        };
        if !sent {
            self.waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn begin(&'static self, wanted: Wanted) -> Option<(SyncSender<String>, Receiver<()>)> {
        let (sender, lines) = sync_channel(MOST_WAITING.0);
        let (ended, has_ended) = sync_channel(1);
        let thread = std::thread::Builder::new().name("log-file".to_owned()).stack_size(STACK);
        let work = move || {
            let mut writer = Writer { wanted, file: None, torn: false };
            for line in lines {
                self.waiting_bytes.fetch_sub(String::len(&line), Ordering::Relaxed);
                self.write(&mut writer, &line);
            }
            let _ = ended.send(());
        };
        thread.spawn(work).ok().map(|_| (sender, has_ended))
    }

    /// Writes a line, and before it how many are missing. What is wrong is told once on standard error.
    fn write(&self, writer: &mut Writer, line: &str) {
        let lost = self.lost.load(Ordering::Relaxed);
        let written = match lost {
            0 => writer.put(line),
            _ => writer.put(&gap(lost)).and_then(|()| writer.put(line)),
        };
        let Err(error) = written else {
            self.lost.fetch_sub(lost, Ordering::Relaxed);
            *self.trouble() = None;
            return;
        };
        self.lost.fetch_add(1, Ordering::Relaxed);
        let why =
            format!("failed to write the log file {}: {error}. {}", writer.wanted.path().display(), advice(&error));
        let told = self.trouble().replace((why.clone(), SystemClock.now_ms()));
        match told {
            // Since when is what counts.
            Some((_, since_ms)) => *self.trouble() = Some((why, since_ms)),
            None => tracing::warn!("{why}"),
        }
    }

    /// How it is with the file; `None` where none is written.
    pub(super) fn state(&self) -> Option<FileState> {
        let path = self.now().wanted.as_ref()?.path();
        let lost = self.lost.load(Ordering::Relaxed);
        let trouble = self.trouble().clone().map(|(why, since_ms)| (why, since_ms, lost));
        Some(FileState { path, trouble })
    }

    /// Waits, but not for long, until what was taken is written.
    pub(super) fn finish(&self) {
        let thread = self.now().thread.take();
        if let Some((sender, has_ended)) = thread {
            drop(sender);
            let _ = has_ended.recv_timeout(LAST_LINES_WITHIN);
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<(String, UnixMs)>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line that says how many are missing, in the shape of the others.
fn gap(lost: u64) -> String {
    let message = format!("{lost} lines before this one are not in this file: they could not be written");
    serde_json::json!({"timestamp": rfc3339(SystemClock.now_ms()), "level": "WARN", "message": message}).to_string()
}

/// What to do about it.
fn advice(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "Make room in the data folder, or let fewer or smaller files be kept. Lines go to standard error all the same."
        }
        _ => "Let this user write there, or switch log files off. Lines go to standard error all the same.",
    }
}

/// The thread's hands.
struct Writer {
    wanted: Wanted,
    file: Option<File>,
    /// The last line is there in part.
    torn: bool,
}

impl Writer {
    fn put(&mut self, line: &str) -> std::io::Result<()> {
        let done = self.try_put(line);
        if done.is_err() {
            self.file = None;
        }
        done
    }

    fn try_put(&mut self, line: &str) -> std::io::Result<()> {
        let begin = if self.torn { "\n" } else { "" };
        let bytes = format!("{begin}{line}\n").into_bytes();
        loop {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(open(&self.wanted.path())?),
            };
            let is = file.metadata()?;
            // Somebody has removed it.
            let is_gone = is.nlink() == 0;
            if !is_gone && (is.len() == 0 || is.len() + bytes.len() as u64 <= self.wanted.limit_bytes) {
                self.torn = true;
                file.write_all(&bytes)?;
                self.torn = false;
                return Ok(());
            }
            if !is_gone {
                put_aside(file, &self.wanted)?;
            }
            self.file = None;
        }
    }
}

/// For this user alone: lines hold names of people and addresses of the household.
fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Makes room for the next file. Two jobs may come to this at the same moment: the second one finds that it is done.
fn put_aside(file: &File, wanted: &Wanted) -> std::io::Result<()> {
    rustix::fs::flock(file, rustix::fs::FlockOperation::LockExclusive)?;
    let (path, own) = (wanted.path(), file.metadata()?);
    let is_done = std::fs::metadata(&path).is_ok_and(|now| (now.dev(), now.ino()) != (own.dev(), own.ino()));
    if is_done {
        return Ok(());
    }
    // Fewer may be wanted by now.
    for number in wanted.rotate..=MOST_KEPT {
        or_absent(std::fs::remove_file(wanted.aside(number)))?;
    }
    for number in (1..wanted.rotate).rev() {
        or_absent(std::fs::rename(wanted.aside(number), wanted.aside(number + 1)))?;
    }
    or_absent(std::fs::rename(path, wanted.aside(1)))
}

fn or_absent(done: std::io::Result<()>) -> std::io::Result<()> {
    done.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn log_file() -> &'static LogFile {
        Box::leak(Box::new(LogFile::new()))
    }

    fn wanted(folder: &Path, limit_bytes: u64, rotate: u32) -> Wanted {
        Wanted { folder: folder.join(FOLDER), program: "service", limit_bytes, rotate }
    }

    /// What stands in each file, by its name.
    fn files(folder: &Path) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = std::fs::read_dir(folder.join(FOLDER))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap()))
            .collect();
        all.sort();
        all
    }

    fn named(names: &[(&str, &str)]) -> Vec<(String, String)> {
        names.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn lines_are_written_in_their_order_for_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let log = log_file();
        log.push("before anybody wants it");
        let earlier = Recent::new();
        earlier.push("first\n");
        log.follow(Some(wanted(folder.path(), 1_000, 3)), &earlier);
        log.push("second\n");
        log.finish();
        assert_eq!(files(folder.path()), named(&[("service.log", "first\nsecond\n")]));
        let mode = |path: &str| folder.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("logs"), mode("logs/service.log")), (0o700, 0o600));
        log.follow(None, &Recent::new());
        log.push("afterwards");
        log.finish();
        assert_eq!(files(folder.path()), named(&[("service.log", "first\nsecond\n")]));
        assert_eq!(log.state(), None);
        log.follow(Some(wanted(folder.path(), 1_000, 3)), &earlier);
        log.push("third");
        log.finish();
        assert_eq!(files(folder.path()), named(&[("service.log", "first\nsecond\nthird\n")]), "nothing twice");
    }

    #[test]
    fn a_file_that_is_full_is_put_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let log = log_file();
        log.follow(Some(wanted(folder.path(), 10, 2)), &Recent::new());
        for line in ["1234", "5678", "abcd", "a line that is longer than all of it", "efgh", "last"] {
            log.push(line);
        }
        log.finish();
        let with_two = [
            ("service.1.log", "a line that is longer than all of it\n"),
            ("service.2.log", "abcd\n"),
            ("service.log", "efgh\nlast\n"),
        ];
        assert_eq!(files(folder.path()), named(&with_two));
        // Fewer are wanted now.
        log.follow(Some(wanted(folder.path(), 10, 1)), &Recent::new());
        log.push("next");
        log.finish();
        assert_eq!(files(folder.path()), named(&[("service.1.log", "efgh\nlast\n"), ("service.log", "next\n")]));
    }

    #[test]
    fn two_programs_that_find_it_full_at_once_put_one_file_aside() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path(), 10, 3);
        let writer = || Writer { wanted: wanted.clone(), file: None, torn: false };
        let (mut one, mut other) = (writer(), writer());
        one.put("1234").unwrap();
        other.put("5678").unwrap();
        one.put("of one").unwrap();
        other.put("x").unwrap();
        assert_eq!(files(folder.path()), named(&[("service.1.log", "1234\n5678\n"), ("service.log", "of one\nx\n")]));
        // Somebody tidies up.
        std::fs::remove_file(folder.path().join("logs/service.log")).unwrap();
        one.put("anew").unwrap();
        assert_eq!(files(folder.path())[1], ("service.log".to_owned(), "anew\n".to_owned()));
    }

    #[test]
    fn what_cannot_be_written_is_told_counted_and_said_in_the_file_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        // A file where the folder would be.
        std::fs::write(folder.path().join(FOLDER), "").unwrap();
        let log = log_file();
        let wanted = wanted(folder.path(), 1_000, 3);
        let mut writer = Writer { wanted: wanted.clone(), file: None, torn: false };
        log.follow(Some(wanted), &Recent::new());
        log.write(&mut writer, "lost");
        log.write(&mut writer, "lost as well");
        let (why, _, lost) = log.state().unwrap().trouble.unwrap();
        assert!(why.contains("failed to write the log file") && why.contains("standard error all the same"), "{why}");
        assert_eq!(lost, 2);
        std::fs::remove_file(folder.path().join(FOLDER)).unwrap();
        log.write(&mut writer, "written");
        assert_eq!(log.state().unwrap().trouble, None);
        let [(_, text)] = &files(folder.path())[..] else { panic!("one file") };
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("2 lines before this one are not in this file"), "{text}");
        assert_eq!(lines[1..], ["written"]);
    }

    #[test]
    fn whoever_logs_waits_for_no_disk_and_what_finds_no_room_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        // Nobody reads at the other end, so that who opens it to write waits for ever.
        std::fs::create_dir(folder.path().join(FOLDER)).unwrap();
        let pipe = folder.path().join(FOLDER).join("service.log");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let log = log_file();
        log.follow(Some(wanted(folder.path(), 1_000, 3)), &Recent::new());
        let line = "x".repeat(1_000);
        for _ in 0..MOST_WAITING.1 / line.len() + 100 {
            log.push(&line);
        }
        assert!(log.lost.load(Ordering::Relaxed) >= 99, "{:?}", log.lost);
        // What was taken before is written all the same, once somebody reads.
        log.follow(None, &Recent::new());
        let read = std::fs::read_to_string(&pipe).unwrap();
        assert!(read.len() >= MOST_WAITING.1 / 2, "{} bytes", read.len());
    }
}
