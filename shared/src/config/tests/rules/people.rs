//! What holds for people: quotas, names, and how approvals end.

use super::*;
use crate::model::{Period, Quota, WhenExceeded};

#[test]
fn quotas_are_read_with_their_defaults() {
    let config = load(
        "\
users:
  defaults:
    require_approval: true
    quotas:
      - {type: movie, period: daily, limit: 3}
      - {type: movie, period: monthly, limit: 30, reset_day: 31, short_month: skip, when_exceeded: wait}
      - {type: movie, period: monthly, limit: 30}
      - {type: show, period: rolling, limit: 2}
      - {type: show, period: rolling, limit: 9, days: 30, when_exceeded: skip}
      - {type: show, period: watchlist_cap, limit: 1000}
  overrides:
    - {plex: ann, quotas: [], require_approval: false, bypass_quota: true}
    - {plex: bob, quotas: [{type: show, period: weekly, limit: 1}]}
"
        .replace("      - {type: movie, period: monthly, limit: 30}\n", "")
        .as_str(),
    )
    .unwrap();
    let users = &config.settings.users;
    let usual = &users.default_standing;
    let periods: Vec<Period> = usual.quotas.iter().map(|quota| quota.period).collect();
    assert_eq!(
        periods,
        [
            Period::Daily,
            Period::Monthly { reset_day: 31, short_month: ShortMonth::Skip },
            Period::Rolling { days: 7 },
            Period::Rolling { days: 30 },
            Period::WatchlistCap,
        ]
    );
    let exceeded: Vec<WhenExceeded> = usual.quotas.iter().map(|quota| quota.when_exceeded).collect();
    use WhenExceeded::{Approval, Skip, Wait};
    assert_eq!(exceeded, [Approval, Wait, Approval, Skip, Approval]);
    assert!(users.standing(&user("carol")).require_approval);
    let ann = users.standing(&user("Ann"));
    assert!(!ann.require_approval && ann.bypass_quota && ann.quotas.is_empty());
    let bob = users.standing(&user("bob"));
    assert!(bob.require_approval && !bob.bypass_quota);
    assert!(matches!(bob.quotas[..], [Quota { period: Period::Weekly, limit: 1, .. }]));
}

#[test]
fn mistakes_in_quotas_are_named() {
    let with = |quotas: &str| format!("users:\n  defaults:\n    quotas: [{quotas}]\n");
    let refused = |quotas: &str, message: &str| {
        check(&with(quotas), &[(3, &format!("users.defaults.quotas{message}"))]);
    };
    refused(
        "{type: movie, period: daily, limit: 0}",
        "[0].limit: `limit: 0` would refuse everything: write a rule with `exclude: true`, or `sync: false` for this user",
    );
    refused(
        "{type: movie, period: daily, limit: 1001}",
        "[0].limit: expected a whole number from 1 to 1000, found `1001`",
    );
    refused("{type: movie, period: daily, limit: -1}", "[0].limit: expected a whole number from 1 to 1000, found `-1`");
    refused("{type: movie, period: daily}", "[0].limit: is missing: add `limit: …`");
    refused("{type: film, period: daily, limit: 1}", "[0].type: expected one of movie, show; found `film`");
    refused(
        "{type: movie, period: yearly, limit: 1}",
        "[0].period: expected one of daily, weekly, monthly, rolling, watchlist_cap; found `yearly`",
    );
    refused(
        "{type: movie, period: daily, limit: 1, days: 3}",
        "[0].days: `days` belongs to `period: rolling`, and this one is daily: remove the line",
    );
    refused(
        "{type: movie, period: rolling, limit: 1, reset_day: 3}",
        "[0].reset_day: `reset_day` belongs to `period: monthly`, and this one is rolling: remove the line",
    );
    refused(
        "{type: movie, period: rolling, limit: 1, days: 366}",
        "[0].days: expected a whole number from 1 to 365, found `366`",
    );
    refused(
        "{type: movie, period: monthly, limit: 1, reset_day: 32}",
        "[0].reset_day: expected a whole number from 1 to 31, found `32`",
    );
    refused(
        "{type: movie, period: monthly, limit: 1, short_month: never}",
        "[0].short_month: expected one of last_day, skip, next_month; found `never`",
    );
    refused(
        "{type: movie, period: daily, limit: 1, when_exceeded: ask}",
        "[0].when_exceeded: expected one of approval, wait, skip; found `ask`",
    );
    refused(
        "{type: movie, period: rolling, limit: 1}, {type: movie, period: rolling, limit: 2, days: 7}",
        "[1]: users.defaults.quotas[0] counts the same titles in the same time: keep one of the two",
    );
}

#[test]
fn two_people_are_never_called_the_same() {
    check(
        "\
users:
  overrides:
    - {plex: ann, alias: Bob}
    - {plex: bob, alias: Tv}
    - {plex: carol, alias: tv}
    - {plex: dora, alias: Dora}
",
        &[
            (3, "users.overrides[0].alias: `bob` is what Plex calls another user here: choose another alias"),
            (5, "users.overrides[2].alias: the alias in line 9 is the same: give each person their own"),
        ],
    );
}

#[test]
fn approvals_end_as_they_are_told() {
    let approvals = |yaml: &str| load(yaml).unwrap().settings.approvals;
    let after = |hours: u32, then| Expiry { after_h: Some(hours), then };
    assert_eq!(approvals(""), crate::model::ApprovalSettings::default());
    let found = approvals(
        "approvals: {expire_after_h: 24, then: approve, rule: {expire_after_h: 72}, user: {then: expire}, quota: \
         {expire_after_h: never, approve_when_free: false}}\n",
    );
    assert_eq!(found.rule, after(72, WhenExpired::Approve));
    assert_eq!(found.user, after(24, WhenExpired::Expire));
    assert_eq!(found.quota.after_h, None);
    assert!(!found.approve_when_quota_frees);
    assert_eq!(
        approvals("approvals: {then: approve, rule: {expire_after_h: 1}}\n").rule,
        after(1, WhenExpired::Approve)
    );
    check(
        "approvals:\n  rule: {expire_after_h: 0}\n  user: {expire_after_h: 8761}\n  quota: {then: approve}\n",
        &[
            (2, "approvals.rule.expire_after_h: expected hours from 1 to 8760, or never; found `0`"),
            (3, "approvals.user.expire_after_h: expected hours from 1 to 8760, or never; found `8761`"),
            (4, "approvals.quota.then: never comes to pass without `expire_after_h`: add it, or remove this line"),
        ],
    );
    check(
        "approvals: {rule: {then: reject, expire_after_h: 3}}\n",
        &[(1, "approvals.rule.then: expected one of expire, approve; found `reject`")],
    );
}
