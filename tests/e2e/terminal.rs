//! A terminal for stories: a program runs on a pseudo-terminal, and its bytes are drawn as a terminal would draw them. And what
//! words from elsewhere must not do there.

use std::fs::File;
use std::io::Read;
use std::process::Command;

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::Household;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::wanting_two;

/// Wide enough that no line of a story is broken.
const COLUMNS: u16 = 200;

/// What a program left on its terminal.
pub struct OnTerminal {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Every byte it wrote, in order.
    pub bytes: String,
}

/// Runs `command` to its end with standard output and standard error on the same terminal.
pub fn run_on_terminal(mut command: Command) -> OnTerminal {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::from(rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
    let size = Winsize { ws_row: 50, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&theirs, size).unwrap();
    command.env("TERM", "xterm").stdout(theirs.try_clone().unwrap()).stderr(theirs);
    let mut child = command.spawn().unwrap();
    // The command still holds the other end; as long as anybody does, reading never comes to an end.
    drop(command);
    let mut bytes = Vec::new();
    // The end of a terminal is an error, and not the end of a file.
    let _ = File::from(ours).read_to_end(&mut bytes);
    let code = child.wait().unwrap().code();
    OnTerminal { code, bytes: String::from_utf8(bytes).unwrap() }
}

impl OnTerminal {
    /// The lines on the screen at the end, without trailing blanks; the last one that is not empty comes last.
    pub fn screen(&self) -> Vec<String> {
        let mut screen = Screen::default();
        let mut characters = self.bytes.chars();
        while let Some(character) = characters.next() {
            match character {
                '\u{1b}' => {
                    assert_eq!(characters.next(), Some('['), "an order of another kind: {:?}", self.bytes);
                    let mut parameters = String::new();
                    let order = characters.by_ref().find(|&one| {
                        let ends = one.is_ascii_alphabetic();
                        if !ends {
                            parameters.push(one);
                        }
                        ends
                    });
                    screen.obey(order.unwrap(), &parameters);
                }
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                character => screen.put(character),
            }
        }
        let mut lines: Vec<String> =
            screen.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}

/// As much of a terminal as the programs use.
#[derive(Default)]
struct Screen {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    fn row(&mut self) -> &mut Vec<char> {
        if self.rows.len() <= self.row {
            self.rows.resize(self.row + 1, Vec::new());
        }
        &mut self.rows[self.row]
    }

    fn put(&mut self, character: char) {
        let column = self.column;
        assert!(column < usize::from(COLUMNS), "a line is too long for the screen: {:?}", self.rows.last());
        let row = self.row();
        if row.len() <= column {
            row.resize(column + 1, ' ');
        }
        row[column] = character;
        self.column += 1;
    }

    fn obey(&mut self, order: char, parameters: &str) {
        let column = self.column;
        match (order, parameters) {
            ('K', "" | "0") => self.row().truncate(column),
            ('K', "2") => self.row().clear(),
            ('A', rows) => self.row = self.row.saturating_sub(rows.parse().unwrap_or(1)),
            // Colours.
            ('m', _) => {}
            _ => panic!("the screen does not know ESC [ {parameters} {order}"),
        }
    }
}

/// A title, a name and a refusal that try to take over the terminal.
fn household_with_traps() -> Household {
    let household = wanting_two();
    let tomas = household.plex.add_friend("tomas\u{1b}]0;owned\u{7}\r\nok in 0 ms");
    household
        .plex
        .watch(&tomas, Title::movie("The Loud\u{1b}[2J Duke\nok in 1 ms; all is well").year(2021).tmdb(900_066));
    household.plex.watch(&tomas, Title::movie("A Film \u{9b}31mNobody\u{202e} Knows").year(2015).tmdb(900_404));
    household.radarr.unknown_id(900_404);
    household
}

fn assert_harmless(text: &str) {
    assert!(!text.contains(|one: char| one != '\n' && (one.is_control() || one == '\u{202e}')), "{text:?}");
    assert!(!text.contains("\nok in 0 ms") && !text.contains("\nok in 1 ms"), "{text}");
}

#[test]
fn words_from_elsewhere_neither_command_the_terminal_nor_begin_lines() {
    let household = household_with_traps();
    let report = household.pulsarr(&["sync"]);
    let status = household.status();
    let stories = [household.explain("The Loud"), household.explain("Nobody"), household.explain("\u{1b}[2J\u{7}")];
    let checked = household.pulsarr(&["check"]);
    let unknown = household.pulsarr(&["sync", "--user", "\u{1b}[2J"]);

    assert_eq!((report.code, checked.code, unknown.code), (Some(0), Some(0), Some(64)), "{}", report.stderr);
    for text in [&report.stdout, &status, &stories[0], &stories[1], &stories[2], &checked.stdout, &checked.stderr] {
        assert_harmless(text);
    }
    assert_harmless(unknown.stderr.lines().last().unwrap());
    // What is there is shown, so that it can be found.
    assert!(
        report.stdout.contains("+ The Loud\\u{1b}[2J Duke\\nok in 1 ms; all is well (2021), wanted by"),
        "{}",
        report.stdout
    );
    assert!(status.contains("A Film \\u{9b}31mNobody\\u{202e} Knows (2015) by `movies`"), "{status}");
    assert!(checked.stdout.contains("tomas\\u{1b}]0;owned\\u{7}\\r\\nok in 0 ms"), "{}", checked.stdout);
    assert!(unknown.stderr.contains("known are: mirela_q, tomas\\u{1b}"), "{}", unknown.stderr);
}

#[test]
fn the_words_of_a_list_that_could_not_be_read_are_harmless_too() {
    let household = household_with_traps();
    household.plex.inject(Fault::on("POST", "/community/api").skip(1).status(500));
    assert_harmless(&household.pulsarr(&["sync"]).stdout);
    assert_harmless(&household.status());
}
