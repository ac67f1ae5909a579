//! `cargo screenshots`: every page of a lively household in light, in dark and on a telephone, as `target/screenshots/{page}-{look}.png`.
//! Arguments are parts of names: `cargo screenshots activity` makes those of the activity alone.

use std::path::Path;
use std::process::ExitCode;

use pulsarr_tests::browser::{Browser, Look, missing};
use pulsarr_tests::lively::Lively;
use pulsarr_tests::page_list::{PAGES, Seen};
use pulsarr_tests::service::free_port;

const LOOKS: [(&str, Look); 3] = [("light", Look::LIGHT), ("dark", Look::DARK), ("phone", Look::PHONE)];

fn main() -> ExitCode {
    if let Some(why) = missing() {
        eprintln!("no screenshots without a browser: {why}. Install the packages chromium and chromium-driver.");
        return ExitCode::FAILURE;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let lively = Lively::move_in(free_port());
    lively.begin_a_slow_run(100);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let browser = Browser::open(lively.service.port, Look::LIGHT);
    for seen in [Seen::SignedOut, Seen::SignedIn] {
        if seen == Seen::SignedIn {
            browser.sign_in(&lively.session);
        }
        let pages = PAGES.iter().filter(|page| page.seen == seen);
        for page in
            pages.filter(|page| wanted.is_empty() || wanted.iter().any(|part| page.name.contains(part.as_str())))
        {
            let path = page.path(&lively.household);
            for (look, how) in LOOKS {
                browser.look(how);
                browser.goto(&path);
                let file = folder.join(format!("{}-{look}.png", page.name));
                std::fs::write(&file, browser.screenshot()).expect("the target folder can be written");
                println!("{path} {look}: target/screenshots/{}-{look}.png", page.name);
            }
        }
    }
    ExitCode::SUCCESS
}
