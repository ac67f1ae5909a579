//! `cargo demo`: an invented household, and two runs of the real `pulsarr sync` against it. Everything is on loopback and in a
//! temporary folder, and gone at the end. `cargo demo --keep` leaves the household standing until Enter is pressed, and prints the
//! environment with which to try `pulsarr` on it by hand. `cargo demo --serve` opens the whole product instead, at a household with a
//! month behind it, until Ctrl-C; `--serve 8080` at another port than the service's own.

use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, SETTINGS};
use pulsarr_tests::lively::{ADMIN, Lively, PASSWORD};
use pulsarr_tests::programs::program;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What this household wants otherwise than by default.
const RULES: &str = "\
rules:
  - name: anime a season at a time
    when: {type: show, genre: {contains: anime}}
    route: {to: shows, monitor: first_season}
    label: anime for {user}
  - name: ines is new here
    when: {user: ines_vale}
    require_approval: until she knows what we have
tests:
  - given: {title: Paper Comets, type: show, genres: [Anime, Fantasy], user: tomas.r}
    expect: {route: [shows], options: {shows: {monitor: first_season}}}
";

/// Where the whole product is: the service's own port, so that the address is the one of the README.
const PORT: u16 = 3003;

/// Between two things that happen in the household.
const PAUSE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    if arguments.any(|argument| argument == "--serve") {
        return match arguments.next().map(|port| port.parse()) {
            None => serve(PORT),
            Some(Ok(port)) => serve(port),
            Some(Err(error)) => {
                eprintln!("after --serve comes a port: {error}");
                ExitCode::from(64)
            }
        };
    }
    let household = moved_in();
    println!("An invented household: Plex with four people, a Radarr and a Sonarr, all on loopback.");
    let mut ended_well = true;
    let runs: [(&str, &[&str]); 6] = [
        ("pulsarr sync  # what the CronJob runs every five minutes", &["sync"]),
        ("pulsarr sync  # once more: nothing has changed", &["sync"]),
        ("pulsarr approvals  # what waits for somebody to say yes", &["approvals"]),
        ("pulsarr explain \"Paper Comets\"", &["explain", "Paper Comets"]),
        ("pulsarr check --rules  # the tests beside the rules", &["check", "--rules"]),
        ("pulsarr simulate  # where everything on the lists would go now", &["simulate"]),
    ];
    for (number, (prompt, arguments)) in runs.into_iter().enumerate() {
        household.clear_journals();
        let done = household.pulsarr(arguments);
        let requests = [household.plex.journal(), household.radarr.journal(), household.sonarr.journal()];
        let [plex, radarr, sonarr] = requests.map(|seen| seen.len());
        let asked = match arguments {
            ["sync"] => format!("; requests: {plex} to Plex, {radarr} to Radarr, {sonarr} to Sonarr"),
            _ => String::new(),
        };
        if number > 0 {
            println!();
        }
        println!("$ {prompt}{asked}\n{}", done.stdout.trim_end());
        if done.code != Some(0) {
            eprintln!("pulsarr ended with {:?}\n{}", done.code, done.stderr);
            ended_well = false;
        }
    }
    if std::env::args().any(|argument| argument == "--keep") {
        keep(&household);
    }
    if ended_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Opens the product for people to look around in. Ctrl-C ends it with everything that belongs to it.
fn serve(port: u16) -> ExitCode {
    if let Err(error) = TcpListener::bind(("0.0.0.0", port)) {
        eprintln!(
            "port {port} cannot be had: {error}. Something else listens there, perhaps another demo: end it, and try again."
        );
        return ExitCode::FAILURE;
    }
    // From here on: what comes while the household is busy is looked at afterwards, so that nothing is left behind.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let mut orders = runtime.block_on(async { [SignalKind::interrupt(), SignalKind::terminate()].map(listen) });
    println!("Moving an invented household in: a month of its life takes half a minute …");
    let mut lively = Lively::move_in(port);
    lively.begin_a_slow_run(40);
    println!("\n  http://localhost:{port}   user name {ADMIN}, password {PASSWORD}\n");
    println!(
        "Plex, two Sonarrs and two Radarrs are stand-ins on loopback; people go on to want things. Ctrl-C ends it all."
    );
    while !runtime.block_on(told_to_end(&mut orders, PAUSE)) {
        lively.go_on();
    }
    ExitCode::SUCCESS
}

fn listen(kind: SignalKind) -> Signal {
    signal(kind).expect("signals can be waited for")
}

/// Whether somebody wants it to end, by Ctrl-C or SIGTERM, within this time.
async fn told_to_end([interrupted, terminated]: &mut [Signal; 2], within: Duration) -> bool {
    tokio::select! {
        _ = interrupted.recv() => true,
        _ = terminated.recv() => true,
        () = tokio::time::sleep(within) => false,
    }
}

/// Leaves the household standing for people to play with.
fn keep(household: &Household) {
    println!("The household stays until you press Enter. In another shell:");
    for (name, value) in &household.vars {
        println!("export {name}='{value}'");
    }
    println!("{} sync --full", program("pulsarr").display());
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Mirela owns the server; Tomas and Ines are friends, and Jo keeps a private list.
fn moved_in() -> Household {
    let mut household = Household::new();
    household.vars.insert("PULSARR_LOG".into(), "off".into());
    household.write_settings(&format!("{SETTINGS}{RULES}"));
    let Household { plex, radarr, .. } = &household;
    let (owner, tomas, ines, jo) =
        (plex.owner_uuid(), plex.add_friend("tomas.r"), plex.add_friend("ines_vale"), plex.add_friend("jo.marsh"));
    plex.set_private(&jo, true);

    let ledger = plex.add_title(Title::movie("Salt Ledger").year(2025).tmdb(900_002).imdb("tt90000002"));
    let harbour = plex.add_title(Title::show("Harbour Nine").year(2024).tvdb(800_001).tmdb(900_001).genre("Drama"));
    let comets = plex.add_title(Title::show("Paper Comets").year(2026).tvdb(800_014).genre("Anime").genre("Fantasy"));
    let winter = plex.add_title(Title::movie("A Winter Without Owls").year(2023).tmdb(900_050));
    let banned = plex.add_title(Title::movie("The Loud Duke").year(2019).tmdb(900_066));
    let fresh = plex.add_title(Title::movie("Untitled Lighthouse Film").year(2027).without_ids());
    radarr.add_movie(900_050, "A Winter Without Owls");
    radarr.exclude(900_066, "The Loud Duke");

    for title in [&ledger, &winter, &harbour] {
        plex.watch(&owner, title.as_str());
    }
    for title in [&comets, &ledger, &banned] {
        plex.watch(&tomas, title.as_str());
    }
    for title in [&harbour, &fresh] {
        plex.watch(&ines, title.as_str());
    }
    household
}
