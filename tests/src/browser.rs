//! A real browser: headless Chromium, driven over WebDriver as a person would use it. What is looked for is waited for, up to a
//! deadline, so that a slow machine changes nothing but the time.
//!
//! Without Chromium and its driver every story says that it is skipped; `PULSARR_REQUIRE_BROWSER=1` makes it fail instead.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
pub use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::household::{Running, wait_at_most};
use crate::service;
use crate::session::Session;

/// How long anything on a page may take to come: several browsers may share two cores.
const PATIENCE: Duration = Duration::from_secs(60);

/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Nothing but the page: no profile of anybody's, no questions at the start, no calls home.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Containers have little of it.
    "--disable-dev-shm-usage",
];

/// How a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Width of the window in CSS pixels.
    pub width: u32,
    /// Height of the window in CSS pixels.
    pub height: u32,
    /// Whether the system asks for dark colours.
    pub dark: bool,
    /// Whether scripts of the page run.
    pub scripts: bool,
}

impl Look {
    /// A window on a desk, in light colours.
    pub const LIGHT: Self = Self { width: 1280, height: 900, dark: false, scripts: true };
    /// The same in dark colours.
    pub const DARK: Self = Self { dark: true, ..Self::LIGHT };
    /// A telephone.
    pub const PHONE: Self = Self { width: 390, height: 844, ..Self::LIGHT };
    /// Somebody who has switched JavaScript off.
    pub const WITHOUT_SCRIPTS: Self = Self { scripts: false, ..Self::LIGHT };
}

/// One browser with one window. It ends when it is dropped.
pub struct Browser {
    runtime: Runtime,
    /// Absent only while dropping.
    client: Option<Client>,
    session: String,
    port: u16,
    /// Where pages are: `http://127.0.0.1:3003`.
    origin: String,
    look: Cell<Look>,
    /// Messages of the log that belong to the story, by a part of them.
    expected: RefCell<Vec<String>>,
    /// Dropped in this order: the driver first, then what it works in.
    _driver: Running,
    _folder: TempDir,
}

/// Starts the driver, working in `folder`, on a free port. It takes one number for IPv4 and IPv6, and ends when somebody else, another
/// driver for one, was faster with either; then it is started again.
///
/// # Panics
/// When it does not start in five attempts, with what it said.
fn start_driver(folder: &Path) -> (Running, u16) {
    let mut said = String::new();
    for _attempt in 0..5 {
        let mut command = Command::new("chromedriver");
        // Chromium leaves a folder of its own where temporary files are.
        command.arg("--port=0").env("TMPDIR", folder).current_dir(folder);
        let mut driver = Running::start(command);
        let mut port = None;
        wait_at_most(PATIENCE, "chromedriver listens or ends", || {
            let ended = driver.has_ended();
            said = format!("{}{}", driver.stdout(), driver.stderr());
            port = listening_port(&said);
            port.is_some() || ended
        });
        if let Some(port) = port {
            return (driver, port);
        }
    }
    panic!("chromedriver does not start; the last time it said:\n{said}");
}

/// The port in the driver's first words.
fn listening_port(said: &str) -> Option<u16> {
    let (_, rest) = said.split_once("started successfully on port ")?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// Why there is no browser here; `None` when there is one.
#[must_use]
pub fn missing() -> Option<String> {
    for program in ["chromedriver", "chromium"] {
        if let Err(error) = Command::new(program).arg("--version").output() {
            return Some(format!("`{program}` cannot be started: {error}"));
        }
    }
    None
}

impl Browser {
    /// Opens a window for the service at this port of loopback.
    ///
    /// # Panics
    /// When Chromium or its driver does not start.
    #[must_use]
    pub fn open(port: u16, look: Look) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a temporary folder");
        let (driver, driver_port) = start_driver(folder.path());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let connecting = async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            let capabilities = capabilities(folder.path(), look);
            builder.capabilities(capabilities.as_object().expect("an object").clone());
            let client = builder.connect(&format!("http://127.0.0.1:{driver_port}")).await.expect("Chromium starts");
            let session = client.session_id().await.ok().flatten().expect("a session has an id");
            (client, session)
        };
        let (client, session) = runtime.block_on(connecting);
        let browser = Self {
            runtime,
            client: Some(client),
            session,
            port: driver_port,
            origin: format!("http://127.0.0.1:{port}"),
            look: Cell::new(look),
            expected: RefCell::default(),
            _driver: driver,
            _folder: folder,
        };
        browser.look(look);
        browser
    }

    /// Looks differently from now on; whether scripts run stays as it was.
    pub fn look(&self, look: Look) {
        self.look.set(look);
        let (width, height) = (look.width, look.height);
        let mobile = width < 600;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Whether scripts of the page run.
    #[must_use]
    pub fn scripts(&self) -> bool {
        self.look.get().scripts
    }

    /// Withholds the scripts of pages from now on, or lets them come again. A page is then as where JavaScript is switched off, and still
    /// answers what it is asked from outside; where it is switched off nothing that takes time does.
    pub fn withhold_scripts(&self, withheld: bool) {
        self.look.set(Look { scripts: !withheld, ..self.look.get() });
        self.devtools("Network.enable", &json!({}));
        // What is in its memory would not be asked for.
        self.devtools("Network.setCacheDisabled", &json!({"cacheDisabled": withheld}));
        let withheld: &[&str] = if withheld { &["*.js"] } else { &[] };
        self.devtools("Network.setBlockedURLs", &json!({"urls": withheld}));
        self.expects("net::ERR_BLOCKED_BY_CLIENT");
    }

    /// Goes to a path of the service, and waits until the page is loaded.
    pub fn goto(&self, path: &str) {
        let address = format!("{}{path}", self.origin);
        let gone = self.block_on(async |client| client.goto(&address).await);
        gone.unwrap_or_else(|error| self.fail(&format!("failed to go to {address}: {error}")));
    }

    /// The path and query of the page that is shown.
    #[must_use]
    pub fn path(&self) -> String {
        let url = self.block_on(async |client| client.current_url().await);
        let url = url.unwrap_or_else(|error| self.fail(&format!("failed to tell where it is: {error}")));
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", url.path())
    }

    /// Waits until the page at this path, query and all, is shown.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn at(&self, path: &str) {
        self.until(&format!("{path} is shown"), || self.path(), |now| now == path);
    }

    /// What can be read on the page.
    #[must_use]
    pub fn text(&self) -> String {
        self.eventually("the page has a text", async |client| client.find(Locator::Css("body")).await?.text().await)
    }

    /// Waits until this can be read on the page.
    ///
    /// # Panics
    /// When it cannot in time.
    pub fn sees(&self, text: &str) {
        self.until(&format!("`{text}` can be read"), || self.text(), |shown| shown.contains(text));
    }

    /// Waits until this can no longer be read on the page.
    ///
    /// # Panics
    /// When it still can when time is over.
    pub fn sees_no_more(&self, text: &str) {
        self.until(&format!("`{text}` is gone"), || self.text(), |shown| !shown.contains(text));
    }

    /// How many elements of the page a CSS selector finds.
    #[must_use]
    pub fn count(&self, css: &str) -> usize {
        self.eventually(css, async |client| Ok(client.find_all(Locator::Css(css)).await?.len()))
    }

    /// Waits until a CSS selector finds something.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn finds(&self, css: &str) {
        self.eventually(css, async |client| client.find(Locator::Css(css)).await.map(drop));
    }

    /// What can be read in the first element that a CSS selector finds.
    #[must_use]
    pub fn text_of(&self, css: &str) -> String {
        self.eventually(css, async |client| client.find(Locator::Css(css)).await?.text().await)
    }

    /// An attribute of the first element that a CSS selector finds; empty when it has none.
    #[must_use]
    pub fn attribute(&self, css: &str, name: &str) -> String {
        let asked = async |client: &Client| client.find(Locator::Css(css)).await?.attr(name).await;
        self.eventually(css, asked).unwrap_or_default()
    }

    /// Clicks on the first element that a CSS selector finds.
    pub fn click(&self, css: &str) {
        self.eventually(css, async |client| click(client, client.find(Locator::Css(css)).await?).await);
    }

    /// Clicks on the first button or link that is shown with this text.
    pub fn press(&self, label: &str) {
        let path = format!(
            "//*[self::button or self::a or self::summary][normalize-space(.)={0} or @aria-label={0}]\
             [not(@aria-hidden='true')]",
            quoted(label)
        );
        self.eventually(&format!("`{label}` can be pressed"), async |client| {
            click(client, shown(client.find_all(Locator::XPath(&path)).await?).await?).await
        });
    }

    /// Writes into the field of this label, instead of what stands there.
    pub fn fill(&self, label: &str, text: &str) {
        self.eventually(&format!("`{label}` can be filled in"), async |client| {
            let field = field(client, label).await?;
            field.clear().await?;
            field.send_keys(text).await
        });
    }

    /// Chooses an option of the field of this label by what can be read.
    pub fn choose(&self, label: &str, option: &str) {
        self.eventually(&format!("`{option}` can be chosen for `{label}`"), async |client| {
            field(client, label).await?.select_by_label(option).await
        });
    }

    /// Writes into the first field that a CSS selector finds, for those that have no label of their own.
    pub fn write(&self, css: &str, text: &str) {
        self.eventually(&format!("{css} can be filled in"), async |client| {
            let field = client.find(Locator::Css(css)).await?;
            field.clear().await?;
            field.send_keys(text).await
        });
    }

    /// Chooses an option by its value in the first field that a CSS selector finds.
    pub fn pick(&self, css: &str, value: &str) {
        self.eventually(&format!("`{value}` can be chosen in {css}"), async |client| {
            let wanted = format!(".//option[@value={0} or not(@value) and normalize-space(.)={0}]", quoted(value));
            client.find(Locator::Css(css)).await?.find(Locator::XPath(&wanted)).await?.click().await
        });
    }

    /// Ticks or unticks the box of this label, or picks the radio button.
    pub fn tick(&self, label: &str) {
        self.eventually(&format!("`{label}` can be ticked"), async |client| {
            click(client, field(client, label).await?).await
        });
    }

    /// What stands in the field of this label.
    #[must_use]
    pub fn value(&self, label: &str) -> String {
        let asked = async |client: &Client| field(client, label).await?.prop("value").await;
        self.eventually(&format!("`{label}` is there"), asked).unwrap_or_default()
    }

    /// Types keys into whatever has the focus.
    pub fn keys(&self, keys: &str) {
        let typed = async |client: &Client| client.active_element().await?.send_keys(keys).await;
        self.eventually("keys can be typed", typed);
    }

    /// Presses one of the keys that write nothing, in whatever has the focus.
    pub fn key(&self, key: Key) {
        self.keys(&char::from(key).to_string());
    }

    /// Presses Enter in whatever has the focus.
    pub fn enter(&self) {
        self.key(Key::Enter);
    }

    /// Agrees with the question that the page asks.
    pub fn agree(&self) {
        self.eventually("the page asks", async |client| client.accept_alert().await);
    }

    /// Loads the page anew.
    pub fn reload(&self) {
        self.eventually("the page is loaded anew", async |client| client.refresh().await);
    }

    /// What a function body answers in the page, such as `return document.title`.
    #[must_use]
    pub fn run(&self, script: &str) -> Value {
        self.eventually(script, async |client| client.execute(script, Vec::new()).await)
    }

    /// What a function body hands to its last argument, the callback; from its beginning again where the page is drawn anew meanwhile.
    #[must_use]
    pub fn run_and_wait(&self, script: &str) -> Value {
        self.eventually("a script has come to its end", async |client| client.execute_async(script, Vec::new()).await)
    }

    /// Forgets whoever is signed in.
    pub fn forget_cookies(&self) {
        self.eventually("cookies are forgotten", async |client| client.delete_all_cookies().await);
    }

    /// Signs in without the form.
    pub fn sign_in(&self, session: &Session) {
        let (name, value) = session.cookie.split_once('=').expect("a cookie has a name and a value");
        let cookie = json!({"name": name, "value": value, "url": self.origin, "httpOnly": true});
        self.devtools("Network.setCookie", &cookie);
    }

    /// The whole page as PNG, also what is below the window.
    #[must_use]
    pub fn screenshot(&self) -> Vec<u8> {
        let before = self.look.get();
        let height = self.run("return document.documentElement.scrollHeight").as_u64().unwrap_or_default();
        let height = u32::try_from(height).unwrap_or_default().max(before.height);
        let whole = Look { height, ..before };
        self.look(whole);
        let shot = self.view();
        self.look(before);
        shot
    }

    /// What the window shows of the page, as PNG.
    #[must_use]
    pub fn view(&self) -> Vec<u8> {
        self.eventually("a screenshot", async |client| client.screenshot().await)
    }

    /// A message of the browser's log that contains this belongs to the story: the 401 of a wrong password.
    pub fn expects(&self, part: &str) {
        self.expected.borrow_mut().push(part.to_owned());
    }

    /// What the browser has complained of since the last look: errors of scripts, refused by the content policy, resources that do
    /// not load.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let log = self.driver("se/log", &json!({"type": "browser"}));
        let expected = self.expected.borrow();
        let entries = log.as_array().cloned().unwrap_or_default();
        let messages = entries.into_iter().filter_map(|entry| {
            let message = entry["message"].as_str()?.to_owned();
            let grave = entry["level"] == "SEVERE" || message.contains("Content Security Policy");
            (grave && !expected.iter().any(|part| message.contains(part))).then_some(message)
        });
        messages.collect()
    }

    /// # Panics
    /// When the browser has complained of anything that is not expected.
    pub fn has_no_complaint(&self) {
        let complaints = self.complaints();
        if !complaints.is_empty() {
            self.fail(&format!("the browser complains:\n{}", complaints.join("\n")));
        }
    }

    /// Waits until what is asked holds.
    ///
    /// # Panics
    /// When it does not in time, with the last answer.
    pub fn until<T: Debug>(&self, what: &str, mut ask: impl FnMut() -> T, holds: impl Fn(&T) -> bool) -> T {
        let deadline = deadline();
        loop {
            let answer = ask();
            if holds(&answer) {
                return answer;
            }
            if is_over(deadline) {
                self.fail(&format!("waited in vain until {what}; now: {answer:#?}"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// A command of Chromium's own.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.driver("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// What chromedriver can beyond the standard.
    fn driver(&self, command: &str, body: &Value) -> Value {
        let path = format!("/session/{}/{command}", self.session);
        let headers = [("Content-Type", "application/json")];
        let answer = service::ask(self.port, "POST", &path, &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{command}: {}", answer.body);
        answer.json()["value"].clone()
    }

    fn block_on<T>(&self, act: impl AsyncFnOnce(&Client) -> T) -> T {
        let client = self.client.as_ref().expect("there until it is dropped");
        self.runtime.block_on(act(client))
    }

    /// Tries until it works: what is not there yet may come, and what was just replaced is found anew.
    fn eventually<T>(&self, what: &str, act: impl AsyncFn(&Client) -> Result<T, CmdError>) -> T {
        let deadline = deadline();
        let act = &act;
        loop {
            let error = match self.block_on(async |client| act(client).await) {
                Ok(done) => return done,
                Err(error) => error,
            };
            if is_over(deadline) {
                self.fail(&format!("waited in vain: {what}: {error}"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// # Panics
    /// Always, naming a screenshot of the page.
    pub fn fail(&self, what: &str) -> ! {
        panic!("{what}\n{}", self.evidence())
    }

    /// Where the browser is, and a screenshot of it in `target/browser-failures`, in words.
    #[must_use]
    pub fn evidence(&self) -> String {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("page").replace("::", "-");
        let folder = workspace().join("target/browser-failures");
        let file = folder.join(format!("{name}.png"));
        let client = self.client.as_ref().expect("there until it is dropped");
        let (url, shot) = self.runtime.block_on(async { (client.current_url().await, client.screenshot().await) });
        let place = url.map_or_else(|error| error.to_string(), |url| url.to_string());
        let kept = shot.map_err(|error| error.to_string()).and_then(|png| {
            std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
            std::fs::write(&file, png).map_err(|error| error.to_string())
        });
        match kept {
            Ok(()) => format!("the browser was at {place}; how it looked: {}", file.display()),
            Err(error) => format!("the browser was at {place}; no screenshot: {error}"),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium ends with the session; killing the driver alone would leave it running.
        if let Some(client) = self.client.take() {
            let _ = self.runtime.block_on(client.close());
        }
    }
}

fn capabilities(folder: &Path, look: Look) -> Value {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let size = format!("--window-size={},{}", look.width, look.height);
    let flags: Vec<&str> = FLAGS.into_iter().chain([profile.as_str(), size.as_str()]).collect();
    let scripts = if look.scripts { 1 } else { 2 };
    json!({
        "browserName": "chrome",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {
            "args": flags,
            "prefs": {"profile.managed_default_content_settings.javascript": scripts},
        },
        "timeouts": {"script": 60_000, "pageLoad": 60_000},
    })
}

/// Clicks on an element in the middle of the window, where no bar that stays in place covers it.
async fn click(client: &Client, element: Element) -> Result<(), CmdError> {
    let element_json = serde_json::to_value(&element).map_err(CmdError::from)?;
    client.execute("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", vec![element_json]).await?;
    element.click().await
}

/// The first of these that is shown.
async fn shown(elements: Vec<Element>) -> Result<Element, CmdError> {
    for element in elements {
        if element.is_displayed().await? {
            return Ok(element);
        }
    }
    Err(CmdError::WaitTimeout)
}

/// The field that the label with this text is of: the one it names, or the one inside it. A label may say more after the text, such
/// as a hint.
async fn field(client: &Client, label: &str) -> Result<Element, CmdError> {
    let text = quoted(label);
    for said in [format!("normalize-space(.)={text}"), format!("starts-with(normalize-space(.), {text})")] {
        let fields = "self::input or self::select or self::textarea";
        let path = format!(
            "//*[{fields}][@id=//label[{said}]/@for or ancestor::label[{said}] or starts-with(@aria-label, {text})][not(@type='hidden')]"
        );
        if let Ok(found) = shown(client.find_all(Locator::XPath(&path)).await?).await {
            return Ok(found);
        }
    }
    Err(CmdError::WaitTimeout)
}

/// Text as XPath writes it.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace").to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a deadline for what another program brings about")]
fn deadline() -> std::time::Instant {
    std::time::Instant::now() + PATIENCE
}

#[expect(clippy::disallowed_methods, reason = "a deadline for what another program brings about")]
fn is_over(deadline: std::time::Instant) -> bool {
    std::time::Instant::now() >= deadline
}
