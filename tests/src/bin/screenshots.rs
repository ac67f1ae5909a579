//! `cargo screenshots`: every page of the first visit and of a lively household in light, in dark and on a telephone, as
//! `target/screenshots/{page}-{look}.png`. Arguments are parts of names: `cargo screenshots activity` makes those of the activity alone.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pulsarr_tests::browser::{Browser, Look, missing};
use pulsarr_tests::first_visit::{go_through, nothing_set_up};
use pulsarr_tests::lively::Lively;
use pulsarr_tests::page_list::{PAGES, Seen};
use pulsarr_tests::service::free_port;

const LOOKS: [(&str, Look); 3] = [("light", Look::LIGHT), ("dark", Look::DARK), ("phone", Look::PHONE)];

fn main() -> ExitCode {
    if let Some(why) = missing() {
        eprintln!("no screenshots without a browser: {why}. Install the packages chromium and chromium-driver.");
        return ExitCode::FAILURE;
    }
    let album = Album {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots"),
        wanted: std::env::args().skip(1).collect(),
    };
    std::fs::create_dir_all(&album.folder).expect("the target folder can be written");
    if PAGES.iter().any(|page| album.wants(page.name)) {
        lively_household(&album);
    }
    // Its pages have no list: the walk through them names them.
    if album.wanted.is_empty() || album.wanted.iter().any(|part| part.contains("setup")) {
        first_visit(&album);
    }
    ExitCode::SUCCESS
}

/// Where the pictures go, and of what they are.
struct Album {
    folder: PathBuf,
    /// Parts of names; empty for everything.
    wanted: Vec<String>,
}

impl Album {
    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|part| name.contains(part.as_str()))
    }

    /// Takes what is shown in every look, each after `prepare`.
    fn take(&self, browser: &Browser, name: &str, prepare: impl Fn()) {
        for (look, how) in LOOKS {
            browser.look(how);
            prepare();
            let file = format!("{name}-{look}.png");
            std::fs::write(self.folder.join(&file), browser.screenshot()).expect("the target folder can be written");
            println!("target/screenshots/{file}");
        }
    }
}

fn lively_household(album: &Album) {
    let lively = Lively::move_in(free_port());
    lively.begin_a_slow_run(100);
    let browser = Browser::open(lively.service.port, Look::LIGHT);
    for seen in [Seen::SignedOut, Seen::SignedIn] {
        if seen == Seen::SignedIn {
            browser.sign_in(&lively.session);
        }
        for page in PAGES.iter().filter(|page| page.seen == seen && album.wants(page.name)) {
            let path = page.path(&lively.household);
            album.take(&browser, page.name, || browser.goto(&path));
        }
    }
}

fn first_visit(album: &Album) {
    let mut household = nothing_set_up();
    let service = household.serve();
    let browser = Browser::open(service.port, Look::LIGHT);
    go_through(&browser, &household, &service, |page| {
        // What waits on the page would be lost if it were loaded again.
        album.take(&browser, page, || {});
        browser.look(Look::LIGHT);
    });
}
