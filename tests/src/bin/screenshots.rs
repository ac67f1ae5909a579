//! `cargo screenshots`: every page of the first visit and of a lively household in light, in dark and on a telephone, as
//! `target/screenshots/{page}-{look}.png`. Arguments are parts of names: `cargo screenshots activity` makes those of the activity alone.
//! `cargo screenshots --readme` makes the six that the README shows anew, in `webhook-svc/pictures`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pulsarr_tests::browser::{Browser, Look, missing};
use pulsarr_tests::first_visit::{go_through, nothing_set_up};
use pulsarr_tests::lively::Lively;
use pulsarr_tests::page_list::{Listed, PAGES, Seen};
use pulsarr_tests::service::free_port;
use serde_json::json;

const LOOKS: [(&str, Look); 3] = [("light", Look::LIGHT), ("dark", Look::DARK), ("phone", Look::PHONE)];

/// As the README has room for it.
const LIGHT: Look = Look { height: 720, ..Look::LIGHT };
const DARK: Look = Look { dark: true, ..LIGHT };

/// Down to the posters.
const TALL: Look = Look { height: 1170, ..LIGHT };

/// Where there is room for what a rule would do beside it.
const WIDE: Look = Look { width: 1440, height: 900, ..LIGHT };

/// How many pictures in sight have not come yet.
const MISSING: &str =
    "return [...document.images].filter((it) => !it.complete && it.getBoundingClientRect().top < innerHeight).length";

/// What the README shows: pages by their names, and how they are looked at.
const README: [(&str, &str, Look); 6] = [
    ("overview", "light", TALL),
    ("setup-plex", "light", LIGHT),
    ("title", "light", LIGHT),
    ("rule", "light", WIDE),
    ("approvals", "dark", DARK),
    ("stats", "phone", Look::PHONE),
];

fn main() -> ExitCode {
    if let Some(why) = missing() {
        eprintln!("no screenshots without a browser: {why}. Install the packages chromium and chromium-driver.");
        return ExitCode::FAILURE;
    }
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let readme = wanted.iter().any(|argument| argument == "--readme");
    let folder = if readme { "webhook-svc/pictures" } else { "target/screenshots" };
    let album = Album { folder, readme, wanted };
    std::fs::create_dir_all(album.path("")).expect("the workspace can be written");
    if PAGES.iter().any(|page| album.wants(page.name)) {
        lively_household(&album);
    }
    // Its pages have no list: the walk through them names them.
    if readme || album.wanted.is_empty() || album.wanted.iter().any(|part| part.contains("setup")) {
        first_visit(&album);
    }
    ExitCode::SUCCESS
}

/// Where the pictures go, and of what they are.
struct Album {
    /// In the workspace.
    folder: &'static str,
    /// Those of the README alone.
    readme: bool,
    /// Parts of names; empty for everything.
    wanted: Vec<String>,
}

impl Album {
    fn path(&self, file: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(self.folder).join(file)
    }

    fn wants(&self, name: &str) -> bool {
        if self.readme {
            return README.iter().any(|(page, ..)| *page == name);
        }
        self.wanted.is_empty() || self.wanted.iter().any(|part| name.contains(part.as_str()))
    }

    /// Takes what is shown in every look, each after `prepare`. The README has room for what a window shows, the rest is whole.
    fn take(&self, browser: &Browser, name: &str, prepare: impl Fn()) {
        let looks: Vec<(&str, Look)> = match self.readme {
            true => README.iter().filter(|(page, ..)| *page == name).map(|(_, look, how)| (*look, *how)).collect(),
            false => LOOKS.to_vec(),
        };
        for (look, how) in looks {
            browser.look(how);
            prepare();
            browser.until("its pictures are there", || browser.run(MISSING), |missing| *missing == 0);
            let picture = if self.readme { in_short(browser) } else { browser.screenshot() };
            let file = format!("{name}-{look}.png");
            std::fs::write(self.path(&file), picture).expect("the workspace can be written");
            println!("{}/{file}", self.folder);
        }
    }
}

/// What the window shows, without the bars at its edges.
fn in_short(browser: &Browser) -> Vec<u8> {
    browser.devtools("Emulation.setScrollbarsHidden", &json!({"hidden": true}));
    browser.view()
}

fn lively_household(album: &Album) {
    let lively = Lively::move_in(free_port());
    if !album.readme {
        lively.begin_a_slow_run(100);
    }
    let browser = Browser::open(lively.service.port, Look::LIGHT);
    for seen in [Seen::SignedOut, Seen::SignedIn] {
        if seen == Seen::SignedIn {
            browser.sign_in(&lively.session);
        }
        for page in PAGES.iter().filter(|page| page.seen == seen && album.wants(page.name)) {
            album.take(&browser, page.name, || open(&browser, page, &lively, album.readme));
        }
    }
}

/// Goes to the page; in the README a rule is shown with what it would do.
fn open(browser: &Browser, page: &Listed, lively: &Lively, readme: bool) {
    browser.goto(&page.path(&lively.household));
    if readme && page.name == "rule" {
        browser.press("Preview");
        browser.finds(".what-if");
    }
}

fn first_visit(album: &Album) {
    let mut household = nothing_set_up();
    let service = household.serve();
    let browser = Browser::open(service.port, Look::LIGHT);
    go_through(&browser, &household, &service, |page| {
        if album.wants(page) {
            // What waits on the page would be lost if it were loaded again.
            album.take(&browser, page, || {});
            browser.look(Look::LIGHT);
        }
    });
}
