//! `pulsarr approvals`: lists what somebody has to say yes to, and says it.

use pulsarr_shared::amend::Amendment;
use pulsarr_shared::approval::expires_at_ms;
use pulsarr_shared::clock::{Clock, SystemClock, rfc3339};
use pulsarr_shared::config::Config;
use pulsarr_shared::explain::Asked;
use pulsarr_shared::model::{Approval, ApprovalId, ApprovalState, Destination, WhenExpired};
use pulsarr_shared::printable::Lines;
use pulsarr_shared::store::{ApprovalRow, Db, NewAuditRow, Store, StoreError, Verdict};
use serde_json::json;

use super::{load_whole_config, open_store_if_any, say, usage};
use crate::arguments::{ApprovalsAction, ApprovalsArguments, ApproveArguments};
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Runs the command.
pub fn run(arguments: &ApprovalsArguments) -> Result<ExitCode, Failure> {
    let config = load_whole_config()?;
    let Some(store) = open_store_if_any(&config)? else {
        say("Nothing waits for approval: no run yet. `pulsarr sync` makes the first.\n");
        return Ok(ExitCode::Done);
    };
    let text = match &arguments.action {
        None => list(store.read(), &config, false)?,
        Some(ApprovalsAction::List { all }) => list(store.read(), &config, *all)?,
        Some(ApprovalsAction::Show { id }) => show(store.read(), &config, id)?,
        Some(ApprovalsAction::Approve(arguments)) => approve(&store, &config, arguments)?,
        Some(ApprovalsAction::Reject { ids, note, by }) => reject(&store, ids, note.as_deref(), &who(by.as_deref()))?,
    };
    say(&text);
    Ok(ExitCode::Done)
}

/// A line for each request, oldest first, with what it waits for below.
fn list(db: Db<'_>, config: &Config, all: bool) -> Result<String, StoreError> {
    let rows = db.approvals((!all).then_some(ApprovalState::Pending))?;
    let mut lines = Lines::new();
    if rows.is_empty() {
        lines.line(if all { "Nobody was ever asked for anything." } else { "Nothing waits for approval." });
        return Ok(lines.into_text());
    }
    for row in &rows {
        let ApprovalRow { approval, title, user, .. } = row;
        let state = if all { format!("{}, ", stands(approval)) } else { String::new() };
        lines.line(format_args!(
            "{:>4}  {}, wanted by {}: {state}to {}",
            approval.id.0,
            title.label(),
            everybody(user, &row.wanted_too),
            instances(approval.destinations())
        ));
        let settings = &config.settings.approvals;
        let ends = expires_at_ms(approval, settings).map(|at| {
            let then = match settings.expiry(approval.trigger).then {
                WhenExpired::Expire => "it expires",
                WhenExpired::Approve => "it is approved",
            };
            format!("; unanswered, {then} at {}", rfc3339(at))
        });
        lines.line(format_args!(
            "      asked {}, because: {}{}",
            rfc3339(approval.asked_at_ms),
            approval.reason,
            ends.unwrap_or_default()
        ));
    }
    if !all {
        lines.line("`pulsarr approvals approve ID` or `pulsarr approvals reject ID` answers.");
    }
    Ok(lines.into_text())
}

/// `pending`, `approved by mirela`, `auto approved by pulsarr`.
fn stands(approval: &Approval) -> String {
    let state = approval.state.word().replace('_', " ");
    match &approval.decided_by {
        Some(by) => format!("{state} by {by}"),
        None => state,
    }
}

fn show(db: Db<'_>, config: &Config, id: &str) -> Result<String, Failure> {
    let rows = db.approvals(None)?;
    let row = find(&rows, id, |_| true)?;
    let named = |id: ApprovalId| rows.iter().find(|row| row.approval.id == id);
    let asked = Asked {
        approval: row.approval.clone(),
        wanted_too: row.wanted_too.clone(),
        leader: row.approval.follows.and_then(named).map(|row| row.user.clone()),
        events: db.approval_events(row.approval.id)?,
    };
    let mut lines = Lines::new();
    lines.line(format_args!("{}, a {} wanted by {}", row.title.label(), row.title.media_type, row.user));
    asked.tell(&mut lines, &config.policy());
    Ok(lines.into_text())
}

fn approve(store: &Store, config: &Config, arguments: &ApproveArguments) -> Result<String, Failure> {
    let by = who(arguments.by.as_deref());
    let amendment = amendment(arguments);
    let rows = store.read().approvals(None)?;
    let chosen: Vec<&ApprovalRow> = if arguments.all {
        without_followers(rows.iter().filter(|row| row.approval.state == ApprovalState::Pending).collect())
    } else {
        // Nobody having answered in time is no answer.
        choose(&rows, &arguments.ids, &[ApprovalState::Pending, ApprovalState::Expired])?
    };
    // Every change is looked at before anything is decided.
    let mut verdicts = Vec::with_capacity(chosen.len());
    for row in chosen {
        let ApprovalRow { approval, title, .. } = row;
        let edited = amendment.apply(approval, title, &config.settings.instances, &by);
        let edited =
            edited.map_err(|sentence| usage(format!("approve {} ({}): {sentence}", approval.id.0, title.label())))?;
        verdicts.push((approval.id, Verdict::Approve { edited }));
    }
    let decided = decide(store, &verdicts, &by, arguments.note.as_deref())?;
    let mut lines = Lines::new();
    for ApprovalRow { approval, title, user, wanted_too } in &decided {
        lines.line(format_args!(
            "Approved {}: {}, wanted by {}, to {}",
            approval.id.0,
            title.label(),
            everybody(user, wanted_too),
            instances(approval.destinations())
        ));
    }
    lines.line(match decided.len() {
        0 => "Nothing waits for approval.",
        1 => "The next run adds it.",
        _ => "The next run adds them.",
    });
    Ok(lines.into_text())
}

fn reject(store: &Store, ids: &[String], note: Option<&str>, by: &str) -> Result<String, Failure> {
    let rows = store.read().approvals(None)?;
    let chosen = choose(&rows, ids, &[ApprovalState::Pending])?;
    let verdicts: Vec<_> = chosen.into_iter().map(|row| (row.approval.id, Verdict::Reject)).collect();
    let decided = decide(store, &verdicts, by, note)?;
    let mut lines = Lines::new();
    for ApprovalRow { approval, title, user, wanted_too } in &decided {
        let wanted_by = everybody(user, wanted_too);
        lines.line(format_args!("Rejected {}: {}, wanted by {wanted_by}", approval.id.0, title.label()));
    }
    lines.line("Nothing is added. Taking a title off the watchlist and adding it again asks anew.");
    Ok(lines.into_text())
}

/// Decides all of them or none. Answers each once, also those that were decided along with another.
fn decide(
    store: &Store,
    verdicts: &[(ApprovalId, Verdict)],
    by: &str,
    note: Option<&str>,
) -> Result<Vec<ApprovalRow>, StoreError> {
    let (now_ms, who) = (SystemClock.now_ms(), format!("{by} (command line)"));
    store.write(|db| {
        let mut decided: Vec<ApprovalRow> = Vec::new();
        for (id, verdict) in verdicts {
            if decided.iter().any(|row| row.approval.id == *id) {
                continue;
            }
            let rows = db.decide_approvals(&[*id], verdict, by, note, now_ms)?;
            // In the words of the API.
            let action = match verdict {
                Verdict::Approve { .. } => "approval.approved",
                Verdict::Reject => "approval.rejected",
            };
            let ids: Vec<i64> = rows.iter().map(|row| row.approval.id.0).collect();
            let detail = json!({"ids": ids, "note": note}).to_string();
            db.add_audit(NewAuditRow { at_ms: now_ms, who: &who, address: None, action, target: "", detail: &detail })?;
            decided.extend(rows);
        }
        Ok(decided)
    })
}

/// The requests that `ids` name, each once, all of them in one of `states`. Those that share the answer of another one among them
/// are left out.
fn choose<'a>(
    rows: &'a [ApprovalRow],
    ids: &[String],
    states: &[ApprovalState],
) -> Result<Vec<&'a ApprovalRow>, Failure> {
    let mut chosen: Vec<&ApprovalRow> = Vec::new();
    for id in ids {
        let row = find(rows, id, |row| states.contains(&row.approval.state))?;
        let state = row.approval.state;
        if !states.contains(&state) {
            let label = row.title.label();
            let state = state.word().replace('_', " ");
            return Err(usage(format!(
                "decide {} ({label}): it is {state} already; nothing was decided",
                row.approval.id.0
            )));
        }
        if !chosen.iter().any(|other| other.approval.id == row.approval.id) {
            chosen.push(row);
        }
    }
    Ok(without_followers(chosen))
}

/// Those of `chosen` that do not share the answer of another one among them.
fn without_followers(mut chosen: Vec<&ApprovalRow>) -> Vec<&ApprovalRow> {
    let ids: Vec<ApprovalId> = chosen.iter().map(|row| row.approval.id).collect();
    chosen.retain(|row| row.approval.follows.is_none_or(|leader| !ids.contains(&leader)));
    chosen
}

/// The request with this number, or the only open one with this in its title.
fn find<'a>(
    rows: &'a [ApprovalRow],
    wanted: &str,
    open: impl Fn(&ApprovalRow) -> bool,
) -> Result<&'a ApprovalRow, Failure> {
    let wanted = wanted.trim();
    let number = wanted.trim_start_matches('#').parse().ok().map(ApprovalId);
    if let Some(row) = rows.iter().find(|row| Some(row.approval.id) == number) {
        return Ok(row);
    }
    let text = wanted.to_lowercase();
    let with = |fits: &dyn Fn(&str) -> bool| {
        // Others who want the same title are answered along with the one who asked first.
        let first = |row: &&ApprovalRow| {
            row.approval.follows.is_none_or(|leader| !rows.iter().any(|row| row.approval.id == leader && open(row)))
        };
        let named = rows.iter().filter(|row| fits(&row.title.title.to_lowercase()) && open(row));
        named.filter(first).collect::<Vec<_>>()
    };
    let mut found = with(&|title| title == text);
    if found.is_empty() && !text.is_empty() {
        found = with(&|title| title.contains(&text));
    }
    match found[..] {
        [row] => Ok(row),
        [] => Err(usage(format!("find a request `{wanted}`; `pulsarr approvals` lists those that are open"))),
        ref several => {
            let named: Vec<String> = several
                .iter()
                .map(|row| format!("{} ({}, {})", row.approval.id.0, row.title.label(), row.user))
                .collect();
            Err(usage(format!("tell which request `{wanted}` means: {}; name one by its number", named.join(", "))))
        }
    }
}

fn amendment(arguments: &ApproveArguments) -> Amendment {
    let tags = |text: &String| {
        let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        tags.map(str::to_owned).collect::<Vec<_>>()
    };
    Amendment {
        to: arguments.to.clone(),
        quality_profile: arguments.quality_profile.clone(),
        root_folder_path: arguments.root_folder.clone(),
        tags: arguments.tags.as_ref().map(tags),
        search_on_add: arguments.search,
        monitor: arguments.monitor.clone(),
        minimum_availability: arguments.minimum_availability,
        monitor_new_items: arguments.monitor_new_items,
        series_type: arguments.series_type,
        season_folder: arguments.season_folder,
        seasons: arguments.seasons.clone(),
    }
}

/// Who decides: as given, or whoever runs this process.
fn who(given: Option<&str>) -> String {
    let name = |text: &str| Some(text.trim().to_owned()).filter(|name| !name.is_empty());
    let user = || std::env::var("USER").ok().and_then(|user| name(&user));
    given.and_then(name).or_else(user).unwrap_or_else(|| "command line".to_owned())
}

fn everybody(user: &str, wanted_too: &[String]) -> String {
    std::iter::once(user).chain(wanted_too.iter().map(String::as_str)).collect::<Vec<_>>().join(" and ")
}

fn instances(destinations: &[Destination]) -> String {
    let names: Vec<String> = destinations.iter().map(|to| format!("`{}`", to.instance)).collect();
    if names.is_empty() { "no instance".to_owned() } else { names.join(", ") }
}
