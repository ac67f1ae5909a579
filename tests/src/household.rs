//! A household to tell stories about: a Plex with an owner, a Radarr and a Sonarr (all of them stand-ins), a data folder, a
//! settings file, and the real `pulsarr` to run against them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::fakes::{FakePlex, FakeRadarr, FakeSonarr, Title};
use crate::programs::program;

/// The settings file most stories start with.
pub const SETTINGS: &str = "\
plex:
  token: ${PLEX_TOKEN}
instances:
  - name: movies
    kind: radarr
    url: ${RADARR_URL}
    api_key: ${RADARR_API_KEY}
    default: true
    quality_profile: HD-1080p
    tags: [watchlist]
  - name: shows
    kind: sonarr
    url: ${SONARR_URL}
    api_key: ${SONARR_API_KEY}
    default: true
";

/// The stand-ins and the folder of one household. Everything ends when it is dropped.
pub struct Household {
    /// Plex.
    pub plex: FakePlex,
    /// The Radarr called `movies`.
    pub radarr: FakeRadarr,
    /// The Sonarr called `shows`.
    pub sonarr: FakeSonarr,
    /// Variables for the programs; a story may change them.
    pub vars: BTreeMap<String, String>,
    folder: TempDir,
}

/// What a finished `pulsarr` left behind.
#[derive(Debug)]
pub struct Done {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error: logs and messages.
    pub stderr: String,
}

impl Done {
    /// The JSON report on standard output.
    ///
    /// # Panics
    /// When standard output is not exactly one JSON object.
    #[must_use]
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON report ({error}):\n{}\n{}", self.stdout, self.stderr))
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A household whose owner wants a movie and a show.
#[must_use]
pub fn wanting_two() -> Household {
    let household = Household::new();
    let owner = household.plex.owner_uuid();
    household.plex.watch(&owner, Title::movie("Salt Ledger").year(2025).tmdb(900_002).imdb("tt90000002"));
    household.plex.watch(&owner, Title::show("Harbour Nine").year(2024).tvdb(800_001).genre("Drama"));
    household
}

impl Default for Household {
    fn default() -> Self {
        Self::new()
    }
}

impl Household {
    /// The owner alone, with an empty watchlist and empty libraries, and [`SETTINGS`].
    ///
    /// # Panics
    /// When the machine has no room for a temporary folder.
    #[must_use]
    pub fn new() -> Self {
        let (plex, radarr, sonarr) = (FakePlex::start(), FakeRadarr::start(), FakeSonarr::start());
        let folder = tempfile::tempdir().expect("there is room for a temporary folder");
        let mut vars: BTreeMap<String, String> =
            plex.envs().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let own = [
            ("PLEX_TOKEN", plex.owner_token()),
            ("RADARR_API_KEY", radarr.api_key()),
            ("SONARR_API_KEY", sonarr.api_key()),
            ("PULSARR_DATA_DIR", folder.path().join("data").display().to_string()),
            ("PULSARR_CONFIG", folder.path().join("pulsarr.yaml").display().to_string()),
            ("PULSARR_TERMINATION_LOG", folder.path().join("termination-log").display().to_string()),
            ("PULSARR_PLEX_PAGE_PAUSE_MS", "0".to_owned()),
            ("PULSARR_RETRY_BASE_MS", "0".to_owned()),
            ("PULSARR_PORT", "0".to_owned()),
            ("PULSARR_METRICS_PORT", "0".to_owned()),
        ];
        vars.extend(own.map(|(name, value)| (name.to_owned(), value)));
        let household = Self { plex, radarr, sonarr, vars, folder };
        household.write_settings(SETTINGS);
        household
    }

    /// Replaces the settings file. `${RADARR_URL}` and `${SONARR_URL}` become the stand-ins' addresses.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write_settings(&self, yaml: &str) {
        let yaml = yaml.replace("${RADARR_URL}", &self.radarr.url()).replace("${SONARR_URL}", &self.sonarr.url());
        std::fs::write(self.folder.path().join("pulsarr.yaml"), yaml).expect("the temporary folder can be written");
    }

    /// The folder with the settings file, the data folder and the termination log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        PathBuf::from(&self.vars["PULSARR_DATA_DIR"])
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data_dir().join("db").join("pulsarr.db")
    }

    /// Writes this year into what is stored about a movie. No program reads a title of the year 99,999: it stands for damage.
    ///
    /// # Panics
    /// When the movie is not in the store.
    pub fn store_year(&self, tmdb_id: i64, year: i64) {
        let store = rusqlite::Connection::open(self.database()).expect("the store is there");
        let changed = store.execute("UPDATE titles SET year = ?1 WHERE tmdb_id = ?2", [year, tmdb_id]);
        assert_eq!(changed.expect("the store can be written"), 1, "there is a movie {tmdb_id}");
    }

    /// Sets a variable of the programs.
    pub fn set(&mut self, name: &str, value: &str) {
        self.vars.insert(name.to_owned(), value.to_owned());
    }

    /// `pulsarr` with these arguments and nothing in its environment but the household's variables.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_of("pulsarr");
        command.args(arguments);
        command
    }

    /// Runs `pulsarr` to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn pulsarr(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().expect("pulsarr can be started").into()
    }

    /// Starts `pulsarr` and leaves it running.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Starts `pulsarr-webhook-svc` and leaves it running.
    #[must_use]
    pub fn start_service(&self) -> Running {
        Running::start(self.command_of("pulsarr-webhook-svc"))
    }

    /// Runs `pulsarr-webhook-svc` with these arguments to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn ask_service(&self, arguments: &[&str]) -> Done {
        self.command_of("pulsarr-webhook-svc").args(arguments).output().expect("the service can be started").into()
    }

    fn command_of(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command.current_dir(self.folder.path()).env_clear().envs(&self.vars).stdin(Stdio::null());
        command
    }

    /// `pulsarr sync --report json` to its end.
    #[must_use]
    pub fn sync(&self) -> Done {
        self.pulsarr(&["sync", "--report", "json"])
    }

    /// A sync that has nothing to complain about: its report.
    ///
    /// # Panics
    /// When it does not end with 0.
    pub fn sync_well(&self) -> Value {
        let done = self.sync();
        assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
        done.report()
    }

    /// What `pulsarr explain` tells about a title.
    ///
    /// # Panics
    /// When it does not end with 0.
    #[must_use]
    pub fn explain(&self, title: &str) -> String {
        self.told(&["explain", title])
    }

    /// What `pulsarr status` tells.
    ///
    /// # Panics
    /// When it does not end with 0.
    #[must_use]
    pub fn status(&self) -> String {
        self.told(&["status"])
    }

    fn told(&self, arguments: &[&str]) -> String {
        let done = self.pulsarr(arguments);
        assert_eq!(done.code, Some(0), "{arguments:?}\n{}\n{}", done.stdout, done.stderr);
        done.stdout
    }

    /// Forgets every request the stand-ins have seen.
    pub fn clear_journals(&self) {
        self.plex.clear_journal();
        self.radarr.clear_journal();
        self.sonarr.clear_journal();
    }
}

/// A program that was started. It is killed when dropped.
pub struct Running {
    child: Child,
    /// Standard output and standard error as files, so that they can be read at any time and never fill up.
    output: TempDir,
}

impl Running {
    /// Starts any program.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let output = tempfile::tempdir().expect("there is room for a temporary folder");
        let file = |name| File::create(output.path().join(name)).expect("the temporary folder can be written");
        command.stdout(file("stdout")).stderr(file("stderr"));
        Self { child: command.spawn().expect("the program can be started"), output }
    }

    /// Standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// Standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    /// When the process is gone already.
    pub fn terminate(&self) {
        // The standard library only knows SIGKILL.
        let kill = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("there is a shell");
        assert!(sent.success(), "the process could not be told to end");
    }

    /// Sends SIGKILL, waits until the process is gone, and answers what it left behind. One that has ended by itself is as welcome.
    ///
    /// # Panics
    /// When the kernel does not let us.
    pub fn kill(mut self) -> Done {
        self.child.kill().expect("a child can be killed");
        let status = self.child.wait().expect("a child can be waited for");
        Done { code: status.code(), stdout: self.read("stdout"), stderr: self.stderr() }
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// When the kernel does not tell.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not end within 20 seconds.
    #[must_use]
    pub fn finish(mut self) -> Done {
        let mut status: Option<ExitStatus> = None;
        wait_until("the program ends", || {
            status = self.child.try_wait().expect("a child can be waited for");
            status.is_some()
        });
        Done { code: status.and_then(|status| status.code()), stdout: self.read("stdout"), stderr: self.stderr() }
    }

    fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.output.path().join(name)).expect("the output is there");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail for one that has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `condition` holds, looking every few milliseconds.
///
/// # Panics
/// When it does not hold within 20 seconds.
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_at_most(Duration::from_secs(20), what, condition);
}

/// Waits until `condition` holds, for what takes longer on a busy machine than anything of ours.
///
/// # Panics
/// When it does not hold in this time.
#[expect(clippy::disallowed_methods, reason = "a deadline for a condition that other processes bring about")]
pub fn wait_at_most(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + patience;
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
